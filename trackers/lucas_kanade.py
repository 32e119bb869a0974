"""Sparse pyramidal Lucas-Kanade."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from .base import OnlineTracker, Step, Visibility
from .clip import Clip
from .frames import Recent, within, working_size


class LucasKanade(OnlineTracker):
    """Follows each point by the pyramidal Lucas-Kanade method, on greyscale frames.

    A point is looked for in each frame from the frame in which it was last visible, forth and back: it is
    visible when it is found inside the frame and the way back ends less than ``max_error`` px from where it
    began (the median-flow tracker's test). While it is not found, it stays at its last visible position; so
    after a short occlusion the point itself is found again, not what covered it.

    Args:
        window: side of the square window around a point, px, odd.
        levels: pyramid levels above the frame itself.
        max_error: largest forward-backward error of a visible point, px at the working resolution.
        patience: frames in a row in which a point may not be found before it is lost for the rest of that
            direction. So many grey frames are kept.
        max_side: longest side of the frames worked on, px; None keeps the original resolution.

    Raises:
        ValueError: an option is out of its range.
    """

    name: ClassVar[str] = "lucas-kanade"

    def __init__(
        self,
        window: int = 21,
        levels: int = 3,
        max_error: float = 1.0,
        patience: int = 8,
        max_side: int | None = None,
    ) -> None:
        if window < 3 or window % 2 == 0:
            raise ValueError(f"window must be an odd number of at least 3 px, not {window}")
        if levels < 0:
            raise ValueError(f"levels must be 0 or more, not {levels}")
        if max_error <= 0:
            raise ValueError(f"max_error must be above 0 px, not {max_error}")
        if patience < 1:
            raise ValueError(f"patience must be at least 1 frame, not {patience}")
        if max_side is not None and max_side < 1:
            raise ValueError(f"max_side must be at least 1 px or None, not {max_side}")
        self.window = window
        self.levels = levels
        self.max_error = max_error
        self.patience = patience
        self.max_side = max_side
        # The frame at hand, those that lost points were last seen in, and one more for runs out of step.
        self._frames: Recent[tuple[NDArray[np.uint8], tuple[int, int]]] = Recent(patience + 2)

    def stream(self, clip: Clip, queries: NDArray[np.float32]) -> Iterator[Step]:
        starts = queries[:, 0].astype(int)
        xy = queries[:, 1:].astype(np.float32)
        last_seen = starts.copy()
        for t in range(len(clip)):
            sought = (starts < t) & (t - last_seen <= self.patience)
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
        before, (full_width, full_height) = self._grey(clip, seen)
        after, _ = self._grey(clip, t)
        height, width = before.shape
        scale = np.array([width / full_width, height / full_height], np.float32)
        here = (xy + 0.5) * scale - 0.5
        there, forth = self._flow(before, after, here)
        back, home = self._flow(after, before, there)
        error = np.linalg.norm(back - here, axis=1)
        found = forth & home & (error < self.max_error) & within(there, width, height)
        return np.asarray(xy + (there - here) / scale, np.float32), np.asarray(found)

    def _flow(
        self, first: NDArray[np.uint8], second: NDArray[np.uint8], xy: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Where the points (N, 2) of ``first`` are in ``second``, and which of them were matched at all."""
        guess = np.zeros_like(xy)
        there, status, _ = cv2.calcOpticalFlowPyrLK(
            first, second, xy, guess, winSize=(self.window, self.window), maxLevel=self.levels
        )
        return np.asarray(there, np.float32), np.asarray(status).ravel() == 1

    def _grey(self, clip: Clip, t: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
        """Frame ``t`` in grey at the working resolution, and its original (width, height)."""

        def make() -> tuple[NDArray[np.uint8], tuple[int, int]]:
            frame = clip[t]
            height, width = frame.shape[:2]
            grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
            size = working_size(width, height, self.max_side)
            if size != (width, height):
                grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
            return np.asarray(grey, np.uint8), (width, height)

        return self._frames.get(clip.source, clip.indices[t], make)
