"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

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
        OutputError: it is a folder, or there is no folder for it that can be written.
    """
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder; give a file")
    check_parent(path)
    check_writable(path.absolute().parent)


def check_writable(folder: Path) -> None:
    """Find out before any work that ``folder`` can be written, or made; nothing is left behind.

    Raises:
        OutputError: it cannot.
    """
    try:
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        with tempfile.TemporaryFile(dir=there):  # permissions alone say too little: of /proc, say, to root
            pass
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"cannot write into {folder} ({reason}); choose another place") from error


def make_folder(path: str | os.PathLike[str]) -> None:
    """Make a folder and those above it, unless they are there.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"cannot make the folder {path} ({reason}); choose another place") from error


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


def write_json(path: str | os.PathLike[str], data: Any) -> None:
    """Write plain values as JSON in UTF-8, whole or not at all, and replace a file that is there already.

    Raises:
        OutputError: the file cannot be written.
    """
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    # A name of a file may hold what UTF-8 cannot: that stays readable as one of JSON's own escapes.
    content = text.encode("utf-8", "backslashreplace")
    with replacing(path) as temporary:
        temporary.write_bytes(content)
