"""Names in messages and lists: in what order, how many of them, and what to say of an unknown one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

MOST_LISTED = 20


def natural(path: Path) -> tuple[list[int | str], str]:
    """A sorting key by which a file frame2 comes before frame10, and Frame9 between them."""
    parts = re.split(r"([0-9]+)", path.name)
    return [int(part) if k % 2 else part.casefold() for k, part in enumerate(parts)], path.name


def some(items: Iterable[object], most: int = 5) -> str:
    """The first few items, and how many more there are: ``1, 2, 3 and 4 more``."""
    names = [str(item) for item in items]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def counted(number: int, noun: str) -> str:
    """``1 mask``, ``2 masks``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """``unknown KIND 'NAME'``, then the closest of ``known``, or all of them where none is close.

    Where they are too many to list, the closest is named however far it is.
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6 if len(names) <= MOST_LISTED else 0.0)
    if close:
        return f"unknown {kind} {name!r}; did you mean {close[0]!r}?"
    if names:
        return f"unknown {kind} {name!r}; choose one of {', '.join(names)}"
    return f"unknown {kind} {name!r}; there is none to choose"
