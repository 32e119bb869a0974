"""Mask PNGs, which say which pixel belongs to which object."""

from __future__ import annotations

from os import SEEK_END
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from sampt.errors import DatasetError
from sampt.prompts.mask_files import UNREADABLE, WHITE, MaskFile, read_mask_file

from .base import Labels

__all__ = [
    "UNREADABLE",
    "WHITE",
    "image_size",
    "is_white",
    "object_ids",
    "read_ids",
    "read_labels",
    "read_raw",
    "read_single_object",
    "unreadable",
]

_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = {5, 6, 7, 8}


def read_labels(path: Path) -> Labels:
    """The object ids of an annotation, (H, W) uint8, 0 for background; see ``docs/inputs.md``.

    The mask of one object without an id, such as white on black, is that of object 1.

    Raises:
        DatasetError: the file cannot be read, could mean several things, or contains an id above 255.
    """
    return _read(path).labels


def read_ids(path: Path) -> Labels:
    """The object ids as in ``read_labels``, except that 255 is always void, never the mask of one object.

    Raises:
        DatasetError: as ``read_labels``.
    """
    read = _read(path)
    return np.zeros_like(read.values) if read.white else read.labels


def read_raw(path: Path) -> Labels:
    """The labels as in ``read_labels``, except that void and the object of a white mask are 255.

    Raises:
        DatasetError: as ``read_labels``.
    """
    return _read(path).values


def is_white(path: Path) -> bool:
    """Whether a file is the mask of one object without an id, such as white on black, and not all black.

    Raises:
        DatasetError: as ``read_labels``.
    """
    return _read(path).white


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


def _read(path: Path) -> MaskFile:
    return read_mask_file(path, consistent=True, error=DatasetError)
