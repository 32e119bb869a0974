"""The colours that index masks are drawn in by PASCAL VOC, DAVIS and most of the field's tools."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt._internal.files import replacing


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
