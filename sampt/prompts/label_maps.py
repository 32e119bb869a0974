"""Masks as image files: label maps in, and out in the colours of PASCAL VOC, DAVIS and most tools."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt._internal.files import replacing
from sampt.errors import PromptError

_READABLE_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")


def read_label_map(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """The objects' ids in an image: palette indices or grey values, or 1 where it is white on black.

    Returns:
        (H, W) uint8, 0 for the background.

    Raises:
        PromptError: the image cannot be read, or has colours, 16 bits or soft edges.
    """
    mode, values = _read_pixels(path)
    present = set(np.unique(values).tolist())
    if present <= {0, 255} and (values.ndim == 2 or (values == values[..., :1]).all()):
        white = values > 0
        return (white if white.ndim == 2 else white[..., 0]).astype(np.uint8)
    if values.ndim == 3:
        raise PromptError(f"{path}: a mask in RGB may only be black and white; save ids as a palette PNG")
    if mode == "L" and 255 in present:
        raise PromptError(
            f"{path}: a grey mask is black and white or holds ids below 255, but this has {len(present)} "
            "values up to 255; threshold its soft edges, or save ids as a palette PNG"
        )
    return values


def davis_palette() -> NDArray[np.uint8]:
    """(256, 3) uint8 RGB: the colour of each label, by PASCAL VOC's definition.

    Bits 0, 3 and 6 of the label are the highest bits of red, bits 1, 4 and 7 those of green, and bits 2 and 5
    those of blue; so label 0 is black, 1 dark red, 2 dark green, and neighbours are easy to tell apart.
    """
    labels = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for channel in range(3):
        for group in range(3):
            bit = (labels >> (3 * group + channel)) & 1
            palette[:, channel] |= (bit << (7 - group)).astype(np.uint8)
    return palette


def palette_image(labels: NDArray[np.uint8]) -> Image.Image:
    """A label map, (H, W) uint8, as a palette image in DAVIS's colours."""
    image = Image.fromarray(labels)
    image.putpalette(davis_palette().tobytes())
    return image


def write_label_map(path: str | Path, labels: NDArray[np.uint8]) -> None:
    """Write a label map, (H, W) uint8, as a palette PNG.

    Raises:
        OutputError: it cannot be written.
    """
    with replacing(path) as temporary:
        palette_image(labels).save(temporary, format="PNG", compress_level=3)


def _read_pixels(path: str | os.PathLike[str]) -> tuple[str, NDArray[Any]]:
    """The image's mode, and (H, W) uint8 indices or grey values, or (H, W, 3) uint8 colours."""
    try:
        with Image.open(path) as image:
            mode = image.mode
            if mode not in _READABLE_MODES:
                raise PromptError(
                    f"{path}: a mask has 8 bits a pixel, but this is mode {mode}; save it as an 8-bit PNG"
                )
            return mode, np.asarray(image if mode in ("P", "L") else image.convert("RGB"))
    except FileNotFoundError as error:
        raise PromptError(f"cannot find the mask {path}; check its path") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PromptError(f"cannot read the mask {path} as an image; give a PNG file") from error
