"""Reinitialisation: new points are sampled from a predicted mask (SAM-PT, Sec. 3.4)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sampt._internal.names import unknown_name
from sampt.config.schema import OnLoss, ReinitConfig
from sampt.errors import ConfigError
from sampt.methods.frame_points import FramePoints

SMALLEST_AREA = 25
"""Masks with this many pixels or fewer are not restarted from (B, C, D)."""
NO_MASK = 720.0
"""Term of an object without a valid mask in D's sum of relative area differences."""
SYNC_BONUS = 36.0
"""Bonus in D for the frame where another object starts."""


Areas = NDArray[np.float32]
"""Mask areas in pixels; NaN for masks that must not be restarted from."""


class ReinitStrategy(Protocol):
    """Strategy that chooses restart frames after a stretch of ``horizon`` frames has been segmented.

    ``tracker_horizon`` frames are tracked for each stretch; more than ``horizon`` can help a tracker that
    looks ahead.
    """

    @property
    def horizon(self) -> int: ...
    @property
    def tracker_horizon(self) -> int: ...

    def restarts(self, areas: NDArray[np.int64], other_start: int | None) -> list[int | None]:
        """For each of G objects, the frame to restart from, counted from the first; None if it is lost.

        Args:
            areas: (G, L) mask areas in pixels, L ≥ 2 frames; column 0 is the frame of the query.
            other_start: next frame at which an object of another stretch starts, counted from the first.
        """


@dataclass(frozen=True)
class _Horizon(ABC):
    """Strategy that chooses frames by mask areas.

    Attributes:
        horizon: number of frames of a stretch.
        tracker_horizon: number of frames to track for each stretch.
        reference: choose as the reference implementation does, which restarts from any mask and never loses
            an object.
    """

    horizon: int = 8
    tracker_horizon: int = 8
    reference: bool = False

    def __post_init__(self) -> None:
        if self.horizon < 2 or self.tracker_horizon < self.horizon:
            raise ValueError(
                f"reinitialisation needs 2 <= horizon <= tracker_horizon, "
                f"not {self.horizon} and {self.tracker_horizon}"
            )

    def restarts(self, areas: NDArray[np.int64], other_start: int | None) -> list[int | None]:
        candidates = self.candidate_areas(areas)
        chosen = self._choose(areas, candidates, other_start)
        valid = self.reference | ~np.isnan(candidates[range(len(chosen)), chosen])
        return [int(c) + 1 if ok else None for c, ok in zip(chosen, valid, strict=True)]

    @abstractmethod
    def _choose(
        self, areas: NDArray[np.int64], candidates: Areas, other_start: int | None
    ) -> NDArray[np.intp]:
        """For each of G objects, the column of ``candidates`` (G, L − 1) to restart from."""

    def candidate_areas(self, areas: NDArray[np.int64]) -> Areas:
        """Areas, (G, L − 1), of the frames after the first; NaN for masks that must not be restarted from."""
        later = areas[:, 1:].astype(np.float32)
        later[later <= SMALLEST_AREA] = np.nan
        skipped = self.horizon // 4
        if skipped < later.shape[1]:
            later[:, :skipped] = np.nan
        return later


class AtHorizon(_Horizon):
    """A: the last frame of the stretch, or an earlier one where another object starts, to stay in step."""

    def _choose(
        self, areas: NDArray[np.int64], candidates: Areas, other_start: int | None
    ) -> NDArray[np.intp]:
        offset = self.horizon - 1 if other_start is None else min(self.horizon - 1, other_start)
        return np.full(len(areas), offset - 1)

    def candidate_areas(self, areas: NDArray[np.int64]) -> Areas:
        """Areas, (G, L − 1), of the frames after the first; NaN for empty masks."""
        later = areas[:, 1:].astype(np.float32)
        later[later == 0] = np.nan
        return later


class MedianArea(_Horizon):
    """B: the frame with the (lower) median mask area."""

    def _choose(
        self, areas: NDArray[np.int64], candidates: Areas, other_start: int | None
    ) -> NDArray[np.intp]:
        if self.reference:
            import torch  # which frame of equally large masks, or without any, is up to torch

            return torch.from_numpy(candidates).nanmedian(1).indices.numpy()
        order = np.argsort(candidates, axis=1, kind="stable")  # NaNs last
        middle = (np.count_nonzero(~np.isnan(candidates), axis=1) - 1) // 2
        return order[range(len(order)), middle]


class SimilarArea(_Horizon):
    """C: the frame whose mask area is closest to that of the stretch's first frame."""

    def _choose(
        self, areas: NDArray[np.int64], candidates: Areas, other_start: int | None
    ) -> NDArray[np.intp]:
        difference = np.abs(candidates - areas[:, :1])
        nearest: NDArray[np.intp] = np.where(np.isnan(difference), np.inf, difference).argmin(1)
        return nearest


class SimilarAreaSync(_Horizon):
    """D: the same frame for all objects, with the least sum of relative area differences."""

    def _choose(
        self, areas: NDArray[np.int64], candidates: Areas, other_start: int | None
    ) -> NDArray[np.intp]:
        first = areas[:, :1].astype(np.float32)
        if not self.reference:
            first[first == 0] = np.nan  # the reference divides by 0, so frames with a mask come last
        with np.errstate(divide="ignore"):
            difference = np.abs(candidates - first) / first
        cost = np.where(np.isnan(difference), np.float32(NO_MASK), difference).sum(0)
        if other_start is not None and other_start - 1 < len(cost):
            cost[other_start - 1] -= SYNC_BONUS
        return np.full(len(areas), cost.argmin())


Reinit = ReinitStrategy | OnLoss

STRATEGIES: dict[str, type[Any]] = {
    "horizon": AtHorizon,
    "median-area": MedianArea,
    "similar-area": SimilarArea,
    "similar-area-sync": SimilarAreaSync,
    "on-loss": OnLoss,
}


def make_strategy(config: ReinitConfig, reference: bool = False) -> Reinit | None:
    """The strategy that a configuration names; None if points are never sampled again.

    With ``reference``, A to D restart exactly as in the reference implementation.

    Raises:
        ConfigError: there is no such strategy, or its horizons are invalid.
    """
    if config.strategy is None:
        return None
    if config.strategy not in STRATEGIES:
        raise ConfigError(f"reinit.strategy: {unknown_name('strategy', config.strategy, STRATEGIES)}")
    if config.strategy == "on-loss":
        return config.on_loss
    tracked = config.horizon if config.tracker_horizon is None else config.tracker_horizon
    try:
        made: Reinit = STRATEGIES[config.strategy](config.horizon, tracked, reference)
    except ValueError as error:
        raise ConfigError(f"reinit: {error}") from error
    return made


def renewed(
    strategy: OnLoss,
    points: FramePoints,
    frames_since_start: int,
    mask: Callable[[], NDArray[np.bool_]],
    sample: Callable[[NDArray[np.bool_]], FramePoints],
) -> FramePoints | None:
    """Strategy E for one object in one frame: the points to continue with, or None to keep its points.

    Args:
        strategy: settings of the strategy.
        points: the object's points in this frame.
        frames_since_start: frames since its points were last sampled.
        mask: makes its mask in this frame, (H, W) bool, if needed.
        sample: samples points from a mask.
    """
    visible, total = len(points.visible_positives), int(points.positive.sum())
    if not strategy.due(visible, total, frames_since_start):
        return None
    seen = mask()
    if np.count_nonzero(seen) <= strategy.smallest_area:
        return None
    return filled_up(points, sample(seen))


def filled_up(tracked: FramePoints, fresh: FramePoints) -> FramePoints:
    """The fresh points, with the visible tracked positives in place of the nearest fresh ones.

    If all were replaced, a part of the object that is missing in one mask could never come back. Negatives
    matter most close around the object, where only fresh ones are.
    """
    kept, sampled = tracked.visible_positives, fresh.visible_positives
    lacking = max(len(sampled) - len(kept), 0)
    distance = np.linalg.norm(sampled[:, None] - kept, axis=2).min(1, initial=np.inf)
    farthest = np.sort(np.argsort(-distance, kind="stable")[:lacking])
    return FramePoints.at_query(np.concatenate([kept, sampled[farthest]]), fresh.visible_negatives)
