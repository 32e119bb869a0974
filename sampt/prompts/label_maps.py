"""Masks as image files: label maps in, and out in the colours of PASCAL VOC, DAVIS and most tools."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt._internal.files import replacing

from .mask_files import UNREADABLE, davis_palette, read_mask_file

__all__ = ["davis_palette", "palette_image", "read_label_map", "write_label_map"]


def read_label_map(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """The objects' ids in a mask image, by what it shows; see ``docs/inputs.md``.

    Returns:
        (H, W) uint8, 0 for the background.

    Raises:
        PromptError: the image cannot be read, or could mean several things.
    """
    return read_mask_file(path).labels


def palette_image(labels: NDArray[np.uint8]) -> Image.Image:
    """A label map, (H, W) uint8, as a palette image in DAVIS's colours."""
    image = Image.fromarray(labels)
    image.putpalette(davis_palette().tobytes())
    return image


def _holds(path: Path, labels: NDArray[np.uint8]) -> bool:
    """Whether a file is a whole palette PNG of these labels."""
    if not path.is_file():
        return False
    try:
        with Image.open(path) as image:
            return image.mode == "P" and np.array_equal(np.asarray(image), labels)
    except UNREADABLE:
        return False


def write_label_map(path: str | Path, labels: NDArray[np.uint8]) -> None:
    """Write a label map, (H, W) uint8, as a palette PNG, unless this is what the file already holds.

    Raises:
        OutputError: it cannot be written.
    """
    if _holds(Path(path), labels):
        return
    with replacing(path) as temporary:
        palette_image(labels).save(temporary, format="PNG", compress_level=3)
