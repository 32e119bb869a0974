"""Which images are the frames of a video, in which order: a folder's, listed ones, or a pattern's."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from glob import glob, has_magic
from pathlib import Path

from PIL import Image

from sampt._internal.names import first_few, natural
from sampt.errors import VideoError

from .images import SUFFIXES, UNREADABLE, unreadable

_KNOWN = ", ".join(sorted(SUFFIXES))
_OF_SEVERAL_PICTURES = {"PNG", "TIFF", "WEBP"}
"""Formats that may hold several pictures to be seen; a JPEG's others are depth maps and the like."""


def is_image(path: Path) -> bool:
    """Whether a path is a visible image file, by its suffix."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def images_in(folder: Path) -> list[Path]:
    """The images of a folder, in natural order.

    Raises:
        VideoError: there are none, or they are not the frames of one video.
    """
    files = sorted(filter(is_image, folder.iterdir()), key=natural)
    if not files:
        raise VideoError(f"{folder} holds no image ({_KNOWN}); give a folder of frames or a video file")
    check_names(files)
    return files


def listed_images(paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Images that are listed one by one, in the given order.

    Paths in alphabetical order, as a shell gives for ``*``, are put in natural order.

    Raises:
        VideoError: there are none, one of them is not an image, or two have one name.
    """
    files = [Path(path) for path in paths]
    if not files:
        raise VideoError("the list of images is empty; give at least one frame")
    for file in files:
        if not file.is_file():
            problem = "is not a file" if file.exists() else "does not exist"
            raise VideoError(f"{file} {problem}; give one video, one folder, or any number of images")
        if file.suffix.lower() not in SUFFIXES:
            raise VideoError(f"{file} is not one of several images ({_KNOWN}); give a video on its own")
    if len(files) == 1:
        _check_single(files[0])
    names = [str(file) for file in files]
    if names in (sorted(names), sorted(names, key=str.casefold)):
        files.sort(key=natural)
    _check_stems(files)
    return files


def matching_images(pattern: str) -> list[Path]:
    """The images that a pattern such as ``frames/*.jpg`` matches, in natural order.

    Raises:
        VideoError: there are none, or they are not the frames of one video.
    """
    found = glob(pattern, recursive=True)  # noqa: PTH207 - Path's own takes no absolute patterns
    files = sorted(filter(is_image, map(Path, found)), key=natural)
    if not files:
        raise VideoError(f"{pattern} does not exist and matches no image ({_KNOWN}); check the path")
    check_names(files)
    return files


def is_pattern(path: str) -> bool:
    """Whether a path is a pattern for names, and not the name of something."""
    return has_magic(path) and not os.path.lexists(path)


def check_names(files: Sequence[Path]) -> None:
    """Check that a folder's images are the frames of one video.

    Raises:
        VideoError: two have one name but for the suffix, or some are named differently from the others.
    """
    _check_stems(files)
    groups: dict[str, list[Path]] = {}
    for file in files:
        groups.setdefault(re.sub(r"[0-9]+", "#", file.stem), []).append(file)
    usual = max(groups.values(), key=len)
    if 2 * len(usual) < len(files):  # names without a pattern, such as checksums
        return
    numbers = {_number(file) for file in usual}
    for group in groups.values():
        if group is usual or None in numbers:
            continue
        for file in group:
            if _number(file) is None or _number(file) in numbers:
                raise VideoError(
                    f"{file} is named differently from the {len(usual)} frames like {usual[0].name}; "
                    "move masks and other images out of the folder of frames"
                )


def _check_stems(files: Sequence[Path]) -> None:
    by_stem: dict[str, Path] = {}
    for file in files:
        other = by_stem.setdefault(file.stem, file)
        if other is not file:
            shown = file.name if file.parent == other.parent else str(file)
            raise VideoError(f"{other} and {shown} would be two frames of one name; keep one of them")


def _number(file: Path) -> str | None:
    """The last number in a name; None without any."""
    found = re.findall(r"[0-9]+", file.stem)
    return found[-1] if found else None


def _check_single(file: Path) -> None:
    try:
        with Image.open(file) as image:
            count = getattr(image, "n_frames", 1)
            if image.format in _OF_SEVERAL_PICTURES and count > 1:
                raise VideoError(f"{file} holds {count} pictures; save them as a video or a folder of images")
    except UNREADABLE as error:
        raise unreadable(file) from error


def described(files: Sequence[Path]) -> str:
    """Text for messages: the folder of the files, or their names."""
    folders = {file.parent for file in files}
    return str(files[0].parent) if len(folders) == 1 and len(files) > 1 else first_few(files, 1)
