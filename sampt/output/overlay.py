"""Masks and points drawn over frames."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from sampt.methods.base import FrameResult
from sampt.trackers.base import Visibility

# Red is left out: it is the colour of invisible points.
COLOURS = ("#1f77ff", "#ff9f1c", "#2ec4b6", "#b15cff", "#9be564", "#ff70c8", "#f4e04d", "#7fd4ff", "#b08968")
INVISIBLE = (235, 30, 40)
CROWD = 32
"""An object with more points than these gets small ones, or they would hide its mask."""


def colour(k: int) -> tuple[int, int, int]:
    """The RGB colour of the ``k``-th object."""
    return sv.Color.from_hex(COLOURS[k % len(COLOURS)]).as_rgb()


def palette() -> sv.ColorPalette:
    """The objects' colours, red and blue exchanged: supervision takes frames as BGR, and ours are RGB."""
    return sv.ColorPalette([sv.Color(*sv.Color.from_hex(c).as_bgr()) for c in COLOURS])


def label_annotator() -> sv.LabelAnnotator:
    """Writes objects' names at the top of their boxes."""
    return sv.LabelAnnotator(
        color=palette(),
        text_color=sv.Color.BLACK,
        text_scale=0.4,
        text_padding=4,
        text_position=sv.Position.TOP_CENTER,
        smart_position=True,
    )


class OverlayPainter:
    """Draws results: masks in the objects' colours, positives as circles, negatives as crosses.

    Points that are not visible are red. A label names each object where it is seen.

    names: one for each object, in the results' order.
    colours: the number of each object's colour; by default its place in that order.
    """

    def __init__(
        self, names: Sequence[str], opacity: float = 0.45, colours: Sequence[int] | None = None
    ) -> None:
        self.names = names
        self._colours = np.arange(len(names)) if colours is None else np.asarray(colours)
        self._masks = sv.MaskAnnotator(color=palette(), opacity=opacity)
        self._labels = label_annotator()

    def __call__(self, frame: NDArray[np.uint8], result: FrameResult) -> NDArray[np.uint8]:
        """A copy of ``frame``, (H, W, 3) uint8 RGB, with ``result`` drawn on it."""
        scene = np.ascontiguousarray(frame).copy()
        seen = np.flatnonzero(result.masks.any((1, 2)))
        if len(seen):
            masks = result.masks[seen]
            boxes = sv.mask_to_xyxy(masks).astype(float)
            detections = sv.Detections(boxes, mask=masks, class_id=self._colours[seen])
            scene = self._masks.annotate(scene, detections)
            self._draw_points(scene, result)
            return np.asarray(
                self._labels.annotate(scene, detections, [self.names[k] for k in seen.tolist()])
            )
        self._draw_points(scene, result)
        return scene

    def _draw_points(self, scene: NDArray[np.uint8], result: FrameResult) -> None:
        large = max(3, round(max(scene.shape[:2]) / 220))
        crowded = np.bincount(result.owners) > CROWD
        inside = np.isfinite(result.points).all(1) & (np.abs(result.points) < 1e5).all(1)
        for i in np.flatnonzero(inside):
            visible = result.visibility[i] == Visibility.VISIBLE
            ink = colour(int(self._colours[result.owners[i]])) if visible else INVISIBLE
            draw = _circle if result.positive[i] else _cross
            radius = max(2, large // 2) if crowded[result.owners[i]] else large
            draw(scene, result.points[i], radius, ink)


def _circle(
    scene: NDArray[np.uint8], xy: NDArray[np.float32], radius: int, ink: tuple[int, int, int]
) -> None:
    centre = (round(float(xy[0])), round(float(xy[1])))
    cv2.circle(scene, centre, radius, ink, -1, cv2.LINE_AA)
    if radius > 2:
        cv2.circle(scene, centre, radius, (255, 255, 255), 1, cv2.LINE_AA)


def _cross(scene: NDArray[np.uint8], xy: NDArray[np.float32], radius: int, ink: tuple[int, int, int]) -> None:
    x, y = round(float(xy[0])), round(float(xy[1]))
    for dy in (-radius, radius):
        cv2.line(scene, (x - radius, y + dy), (x + radius, y - dy), ink, 1, cv2.LINE_AA)
