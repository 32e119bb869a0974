"""CoTracker's options, in a module without torch, so that they can be checked before it is imported."""

from __future__ import annotations

from dataclasses import dataclass

from ..options import at_least, from_0_to_1

STRIDE = 4
"""Pixels of the image per pixel of the feature map."""

TRAINED_SIZE = (384, 512)
"""(height, width) of the frames that the networks were trained with."""

_SMALLEST_SIDE = 64


@dataclass(frozen=True, kw_only=True)
class CoTrackerOptions:
    """The options of all CoTracker trackers, with the defaults that they share.

    Attributes:
        iterations: number of refinements of each window.
        visibility_threshold: score, from 0 to 1, above which a point inside the frame is VISIBLE.
        support_grid: number of points per side of a grid that is tracked beside the queries; 0 for none.
        support_grid_every: number of frames from one grid to the next; None for a grid at each query frame.
            For a grid at the first frame only, as in the official predictors, give more frames than the clip
            has.
        points_per_batch: maximum number of points that are tracked together. More are split into groups, each
            with its own grids, that do not attend to each other.
        size: (height, width) that frames are resized to, px.
        frames_kept: number of frames whose features stay in memory for later runs; 8.4 MB each at 384×512 in
            float32.

    Raises:
        ValueError: an option is out of its range.
    """

    iterations: int = 6
    visibility_threshold: float = 0.9
    support_grid: int = 6
    support_grid_every: int | None = None
    points_per_batch: int = 1024
    size: tuple[int, int] = TRAINED_SIZE
    frames_kept: int = 48

    def __post_init__(self) -> None:
        from_0_to_1(visibility_threshold=self.visibility_threshold)
        at_least(0, support_grid=self.support_grid)
        at_least(
            1,
            iterations=self.iterations,
            support_grid_every=self.support_grid_every,
            points_per_batch=self.points_per_batch,
            frames_kept=self.frames_kept,
        )
        height, width = self.size if len(self.size) == 2 else (0, 0)
        if min(height, width) < _SMALLEST_SIDE or height % STRIDE or width % STRIDE:
            raise ValueError(
                f"size must be (height, width), multiples of {STRIDE} px and at least {_SMALLEST_SIDE} px, "
                f"not {self.size}"
            )


@dataclass(frozen=True, kw_only=True)
class CoTracker3Options(CoTrackerOptions):
    """The options of ``cotracker3``; its score is visibility times confidence, hence the lower threshold."""

    visibility_threshold: float = 0.6


@dataclass(frozen=True, kw_only=True)
class CoTracker3OfflineOptions(CoTrackerOptions):
    """The options of ``cotracker3-offline``, which looks at all frames again in the other direction."""

    frames_kept: int = 128


@dataclass(frozen=True, kw_only=True)
class CoTracker2Options(CoTrackerOptions):
    """The options of ``cotracker2``, whose frames may be at most as large as in training."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size[0] > TRAINED_SIZE[0] or self.size[1] > TRAINED_SIZE[1]:
            raise ValueError(f"size must be at most {TRAINED_SIZE} for cotracker2, not {self.size}")


@dataclass(frozen=True, kw_only=True)
class CoTracker1Options(CoTrackerOptions):
    """The options of ``cotracker1``, with the official predictor's defaults.

    SAM-PT's final paper uses ``visibility_threshold=0.7, support_grid=2, support_grid_every=12``.
    """
