"""CoTracker's options; without torch, so that they can be checked before it is imported."""

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
    """What can be set of all CoTracker trackers, and the defaults that they share.

    Attributes:
        iterations: refinements of each window.
        visibility_threshold: a point is visible above this score, from 0 to 1, inside the frame.
        support_grid: side of the grid of supporting points, 0 for none.
        support_grid_every: frames from one grid to the next; None for a grid at each query frame. The grid of
            the official predictors is at the first frame alone: give any number of frames beyond the clip's.
        points_per_batch: most points that are tracked together; more are split into groups, each with grids
            of its own, that do not attend to each other.
        size: (height, width) that frames are resized to, px.
        frames_kept: frames whose features stay in memory for later runs; 8.4 MB each at 384×512 in float32.

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
    """Options of ``cotracker3``; its score is visibility times confidence, hence the lower threshold."""

    visibility_threshold: float = 0.6


@dataclass(frozen=True, kw_only=True)
class CoTracker3OfflineOptions(CoTrackerOptions):
    """Options of ``cotracker3-offline``, which looks at all frames again in the other direction."""

    frames_kept: int = 128


@dataclass(frozen=True, kw_only=True)
class CoTracker2Options(CoTrackerOptions):
    """Options of ``cotracker2``, which works at most at the size that its network was trained with."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size[0] > TRAINED_SIZE[0] or self.size[1] > TRAINED_SIZE[1]:
            raise ValueError(f"size must be at most {TRAINED_SIZE} for cotracker2, not {self.size}")
