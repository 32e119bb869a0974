"""Masks as polygons, for formats that have no other masks.

A vertex is (x, y) in pixels, measured as COCO does: pixel 0 covers 0 to 1. Holes and separate parts are
joined to a polygon by a bridge, a line that is walked there and back, so that it covers nothing: even-odd
filling, which pycocotools and OpenCV do, leaves holes empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

TOLERANCE = 0.5
"""How far a polygon may leave a mask's border, in pixels, to have fewer vertices."""

Polygon = NDArray[np.float32]
"""(P, 2) of x, y."""


def polygons(mask: NDArray[np.bool_], tolerance: float = TOLERANCE) -> list[Polygon]:
    """One polygon for each connected part of a mask, (H, W) bool, with its holes; the largest part first."""
    x, y, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    inside = np.ascontiguousarray(mask[y : y + height, x : x + width]).view(np.uint8)
    # At twice the size, contours run a quarter of a pixel inside the border instead of half a pixel.
    twice = inside.repeat(2, axis=0).repeat(2, axis=1)
    found, nesting = cv2.findContours(twice, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    shift = np.array([x + 0.25, y + 0.25])
    borders = [np.asarray(_simplified(border, tolerance) / 2 + shift, np.float32) for border in found]
    parts = [k for k in range(len(found)) if nesting[0][k][3] < 0]
    parts.sort(key=lambda k: -cv2.contourArea(found[k]))
    holes = {part: [k for k in range(len(found)) if nesting[0][k][3] == part] for part in parts}
    return [joined([borders[part], *(borders[hole] for hole in holes[part])]) for part in parts]


def joined(parts: Sequence[Polygon]) -> Polygon:
    """One polygon of several, connected by bridges between the vertices that are nearest to each other."""
    whole = parts[0]
    for part in parts[1:]:
        gaps = ((whole[:, None] - part[None]) ** 2).sum(2)
        i, j = np.unravel_index(gaps.argmin(), gaps.shape)
        whole = np.concatenate([whole[: i + 1], part[j:], part[: j + 1], whole[i:]])
    return whole


def _simplified(border: Any, tolerance: float) -> NDArray[Any]:
    """A contour with fewer vertices, but at least three, (P, 2), at twice the size."""
    fewer = cv2.approxPolyDP(border, 2 * tolerance, True)
    kept = fewer if len(fewer) >= 3 else border
    return np.asarray(kept).reshape(-1, 2)
