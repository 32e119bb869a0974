"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sampt.errors import OutputError


def check_parent(path: Path) -> None:
    """Find out before any work that there is a folder for ``path``.

    Raises:
        OutputError: there is none.
    """
    if not path.absolute().parent.is_dir():
        raise OutputError(f"cannot write {path}: make the folder {path.parent} first")


def check_file(path: Path) -> None:
    """Find out before any work that ``path`` can be a file.

    Raises:
        OutputError: it is a folder, or there is no folder for it.
    """
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder; give a file")
    check_parent(path)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary name beside ``path``, renamed to ``path`` at the end of the block, removed if it fails.

    The suffix stays, since many writers choose the format by it.

    Raises:
        OutputError: the file cannot be written.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.stem}.{uuid.uuid4().hex[:8]}{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"cannot write {target} ({reason}); choose a place that can be written") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
