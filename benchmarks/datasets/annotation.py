"""Mask PNGs, which say which pixel belongs to which object."""

from __future__ import annotations

from os import SEEK_END
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt.errors import DatasetError

from .base import Labels

WHITE = 255
"""On its own, the object of a black and white mask; beside other labels of a palette, void: no object."""

UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""The errors that Pillow raises for a damaged file; a broken PNG chunk is a SyntaxError."""

_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = {5, 6, 7, 8}


def read_labels(path: Path) -> Labels:
    """The object ids of an annotation, (H, W) uint8, 0 for background.

    A palette or grey PNG holds ids. One with only 0 and 255, or with 1 bit, is the mask of object 1. In a
    palette PNG with other labels, 255 is void. A grey PNG of 16 bits holds ids up to 255.

    Raises:
        DatasetError: the file cannot be read, is in colour, has soft edges, or contains an id above 255.
    """
    values, wide = _read(path)
    return (values > 0).astype(np.uint8) if _white(values, wide) else _without_void(values, wide)


def read_ids(path: Path) -> Labels:
    """The object ids as in ``read_labels``, except that 255 is always void, never the mask of one object.

    Raises:
        DatasetError: as ``read_labels``.
    """
    return _without_void(*_read(path))


def read_raw(path: Path) -> Labels:
    """The labels as in ``read_labels``, except that 255 and the white of 1 bit remain 255.

    Raises:
        DatasetError: as ``read_labels``.
    """
    return _read(path)[0]


def is_white(path: Path) -> bool:
    """Whether a file is the mask of one object without an id: white on black, and not all black.

    Raises:
        DatasetError: as ``read_labels``.
    """
    return _white(*_read(path))


def read_single_object(path: Path) -> Labels:
    """An annotation with all objects merged into one, as in DAVIS 2016: (H, W) uint8, 0 or 1.

    Raises:
        DatasetError: as ``read_labels``.
    """
    return (read_labels(path) > 0).astype(np.uint8)


def object_ids(labels: Labels) -> set[int]:
    """The labels other than 0 that occur in (H, W) uint8."""
    return set(np.flatnonzero(cv2.calcHist([labels], [0], None, [256], [0, 256])).tolist()) - {0}


def image_size(path: Path) -> tuple[int, int]:
    """The (height, width) in pixels as the image is shown, from its header, after checking the file's end.

    Raises:
        DatasetError: the file cannot be read, or is cut short.
    """
    try:
        with Image.open(path) as image:
            if not _ends(path):
                image.load()
            sideways = image.format == "JPEG" and image.getexif().get(_EXIF_ORIENTATION) in _SIDEWAYS
            width, height = image.size
    except UNREADABLE as error:
        raise unreadable(path) from error
    return (width, height) if sideways else (height, width)


def _ends(path: Path) -> bool:
    """Whether the file ends as a complete JPEG or PNG does; some complete files have more after their end."""
    with path.open("rb") as file:
        file.seek(-min(12, path.stat().st_size), SEEK_END)
        return file.read().endswith((b"\xff\xd9", b"IEND\xaeB`\x82"))


def unreadable(path: Path) -> DatasetError:
    """The error for an image that does not open."""
    return DatasetError(f"{path} cannot be read as an image: it may be cut short, so write or copy it again")


def _read(path: Path) -> tuple[Labels, bool]:
    """The labels as they are in the file, and whether they have 16 bits there."""
    try:
        with Image.open(path) as image:
            mode = image.mode
            values: NDArray[Any] = np.array(image.convert("L") if mode == "1" else image)
    except UNREADABLE as error:
        raise unreadable(path) from error
    wide = mode.startswith("I")
    if mode not in ("1", "L", "P") and not wide:
        raise DatasetError(f"mask {path} is an image of mode {mode}: save it as a palette or greyscale PNG")
    if wide and (int(values.max(initial=0)) > 255 or int(values.min(initial=0)) < 0):
        raise DatasetError(f"mask {path} has object ids up to {values.max()}: number them from 1 to 255")
    if mode == "L" and {WHITE} < object_ids(values):
        raise DatasetError(f"mask {path} has grey values besides 0 and 255: threshold its soft edges")
    return values.astype(np.uint8, copy=False), wide


def _white(values: Labels, wide: bool) -> bool:
    return not wide and object_ids(values) == {WHITE}


def _without_void(values: Labels, wide: bool) -> Labels:
    return values if wide else np.where(values == WHITE, 0, values).astype(np.uint8, copy=False)
