"""The folders of datasets: finding things in them, and writing them whole or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sampt._internal.files import check_text, read_text
from sampt._internal.names import natural
from sampt.errors import DatasetError, OutputError

_LEFT_BEHIND = {"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir"}
_IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png"}


def find_root(root: Path, wanted: Sequence[str], source: str) -> Path:
    """The folder that holds all of ``wanted``: ``root``, the only one in it that does, or the one above.

    The one above is only used if ``root`` itself is part of what is wanted, such as ``JPEGImages``.

    Args:
        root: where to look.
        wanted: relative paths of files and folders.
        source: where to get the dataset, for the error.

    Raises:
        DatasetError: there is no such folder, or there are several.
    """

    def fits(folder: Path) -> bool:
        return all((folder / path).exists() for path in wanted)

    if not root.is_dir():
        raise DatasetError(
            f"{root} is not a folder; give the dataset's folder with --root, or get it from {source}"
        )
    if fits(root):
        return root
    inside = [folder for folder in subfolders(root) if fits(folder)]
    if len(inside) == 1:
        return inside[0]
    if inside:
        names = ", ".join(folder.name for folder in inside)
        raise DatasetError(f"{root} contains the dataset several times: give one of {names} with --root")
    here = root.absolute()
    if here.name in {Path(path).parts[0] for path in wanted} and fits(here.parent):
        return here.parent
    missing = " and ".join(path for path in wanted if not (root / path).exists())
    raise DatasetError(
        f"{root} lacks {missing}, and so do the folders in it: "
        f"give the folder that contains {' and '.join(wanted)} with --root, or get the dataset from {source}"
    )


def read_list(path: Path) -> tuple[str, ...]:
    """The names of sequences in a list of ``ImageSets``, in its order, without duplicates.

    A line is a name or, as in DAVIS 2016, the paths of a frame and its annotation, both in folders of that
    name. A name may contain spaces.

    Raises:
        DatasetError: the list cannot be read or is empty.
    """
    try:
        lines = read_text(path).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"the list of sequences {path} cannot be read: unpack the dataset again"
        ) from error
    entries = [line.strip() for line in lines if line.strip()]
    names = [Path(entry).parent.name if "/" in entry else entry for entry in entries]
    if not names:
        raise DatasetError(f"the list of sequences {path} is empty: unpack the dataset again")
    return tuple(dict.fromkeys(names))


def is_hidden(path: Path) -> bool:
    """Whether a file or folder is one that archives and file managers leave beside the real ones."""
    return path.name.startswith(".") or path.name in _LEFT_BEHIND


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, without hidden ones, in natural order; none if it does not exist."""
    if not folder.is_dir():
        return []
    return sorted((f for f in folder.iterdir() if f.is_dir() and not is_hidden(f)), key=natural)


def sequence_names(folder: Path) -> tuple[str, ...]:
    """The names of the folders in a folder.

    Raises:
        DatasetError: there are none, or one has a name that is not UTF-8.
    """
    names = tuple(f.name for f in subfolders(folder))
    for name in names:
        check_text(name, DatasetError)
    if not names:
        raise DatasetError(f"{folder} contains no folders of sequences: unpack the dataset again")
    return names


def image_files(folder: Path) -> tuple[Path, ...]:
    """The JPEGs and PNGs in a folder, without hidden ones, in natural order; none if it does not exist.

    Raises:
        DatasetError: one has a name that is not UTF-8.
    """
    if not folder.is_dir():
        return ()
    images = (f for f in folder.iterdir() if f.suffix.lower() in _IMAGE_SUFFIXES and not is_hidden(f))
    found = tuple(sorted(images, key=natural))
    for file in found:
        check_text(file.name, DatasetError)
    return found


def mask_files(folder: Path) -> dict[str, Path]:
    """The PNGs in a folder by their names without suffix, without hidden ones, in natural order.

    Raises:
        DatasetError: two have one name.
    """
    found: dict[str, Path] = {}
    for file in image_files(folder):
        if file.suffix.lower() == ".png" and found.setdefault(file.stem, file) is not file:
            raise DatasetError(f"{file} and {found[file.stem].name} are masks of one name: remove one")
    return found


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A context with a temporary folder, which is renamed to ``path`` at the end or removed if it fails.

    Yields:
        The temporary folder, beside ``path``.

    Raises:
        OutputError: the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if path.is_symlink():
            path.unlink()
        shutil.rmtree(path, ignore_errors=True)
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"cannot write {path} ({reason}); choose a writable folder") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
