"""The base class of the CoTracker trackers, and how their predictions become tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..base import Step, Visibility
from ..neural import NeuralTracker, autocast, checked_dtype
from .frames import FeatureEncoder
from .models import CoTrackerModel
from .options import STRIDE, CoTrackerOptions
from .points import SupportGrid


class CoTrackerBase(NeuralTracker):
    """A model, the options that all CoTracker trackers share, and the frames encoded so far.

    Points attend to each other: a point's track depends on the points that are tracked with it, and the
    points of several objects, given together, cost little more than those of one.

    Args:
        model: the network; it is moved to ``device``.
        options: the tracker's options.
        device: where to compute and keep the features.
        dtype: float32, or bfloat16 for mixed precision by autocast.

    Raises:
        ValueError: ``dtype`` is neither, or ``options.size`` is larger than the model can handle.
    """

    options: CoTrackerOptions

    def __init__(
        self,
        model: CoTrackerModel,
        options: CoTrackerOptions,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(options)
        height, width = largest = model.largest_size or options.size
        if options.size[0] > height or options.size[1] > width:
            raise ValueError(f"size must be at most {largest} for this model, not {options.size}")
        self.dtype = checked_dtype(dtype)
        self.device = torch.device(device)
        self.model = model.to(device).eval()
        self.support = SupportGrid(options.support_grid, options.support_grid_every)
        self.frames = FeatureEncoder(self.model, self.device, dtype, options.size, options.frames_kept)

    def _autocast(self) -> torch.autocast:
        return autocast(self.device, self.dtype)

    def _support_points(self) -> torch.Tensor:
        """One support grid, (side², 2) in feature pixels."""
        return (self.support.points(self.options.size) / STRIDE).to(self.device)


@dataclass(frozen=True)
class Prediction:
    """The model's output for N points in one frame.

    Attributes:
        xy: (N, 2) float32 px of the original frame.
        score: (N,) float32, visibility score from 0 to 1.
        inside: (N,) bool, whether the points are inside the frame.
    """

    xy: NDArray[np.float32]
    score: NDArray[np.float32]
    inside: NDArray[np.bool_]

    def step(self, queries: NDArray[np.float32], at_query: NDArray[np.bool_], threshold: float) -> Step:
        """The frame's step: points at their query frame as given, VISIBLE; others only inside the frame."""
        visible = (self.inside & (self.score > threshold)) | at_query
        visibility = np.where(visible, Visibility.VISIBLE, Visibility.INVISIBLE).astype(np.int8)
        return np.where(at_query[:, None], queries[:, 1:], self.xy), visibility
