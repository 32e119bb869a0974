"""Frames that show their number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sampt.video.reader import Video

HEIGHT, WIDTH, BITS = 48, 128, 8


def numbered(number: int) -> NDArray[np.uint8]:
    """A frame whose vertical stripes are the binary digits of its number: survives any codec."""
    digits = [255 * (number >> bit & 1) for bit in range(BITS)]
    row = np.repeat(np.array(digits, np.uint8), WIDTH // BITS)
    return np.broadcast_to(row[None, :, None], (HEIGHT, WIDTH, 3)).copy()


def number_of(frame: NDArray[np.uint8]) -> int:
    assert frame.shape == (HEIGHT, WIDTH, 3) and frame.dtype == np.uint8
    stripes = frame.reshape(HEIGHT, BITS, -1).mean(axis=(0, 2))
    return sum(int(level > 127) << bit for bit, level in enumerate(stripes))


def numbers(video: Video) -> list[int]:
    return [number_of(frame) for frame in video]
