"""Choice of the objects' colours: each differs from what it covers."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sampt.methods.results import FrameResult

from .drawing import COLOURS

_SAMPLES = 4096
"""Number of an object's pixels that are looked at."""


class ChosenColours:
    """Numbers of the objects' colours, chosen when each object is first seen, and kept.

    Of the colours in ``COLOURS`` that the fewest objects have, an object gets the one that is farthest from
    both its own pixels in that frame, on average, and the other objects' colours, as people see them
    (distance in CIELAB).

    Args:
        count: number of objects.
    """

    def __init__(self, count: int) -> None:
        self._chosen: list[int | None] = [None] * count

    def __call__(self, frame: NDArray[np.uint8], result: FrameResult) -> list[int]:
        """The objects' numbers of colours in this frame, (H, W, 3) uint8 RGB; unseen objects have any."""
        for k, mask in enumerate(result.masks):
            if self._chosen[k] is None and mask.any():
                self._chosen[k] = self._best(frame[mask])
        return [k if number is None else number for k, number in enumerate(self._chosen)]

    def _best(self, pixels: NDArray[np.uint8]) -> int:
        others = [number for number in self._chosen if number is not None]
        users = np.bincount(others, minlength=len(COLOURS))
        gaps = [differences(pixels)] + [differences(np.array([COLOURS[k]], np.uint8)) for k in set(others)]
        gap = np.where(users == users.min(), np.min(gaps, axis=0), -1)
        return int(gap.argmax())


def differences(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean distance in CIELAB from pixels, (N, 3) uint8 RGB, to each of ``COLOURS``, (C,) float32."""
    some = pixels[:: max(1, len(pixels) // _SAMPLES)]
    gaps = _lab(some)[:, None] - _lab(np.array(COLOURS, np.uint8))[None]
    return np.asarray(np.linalg.norm(gaps, axis=2).mean(0), np.float32)


def _lab(colours: NDArray[np.uint8]) -> NDArray[np.float32]:
    """CIELAB, (N, 3) float32, of (N, 3) uint8 RGB."""
    return np.asarray(cv2.cvtColor(colours[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0], np.float32)
