"""When to drop tracked points and sample new ones from a predicted mask (SAM-PT, Sec. 3.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .prompting import FramePoints

SMALLEST_AREA = 25
"""Masks of so many pixels or fewer are not restarted from (B, C, D)."""
NO_MASK = 720.0
"""What an object without a valid mask adds to D's sum of relative area differences."""
SYNC_BONUS = 36.0
"""How much D prefers the frame where another object starts."""


class ReinitStrategy(Protocol):
    """Chooses restart frames after a stretch of ``horizon`` frames has been segmented.

    ``tracker_horizon`` frames are tracked for each stretch; more than ``horizon`` can help a tracker that
    looks ahead.
    """

    @property
    def horizon(self) -> int: ...
    @property
    def tracker_horizon(self) -> int: ...

    def restarts(self, areas: NDArray[np.int64], other_start: int | None) -> list[int | None]:
        """For each of G objects, the frame to restart from, counted from the first; None if it is lost.

        areas: (G, L) mask areas in pixels, L ≥ 2 frames; column 0 is the frame of the query.
        other_start: the next frame at which an object of another stretch starts, counted likewise.
        """


@dataclass(frozen=True)
class _Horizon:
    horizon: int = 8
    tracker_horizon: int = 8

    def __post_init__(self) -> None:
        if self.horizon < 2 or self.tracker_horizon < self.horizon:
            raise ValueError(
                f"reinitialisation needs 2 <= horizon <= tracker_horizon, "
                f"not {self.horizon} and {self.tracker_horizon}"
            )

    def candidate_areas(self, areas: NDArray[np.int64]) -> NDArray[np.float64]:
        """(G, L − 1) areas of the frames after the first; NaN where the mask is not to be restarted from."""
        later = areas[:, 1:].astype(float)
        later[later <= SMALLEST_AREA] = np.nan
        skipped = self.horizon // 4
        if skipped < later.shape[1]:
            later[:, :skipped] = np.nan
        return later


class AtHorizon(_Horizon):
    """A: the last frame of the stretch, or earlier, where another object starts, so that all stay in step."""

    def restarts(self, areas: NDArray[np.int64], other_start: int | None) -> list[int | None]:
        offset = self.horizon - 1 if other_start is None else min(self.horizon - 1, other_start)
        return [offset if area > 0 else None for area in areas[:, offset]]


class MedianArea(_Horizon):
    """B: the frame with the (lower) median mask area."""

    def restarts(self, areas: NDArray[np.int64], other_start: int | None) -> list[int | None]:
        return [self._median(row) for row in self.candidate_areas(areas)]

    @staticmethod
    def _median(areas: NDArray[np.float64]) -> int | None:
        order = np.argsort(areas, kind="stable")  # NaNs last
        valid = np.count_nonzero(~np.isnan(areas))
        return int(order[(valid - 1) // 2]) + 1 if valid else None


class SimilarArea(_Horizon):
    """C: the frame whose mask area is closest to that of the stretch's first frame."""

    def restarts(self, areas: NDArray[np.int64], other_start: int | None) -> list[int | None]:
        difference = np.abs(self.candidate_areas(areas) - areas[:, :1])
        return [None if np.isnan(row).all() else int(np.nanargmin(row)) + 1 for row in difference]


class SimilarAreaSync(_Horizon):
    """D: one frame for all objects together, with the least sum of relative area differences."""

    def restarts(self, areas: NDArray[np.int64], other_start: int | None) -> list[int | None]:
        candidates = self.candidate_areas(areas)
        first = np.where(areas[:, :1] > 0, areas[:, :1], np.nan)
        cost = np.nan_to_num(np.abs(candidates - first) / first, nan=NO_MASK).sum(0)
        if other_start is not None and other_start - 1 < len(cost):
            cost[other_start - 1] -= SYNC_BONUS
        best = int(cost.argmin())
        return [None if np.isnan(area) else best + 1 for area in candidates[:, best]]


@dataclass
class OnLoss:
    """E: as soon as too few of an object's points are visible, from the mask of that very frame.

    Unlike A to D it keeps the positives that are still visible, and samples only what is lacking. It decides
    frame by frame, object by object, so it has no horizon. Made for trackers that lose points for good
    (``dis``, ``lucas-kanade``) with a segmenter whose masks stay on the object.
    """

    visible_share: float = 0.6
    least_visible: int = 3
    patience: int = 2
    smallest_area: int = 100

    def __post_init__(self) -> None:
        if not 0 <= self.visible_share <= 1:
            raise ValueError(
                f"reinitialisation on loss: visible_share must be from 0 to 1, not {self.visible_share}"
            )
        if self.least_visible < 1 or self.patience < 1 or self.smallest_area < 0:
            raise ValueError(
                "reinitialisation on loss: least_visible and patience must be at least 1, smallest_area 0"
            )

    def due(self, points: FramePoints, frames_since_start: int) -> bool:
        """Whether to restart an object, if its mask is large enough."""
        visible, total = len(points.visible_positives), int(points.positive.sum())
        few = self.least_visible <= visible < self.visible_share * total
        return few and frames_since_start >= self.patience


Reinit = ReinitStrategy | OnLoss

STRATEGIES: dict[str, Callable[..., Any]] = {
    "horizon": AtHorizon,
    "median-area": MedianArea,
    "similar-area": SimilarArea,
    "similar-area-sync": SimilarAreaSync,
    "on-loss": OnLoss,
}
