"""Overlay of point tracks on frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from sampt.methods.results import FrameResult
from sampt.trackers.base import Visibility

from .drawing import colour, disc, write_names
from .overlay import CROWD, drawable, point_radius

_SUBPIXEL = 4
"""Binary digits of subpixel positions: without them, slow tails would look like staircases."""


class TrackPainter:
    """Painter of points with tails of their last ``tail`` frames, in the objects' colours.

    Positives are discs, negatives crosses. Where a point was not visible, its tail is dimmed; while it is not
    visible, it is a dimmed ring. A label names each object at its visible positives. Frames must be given in
    order; the tails start over if the points differ from those in the previous frame.

    Args:
        names: one name per object, in the results' order.
        tail: length of the tails in frames.
        dimmed: opacity of points that are not visible.

    Raises:
        ValueError: ``tail`` is negative.
    """

    def __init__(self, names: Sequence[str], tail: int = 24, dimmed: float = 0.4) -> None:
        if tail < 0:
            raise ValueError(f"tail must be 0 frames or more, not {tail}")
        self.names, self.dimmed = names, dimmed
        self._history: deque[FrameResult] = deque(maxlen=tail + 1)

    def __call__(self, frame: NDArray[np.uint8], result: FrameResult) -> NDArray[np.uint8]:
        """A copy of ``frame``, (H, W, 3) uint8 RGB, with the points of ``result`` drawn on it."""
        if self._history and not np.array_equal(self._history[-1].owners, result.owners):
            self._history.clear()
        self._history.append(result)
        scene = np.ascontiguousarray(frame).copy()
        tails, solid = self._tails()
        visible = result.visibility == Visibility.VISIBLE
        faint = scene.copy()
        _draw_tails(faint, tails, ~solid, result.owners)
        _draw_points(faint, result, ~visible)
        scene = np.asarray(cv2.addWeighted(faint, self.dimmed, scene, 1 - self.dimmed, 0), np.uint8)
        _draw_tails(scene, tails, solid, result.owners)
        _draw_points(scene, result, visible)
        self._name(scene, result, visible & result.positive & drawable(result.points))
        return scene

    def _tails(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Steps from frame to frame, oldest first, (L, N, 2, 2) in pixels, and their visibility, (L, N)."""
        xy = np.stack([result.points for result in self._history])
        seen = np.stack([result.visibility == Visibility.VISIBLE for result in self._history])
        return np.stack([xy[:-1], xy[1:]], axis=2), seen[:-1] & seen[1:]

    def _name(self, scene: NDArray[np.uint8], result: FrameResult, shown: NDArray[np.bool_]) -> None:
        objects = np.unique(result.owners[shown]).tolist()
        if not objects:
            return
        points = [result.points[shown & (result.owners == k)] for k in objects]
        boxes = np.stack([np.concatenate([xy.min(0), xy.max(0)]) for xy in points]).astype(float)
        write_names(scene, boxes, [self.names[k] for k in objects], [colour(k) for k in objects])


def _draw_tails(
    scene: NDArray[np.uint8],
    steps: NDArray[np.float32],
    which: NDArray[np.bool_],
    owners: NDArray[np.int64],
) -> None:
    """Draw those of ``steps``, (L, N, 2, 2), that ``which``, (L, N), marks; the newer half is thicker."""
    width = max(1, round(max(scene.shape[:2]) / 500))
    drawn = which & drawable(steps).all(2) & (steps[:, :, 0] != steps[:, :, 1]).any(-1)
    half = len(steps) // 2
    for rows, thickness in ((slice(half), width), (slice(half, None), width + 1)):
        for k in np.unique(owners):
            lines = steps[rows][drawn[rows] & (owners == k)]
            # OpenCV takes coordinates as integers, with a number of binary digits after the point.
            fixed = np.round(lines * (1 << _SUBPIXEL)).astype(np.int32)
            cv2.polylines(scene, list(fixed), False, colour(int(k)), thickness, cv2.LINE_AA, _SUBPIXEL)


def _draw_points(scene: NDArray[np.uint8], result: FrameResult, which: NDArray[np.bool_]) -> None:
    large = point_radius(scene)
    crowded = np.bincount(result.owners, minlength=1) > CROWD
    for i in np.flatnonzero(which & drawable(result.points)):
        x, y = np.round(result.points[i]).astype(int).tolist()
        centre = (x, y)
        owner = int(result.owners[i])
        ink = colour(owner)
        radius = max(2, large // 2) if crowded[owner] else large
        if not result.positive[i]:
            cv2.drawMarker(scene, centre, ink, cv2.MARKER_TILTED_CROSS, 2 * radius + 1, 1, cv2.LINE_AA)
        elif result.visibility[i] != Visibility.VISIBLE:
            cv2.circle(scene, centre, radius, ink, 1, cv2.LINE_AA)
        else:
            disc(scene, centre, radius, ink)
