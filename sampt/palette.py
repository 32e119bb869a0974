"""The colours that index masks are drawn in by PASCAL VOC, DAVIS and most of the field's tools."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
