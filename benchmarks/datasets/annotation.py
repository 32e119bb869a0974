"""Reading annotation PNGs: which pixel belongs to which object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt.errors import DatasetError

from .base import Labels

VOID = 255
"""Among other labels of a palette, pixels that belong to no object; alone, the object of a binary mask."""

UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""What Pillow raises on a damaged file; a broken PNG chunk is a SyntaxError."""

_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = {5, 6, 7, 8}


def read_labels(path: Path) -> Labels:
    """The objects' ids in an annotation, (H, W) uint8, 0 where there is none.

    A palette or grey PNG holds ids; one of 0 and 255 alone, or of 1 bit, is the mask of object 1. A palette's
    255 beside other labels is void. Grey of 16 bits holds ids up to 255.

    Raises:
        DatasetError: the file cannot be read, is in colours, has soft edges, or an id above 255.
    """
    mode, values = _read(path)
    if mode.startswith("I"):
        if int(values.max(initial=0)) > 255 or int(values.min(initial=0)) < 0:
            raise DatasetError(
                f"annotation {path} has object ids up to {values.max()}: number them from 1 to 255"
            )
        return values.astype(np.uint8)
    ids = object_ids(values)
    if mode == "1" or ids == [VOID]:
        return (values > 0).astype(np.uint8)
    if VOID in ids and mode == "L":
        raise DatasetError(f"annotation {path} has grey values besides 0 and 255: threshold its soft edges")
    return np.where(values == VOID, 0, values).astype(np.uint8) if VOID in ids else values


def read_single_object(path: Path) -> Labels:
    """An annotation whose objects are all one, as in DAVIS 2016: (H, W) uint8, 0 or 1.

    Raises:
        DatasetError: as ``read_labels``.
    """
    return (read_labels(path) > 0).astype(np.uint8)


def object_ids(labels: NDArray[np.uint8]) -> list[int]:
    """The ids in a label map, ascending, without 0."""
    counts = np.bincount(labels.ravel(), minlength=256)
    return [int(id) + 1 for id in np.flatnonzero(counts[1:])]


def image_size(path: Path) -> tuple[int, int]:
    """(width, height) in pixels as the image is shown, from its header alone.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        with Image.open(path) as image:
            sideways = image.format == "JPEG" and image.getexif().get(_EXIF_ORIENTATION) in _SIDEWAYS
            width, height = image.size
    except UNREADABLE as error:
        raise unreadable(path) from error
    return (height, width) if sideways else (width, height)


def unreadable(path: Path) -> DatasetError:
    """What to say of an image that does not open."""
    return DatasetError(f"{path} cannot be read as an image: it may be cut short, so unpack or copy it again")


def _read(path: Path) -> tuple[str, NDArray[Any]]:
    try:
        with Image.open(path) as image:
            mode = image.mode
            values = np.asarray(image.convert("L") if mode == "1" else image)
    except UNREADABLE as error:
        raise unreadable(path) from error
    if mode not in ("1", "L", "P") and not mode.startswith("I"):
        raise DatasetError(
            f"annotation {path} is an image of mode {mode}: save labels as a palette or greyscale PNG"
        )
    return mode, values
