"""Overlay of masks and points on frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sampt.methods.results import FrameResult
from sampt.trackers.base import Visibility
from sampt.video.writer import VideoWriter

from .colours import ChosenColours
from .drawing import Colour, colour, colour_table, disc, outline, stacked, tinted, write_names
from .frame_writer import FrameWriter, RunFacts

INVISIBLE = (235, 30, 40)
CROWD = 32
"""Maximum number of points of an object that are drawn large; more would hide its mask."""


class OverlayPainter:
    """Painter of results: masks in the objects' colours, with outlines and a name for each visible object.

    Positives are circles, negatives crosses, and points that are not visible are red.

    Args:
        names: one name per object, in the results' order.
        opacity: opacity of the masks, 0 to 1.
        colours: number of each object's colour; by default, each object gets the colour that differs most
            from what it covers where it is first seen.
        points: whether to draw points.
    """

    def __init__(
        self,
        names: Sequence[str],
        opacity: float = 0.45,
        colours: Sequence[int] | None = None,
        points: bool = False,
    ) -> None:
        self.names, self.opacity, self.points = names, opacity, points
        self._given = None if colours is None else list(colours)
        self._choose = ChosenColours(len(names))
        self._table = colour_table()

    def __call__(self, frame: NDArray[np.uint8], result: FrameResult) -> NDArray[np.uint8]:
        """A copy of ``frame``, (H, W, 3) uint8 RGB, with ``result`` drawn on it."""
        numbers = self._choose(frame, result) if self._given is None else self._given
        inks = [colour(number) for number in numbers]
        areas = np.count_nonzero(result.masks, axis=(1, 2))
        seen = np.flatnonzero(areas).tolist()
        labels = stacked(result.masks[seen], [numbers[k] + 1 for k in seen])
        scene = tinted(np.ascontiguousarray(frame), labels, self._table, self.opacity)
        thickness = max(1, round(max(scene.shape[:2]) / 640))
        for k in sorted(seen, key=lambda k: -areas[k]):
            outline(scene, result.masks[k], inks[k], thickness)
        if self.points:
            _draw_points(scene, result, inks)
        if seen:
            boxes = np.array([_box(result.masks[k]) for k in seen], float)
            write_names(scene, boxes, [self.names[k] for k in seen], [inks[k] for k in seen])
        return scene


class OverlayWriter(FrameWriter):
    """Writer of the overlay as a video, with sound if the run has any.

    Args:
        path: the video file.
        painter: draws the results.
        facts: about the run.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, painter: OverlayPainter, facts: RunFacts) -> None:
        self._painter = painter
        self._video = VideoWriter(path, facts.fps, facts.size, facts.pixel_aspect, sound=facts.sound)

    def write(self, frame: NDArray[np.uint8], result: FrameResult, timestamp: float | None = None) -> None:
        self._video.write(self._painter(frame, result), timestamp)

    def close(self) -> None:
        """Complete the video.

        Raises:
            OutputError: it cannot be written.
        """
        self._video.close()


def _draw_points(scene: NDArray[np.uint8], result: FrameResult, inks: Sequence[Colour]) -> None:
    large = point_radius(scene)
    crowded = np.bincount(result.owners) > CROWD
    for i in np.flatnonzero(drawable(result.points)):
        owner = int(result.owners[i])
        visible = result.visibility[i] == Visibility.VISIBLE
        draw = disc if result.positive[i] else _cross
        x, y = np.round(result.points[i]).astype(int).tolist()
        radius = max(2, large // 2) if crowded[owner] else large
        draw(scene, (x, y), radius, inks[owner] if visible else INVISIBLE)


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
