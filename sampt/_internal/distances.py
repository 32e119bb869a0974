"""Exact, reproducible distances to the nearest zero."""

from __future__ import annotations

import threading

import cv2
import numpy as np
from numpy.typing import NDArray

_lock = threading.Lock()


def distance_to_zero(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Distance of every pixel to the nearest one that is 0, (H, W) float32, in pixels.

    Intel's routine in OpenCV rounds differently from call to call, which moves pixels that are equally far
    from two points; OpenCV's own does not.
    """
    with _lock:  # another thread must not find the routine switched off, or on again
        used = cv2.ipp.useIPP()
        cv2.ipp.setUseIPP(False)
        try:
            return np.asarray(cv2.distanceTransform(pixels, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
        finally:
            cv2.ipp.setUseIPP(used)
