"""Tracks that are computed as far as needed, and kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby, islice, repeat

import numpy as np
from numpy.typing import NDArray

from sampt.prompts.edits import Point
from sampt.trackers.base import PointTracker, Step, Visibility
from sampt.trackers.clip import Clip
from sampt.trackers.filters import PatchFilter, filtered_steps, mark_outside

from .parts import Parts


class Track:
    """Track of N points from one frame on, in one direction of time; step 0 is that frame.

    Args:
        make: starts the tracking from the beginning.
        points: number of points.

    Attributes:
        known: number of known steps.
    """

    def __init__(self, make: Callable[[], Iterator[Step]], points: int) -> None:
        self._make = make
        self._steps: Iterator[Step] | None = None
        self._xy = np.zeros((8, points, 2), np.float32)
        self._visibility = np.zeros((8, points), np.int8)
        self.known = 0

    def advance(self) -> None:
        """Track one more step."""
        if self._steps is None:
            self._steps = islice(self._make(), self.known, None)
        if self.known == len(self._xy):
            self._xy = np.concatenate([self._xy, np.zeros_like(self._xy)])
            self._visibility = np.concatenate([self._visibility, np.zeros_like(self._visibility)])
        self._xy[self.known], self._visibility[self.known] = next(self._steps)
        self.known += 1

    def rest(self) -> None:
        """Free the tracker's memory; continuing later tracks all steps again."""
        self._steps = None

    def at(self, step: int) -> Step:
        """Positions (N, 2) float32 and visibility (N,) int8 at a known step."""
        return self._xy[step], self._visibility[step]


SPARE_BYTES = 256 << 20
"""Memory for optical flow, some 160 frames of ``dis`` in both directions, as points are added one by one."""


class TrackStarter:
    """Starter of tracks in one video, with a tracker and a filter."""

    def __init__(self, tracker: PointTracker, patch_filter: PatchFilter | None, clip: Clip) -> None:
        tracker.spare_bytes = max(tracker.spare_bytes, SPARE_BYTES)
        self._tracker, self._filter, self._clip = tracker, patch_filter, clip
        self._size = clip[0].shape[:2]

    def track(self, frame: int, xy: NDArray[np.float32], backward: bool) -> Track:
        """A track of points (N, 2) from ``frame`` to the video's end or, ``backward``, to its beginning."""
        if not len(xy):
            return Track(lambda: repeat((xy, np.zeros(0, np.int8))), 0)
        clip = self._clip[: frame + 1].reversed() if backward else self._clip[frame:]
        queries = np.column_stack([np.zeros(len(xy), np.float32), xy]).astype(np.float32)
        return Track(lambda: filtered_steps(self._tracker, clip, queries, self._filter, False), len(xy))

    def given(self, xy: NDArray[np.float32]) -> NDArray[np.int8]:
        """Visibility, (N,) int8, of points in the frame where they are given."""
        return mark_outside(xy, np.full(len(xy), Visibility.VISIBLE, np.int8), self._size)


class PointTracks:
    """Tracks of the points that a person gave.

    Points of one frame that are not tracked yet are tracked together; a point that is added later is tracked
    by itself.
    """

    def __init__(self, parts: Parts, starter: TrackStarter) -> None:
        self._starter, self._parts = starter, parts
        self._tracks: dict[tuple[int, tuple[int, float, float], bool], tuple[Track, int]] = {}

    def begin(self, points: Sequence[Point]) -> None:
        """Create tracks, in both directions, of all points without one; nothing is tracked yet."""
        for backward in (False, True):
            lacking = [p for p in points if (p.id, p.place, backward) not in self._tracks]
            for frame, same in groupby(sorted(lacking, key=lambda p: (p.frame, p.id)), lambda p: p.frame):
                for group in self._groups(list(same)):
                    track = self._starter.track(frame, _xy(group), backward)
                    for column, point in enumerate(group):
                        self._tracks[point.id, point.place, backward] = track, column

    def _groups(self, points: list[Point]) -> list[list[Point]]:
        together = self._parts.tracked_together(sorted({p.object_id for p in points}))
        return [[p for p in points if p.object_id in group] for group in together]

    def rest_all_but(self, points: Collection[Point]) -> None:
        """Free the tracker's memory of tracks that none of these points needs."""
        kept = {(p.id, p.place) for p in points}
        needed = {id(track) for key, (track, _) in self._tracks.items() if key[:2] in kept}
        for track, _ in self._tracks.values():
            if id(track) not in needed:
                track.rest()

    def knows(self, point: Point, frame: int) -> bool:
        """Whether a point's position in a frame is known."""
        found = self._tracks.get((point.id, point.place, frame < point.frame))
        return frame == point.frame or (found is not None and found[0].known > abs(frame - point.frame))

    def advance(self, point: Point, frame: int) -> None:
        """Track a point one more step towards a frame."""
        self._tracks[point.id, point.place, frame < point.frame][0].advance()

    def at(self, point: Point, frame: int) -> tuple[NDArray[np.float32], np.int8]:
        """Position, (2,) float32, and visibility of a point in a frame where they are known."""
        if frame == point.frame:
            xy = _xy([point])
            return xy[0], self._starter.given(xy)[0]
        track, column = self._tracks[point.id, point.place, frame < point.frame]
        places, visibility = track.at(abs(frame - point.frame))
        return places[column], visibility[column]


def _xy(points: Sequence[Point]) -> NDArray[np.float32]:
    return np.array([(p.x, p.y) for p in points], np.float32).reshape(-1, 2)
