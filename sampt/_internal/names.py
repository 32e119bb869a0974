"""Names in messages and lists: their order, their number, and unknown ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

# Trackers use the same words, and may not import from here.
from sampt.trackers.names import unknown_name

__all__ = ["first_few", "natural", "plural", "unknown_name"]


def natural(path: Path) -> tuple[list[int | str], str]:
    """Sort key that puts a file frame2 before frame10, and Frame9 between them."""
    parts = re.split(r"([0-9]+)", path.name)
    return [int(part) if k % 2 else part.casefold() for k, part in enumerate(parts)], path.name


def first_few(items: Iterable[object], most: int = 5) -> str:
    """Text of the first few items and the number of the rest: ``1, 2, 3 and 4 more``."""
    names = [str(item) for item in items]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def plural(number: int, noun: str) -> str:
    """Text such as ``1 mask`` or ``2 masks``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
