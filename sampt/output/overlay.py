"""Overlay of masks and points on frames."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from sampt.methods.results import FrameResult
from sampt.trackers.base import Visibility

from .drawing import Colour, colour, colour_table, disc, stacked, tinted, write_names

INVISIBLE = (235, 30, 40)
CROWD = 32
"""Maximum number of points of an object that are drawn large; more would hide its mask."""


class OverlayPainter:
    """Painter of results: masks in the objects' colours, positives as circles, negatives as crosses.

    Points that are not visible are red. A label names each visible object.

    Args:
        names: one name per object, in the results' order.
        opacity: opacity of the masks, 0 to 1.
        colours: number of each object's colour; by default its position in that order.
    """

    def __init__(
        self, names: Sequence[str], opacity: float = 0.45, colours: Sequence[int] | None = None
    ) -> None:
        self.names, self.opacity = names, opacity
        self._colours = list(range(len(names))) if colours is None else list(colours)
        self._table = colour_table()

    def __call__(self, frame: NDArray[np.uint8], result: FrameResult) -> NDArray[np.uint8]:
        """A copy of ``frame``, (H, W, 3) uint8 RGB, with ``result`` drawn on it."""
        seen = np.flatnonzero(result.masks.any((1, 2))).tolist()
        labels = stacked(result.masks[seen], [self._colours[k] + 1 for k in seen])
        scene = tinted(np.ascontiguousarray(frame), labels, self._table, self.opacity)
        self._draw_points(scene, result)
        if seen:
            boxes = np.array([_box(result.masks[k]) for k in seen], float)
            inks = [colour(self._colours[k]) for k in seen]
            write_names(scene, boxes, [self.names[k] for k in seen], inks)
        return scene

    def _draw_points(self, scene: NDArray[np.uint8], result: FrameResult) -> None:
        large = point_radius(scene)
        crowded = np.bincount(result.owners) > CROWD
        for i in np.flatnonzero(drawable(result.points)):
            owner = int(result.owners[i])
            visible = result.visibility[i] == Visibility.VISIBLE
            ink = colour(self._colours[owner]) if visible else INVISIBLE
            draw = disc if result.positive[i] else _cross
            x, y = np.round(result.points[i]).astype(int).tolist()
            draw(scene, (x, y), max(2, large // 2) if crowded[owner] else large, ink)


def point_radius(scene: NDArray[np.uint8]) -> int:
    """Radius of a point in a picture of this size, in pixels."""
    longest: int = max(scene.shape[:2])
    return max(3, round(longest / 220))


def drawable(points: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether points, (..., 2), can be drawn, (...): they are finite and fit OpenCV's integers."""
    return np.asarray((np.abs(points) < 1e5).all(-1))


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Box of a mask, (H, W) bool: inclusive x0, y0, x1, y1."""
    x, y, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    return x, y, x + width - 1, y + height - 1


def _cross(scene: NDArray[np.uint8], centre: tuple[int, int], radius: int, ink: Colour) -> None:
    x, y = centre
    for dy in (-radius, radius):
        cv2.line(scene, (x - radius, y + dy), (x + radius, y - dy), ink, 1, cv2.LINE_AA)
