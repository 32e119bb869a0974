"""Files that are written completely or not at all."""

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
    """Check before any work that the folder of ``path`` exists.

    Raises:
        OutputError: it does not.
    """
    if not path.absolute().parent.is_dir():
        raise OutputError(f"cannot write {path}: create the folder {path.parent} first")


def check_file(path: Path) -> None:
    """Check before any work that ``path`` can be a file.

    Raises:
        OutputError: it is a folder, or there is no folder for it that can be written.
    """
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder; give a file")
    check_parent(path)
    check_writable(path.absolute().parent)


def check_writable(folder: Path, remedy: str = "choose another place") -> None:
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
        raise OutputError(f"cannot write into {folder} ({reason}); {remedy}") from error


def make_folder(path: str | os.PathLike[str]) -> None:
    """Create a folder and its parents, unless they exist.

    Raises:
        OutputError: it cannot be created.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"cannot create the folder {path} ({reason}); choose another place") from error


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Temporary file next to ``path``, renamed to ``path`` at the end of the block, removed if that fails.

    It keeps the suffix, since many writers choose the format by it.

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
        raise OutputError(f"cannot write {target} ({reason}); choose a writable place") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_json(path: str | os.PathLike[str], data: Any) -> None:
    """Write plain values as JSON in UTF-8, completely or not at all, replacing an existing file.

    Raises:
        OutputError: the file cannot be written.
    """
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    # A file's name may hold bytes that are not UTF-8: they stay readable as JSON's own escapes.
    content = text.encode("utf-8", "backslashreplace")
    with replacing(path) as temporary:
        temporary.write_bytes(content)
