"""What the CoTracker trackers have in common: their options, and how their answers become tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..base import PointTracker, Step, Visibility
from .encoder import STRIDE
from .frames import FrameEncoder
from .models import CoTrackerModel
from .points import SupportGrid

_SMALLEST_SIDE = 64


class CoTrackerBase(PointTracker):
    """Holds a model and the options that all CoTracker trackers share.

    Points attend to each other: a point's track depends on the points that are tracked with it, and those of
    several objects, given together, cost little more than those of one.

    Args:
        model: the network; it is moved to ``device``.
        device: where to compute, and to keep the features.
        dtype: float32, or bfloat16 for mixed precision by autocast.
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

    def __init__(
        self,
        model: CoTrackerModel,
        device: str | torch.device,
        dtype: torch.dtype,
        iterations: int,
        visibility_threshold: float,
        support_grid: int,
        support_grid_every: int | None,
        points_per_batch: int,
        size: tuple[int, int],
        frames_kept: int,
    ) -> None:
        if dtype not in (torch.float32, torch.bfloat16):
            raise ValueError(f"dtype must be float32 or bfloat16, not {dtype}")
        if not 0 <= visibility_threshold <= 1:
            raise ValueError(f"visibility_threshold must be from 0 to 1, not {visibility_threshold}")
        for option, number, least in [
            ("iterations", iterations, 1),
            ("support_grid", support_grid, 0),
            ("support_grid_every", 1 if support_grid_every is None else support_grid_every, 1),
            ("points_per_batch", points_per_batch, 1),
            ("frames_kept", frames_kept, 1),
        ]:
            if number < least:
                raise ValueError(f"{option} must be at least {least}, not {number}")
        self.model = model.to(device).eval()
        self.size = _checked_size(size, model.largest_size)
        self.device = torch.device(device)
        self.dtype = dtype
        self.iterations = iterations
        self.visibility_threshold = visibility_threshold
        self.support = SupportGrid(support_grid, support_grid_every)
        self.points_per_batch = points_per_batch
        self.frames = FrameEncoder(self.model, self.device, dtype, self.size, frames_kept)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def _support_points(self) -> torch.Tensor:
        """One support grid, (side², 2) in feature pixels."""
        return (self.support.points(self.size) / STRIDE).to(self.device)


@dataclass(frozen=True)
class Prediction:
    """What the model says about N points in one frame.

    xy: (N, 2) float32 px of the original frame.
    score: (N,) float32, from 0 to 1, of being visible.
    inside: (N,) bool, whether they lie in the frame.
    """

    xy: NDArray[np.float32]
    score: NDArray[np.float32]
    inside: NDArray[np.bool_]

    def step(self, queries: NDArray[np.float32], at_query: NDArray[np.bool_], threshold: float) -> Step:
        """The frame's step: points at their query frames as given, visible; elsewhere only inside it."""
        visible = (self.inside & (self.score > threshold)) | at_query
        visibility = np.where(visible, Visibility.VISIBLE, Visibility.INVISIBLE).astype(np.int8)
        return np.where(at_query[:, None], queries[:, 1:], self.xy), visibility


def _checked_size(size: tuple[int, int], largest: tuple[int, int] | None) -> tuple[int, int]:
    height, width = (int(side) for side in size) if len(size) == 2 else (0, 0)
    if min(height, width) < _SMALLEST_SIDE or height % STRIDE or width % STRIDE:
        raise ValueError(
            f"size must be (height, width), multiples of {STRIDE} px and at least {_SMALLEST_SIDE} px, "
            f"not {size}"
        )
    if largest is not None and (height > largest[0] or width > largest[1]):
        raise ValueError(f"size must be at most {largest} for this model, not {size}")
    return height, width
