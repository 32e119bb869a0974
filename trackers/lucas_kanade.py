"""The sparse pyramidal Lucas-Kanade tracker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from .base import OnlineTracker, Step, Visibility
from .clip import Clip
from .frames import FrameCache, within, working_size
from .options import at_least

_GreyFrame: TypeAlias = tuple[NDArray[np.uint8], tuple[int, int]]


@dataclass(frozen=True)
class LucasKanadeOptions:
    """The options of ``lucas-kanade``.

    Attributes:
        window: side of the square window around a point, px, odd.
        levels: number of pyramid levels above the frame itself.
        max_error: largest forward-backward error of a visible point, px at the working resolution.
        patience: number of frames in a row without finding a point after which it is lost for the rest of
            that direction. That many grey frames are kept.
        max_side: longest side of the frames worked on, px; None keeps the original resolution.

    Raises:
        ValueError: an option is out of its range.
    """

    window: int = 21
    levels: int = 3
    max_error: float = 1.0
    patience: int = 8
    max_side: int | None = None

    def __post_init__(self) -> None:
        if self.window < 3 or self.window % 2 == 0:
            raise ValueError(f"window must be an odd number of at least 3 px, not {self.window}")
        if not self.max_error > 0:
            raise ValueError(f"max_error must be above 0 px, not {self.max_error}")
        at_least(0, levels=self.levels)
        at_least(1, patience=self.patience, max_side=self.max_side)


class LucasKanade(OnlineTracker):
    """A tracker that follows each point by the pyramidal Lucas-Kanade method, on greyscale frames.

    In each frame, a point is searched for from the frame in which it was last visible, forward and backward.
    It is VISIBLE if it is found inside the frame and the way back ends less than ``max_error`` px from where
    it began (the median-flow tracker's test). Until it is found, it stays at its last visible position, so
    that after a short occlusion the point itself is found again, not what covered it.

    Args:
        options: the tracker's options; None for the defaults.
    """

    name: ClassVar[str] = "lucas-kanade"
    Options = LucasKanadeOptions
    options: LucasKanadeOptions

    def __init__(self, options: LucasKanadeOptions | None = None) -> None:
        super().__init__(options)
        # The current frame, those in which missing points were last seen, and one more for runs out of step.
        self._frames: FrameCache[_GreyFrame] = FrameCache(self.options.patience + 2)

    def stream(self, clip: Clip, queries: NDArray[np.float32]) -> Iterator[Step]:
        starts = queries[:, 0].astype(int)
        xy = queries[:, 1:].astype(np.float32)
        last_seen = starts.copy()
        for t in clip.positions():
            sought = (starts < t) & (t - last_seen <= self.options.patience)
            for seen in np.unique(last_seen[sought]).tolist():
                points = np.flatnonzero(sought & (last_seen == seen))
                there, found = self._find(clip, seen, t, xy[points])
                xy[points[found]] = there[found]
                last_seen[points[found]] = t
            visible = last_seen == t
            yield xy.copy(), np.where(visible, Visibility.VISIBLE, Visibility.INVISIBLE).astype(np.int8)

    def _find(
        self, clip: Clip, seen: int, t: int, xy: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Where the points ``xy``, (N, 2), of frame ``seen`` are in frame ``t``, and which were found."""
        before, full_size = self._grey(clip, seen)
        after, _ = self._grey(clip, t)
        (height, width), (full_height, full_width) = before.shape, full_size
        scale = np.array([width / full_width, height / full_height], np.float32)
        here = (xy + 0.5) * scale - 0.5
        there, forth = self._flow(before, after, here)
        back, home = self._flow(after, before, there)
        error = np.linalg.norm(back - here, axis=1)
        found = forth & home & (error < self.options.max_error) & within(there, (height, width))
        return np.asarray(xy + (there - here) / scale, np.float32), np.asarray(found)

    def _flow(
        self, first: NDArray[np.uint8], second: NDArray[np.uint8], xy: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Where the points (N, 2) of ``first`` are in ``second``, and which of them were matched at all."""
        guess, window = np.zeros_like(xy), (self.options.window, self.options.window)
        there, status, _ = cv2.calcOpticalFlowPyrLK(
            first, second, xy, guess, winSize=window, maxLevel=self.options.levels
        )
        return np.asarray(there, np.float32), np.asarray(status).ravel() == 1

    def _grey(self, clip: Clip, t: int) -> _GreyFrame:
        """Frame ``t`` in grey at the working resolution, and its original (height, width)."""

        def make() -> _GreyFrame:
            frame = clip[t]
            full_size = frame.shape[:2]
            grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
            size = working_size(full_size, self.options.max_side)
            if size != full_size:
                grey = cv2.resize(grey, size[::-1], interpolation=cv2.INTER_AREA)
            return np.asarray(grey, np.uint8), full_size

        return self._frames.get(clip.source, clip.indices[t], make)
