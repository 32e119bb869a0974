"""Files that are written completely or not at all, and text and JSON that other programs wrote."""

from __future__ import annotations

import codecs
import json
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sampt.errors import OutputError, SamptError


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


def check_text(path: str | os.PathLike[str], error: type[SamptError] = OutputError) -> None:
    """Check before any work that a name can be written into tables, pages and JSON, which are UTF-8.

    Raises:
        SamptError: of the kind ``error``; the name has bytes that are not UTF-8.
    """
    if any("\ud800" <= character <= "\udfff" for character in str(path)):
        name = str(path).encode("utf-8", "backslashreplace").decode()
        raise error(f"the name {name} has bytes that are not UTF-8; rename it")


def read_text(path: str | os.PathLike[str]) -> str:
    """The text of a file in UTF-8, or in UTF-16 with a byte-order mark; the mark is not part of the text.

    Windows' editors and shells write such marks.

    Raises:
        OSError: the file cannot be read.
        UnicodeDecodeError: it is not text.
    """
    content = Path(path).read_bytes()
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if wide else "utf-8-sig")


def read_json(
    path: str | os.PathLike[str], error: type[SamptError] = SamptError, remedy: str = "get it again"
) -> Any:
    """The plain values in a JSON file, read as by ``read_text``.

    Args:
        path: the file.
        error: kind of error to raise.
        remedy: end of its message.

    Raises:
        SamptError: of the kind ``error``; the file cannot be read, or is not JSON: the message says where.
    """
    try:
        text = read_text(path)
    except OSError as problem:
        raise error(f"cannot read {path} ({problem.strerror or problem}); {remedy}") from problem
    except UnicodeDecodeError as problem:
        raise error(f"{path} is not a text file; {remedy}") from problem
    return parsed_json(text, path, error, remedy)


def parsed_json(text: str, path: str | os.PathLike[str], error: type[SamptError], remedy: str) -> Any:
    """The plain values in the text of a JSON file; the rest is as for ``read_json``."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as problem:
        place = f"line {problem.lineno}, column {problem.colno}"
        raise error(f"{path}, {place}: malformed JSON ({problem.msg}); {remedy}") from problem
    except (ValueError, RecursionError) as problem:  # a number of thousands of digits, or endless nesting
        raise error(f"{path}: malformed JSON ({problem}); {remedy}") from problem


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
