"""CoTracker3 offline: the whole clip as one window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from .base import Trajectories, check_queries
from .clip import Clip, FrameSource
from .cotracker_base import CoTrackerBase, finished_step
from .cotracker_correlation import Pyramid
from .cotracker_frames import FrameSize
from .cotracker_models import CoTracker3Model
from .cotracker_points import groups_of_points


class CoTracker3Offline(CoTrackerBase):
    """CoTracker3 offline (Karaev et al., 2024): all frames are refined together, both sides of an occlusion.

    Points are followed forward through the whole clip; for the frames before their queries, through the whole
    reversed clip. Memory grows with the clip's length, see ``memory_needed``. The visibility score does not
    include the confidence, as in the official predictor.

    Args: see ``CoTrackerBase``. The model is of ``build_cotracker3_offline``.
    """

    name: ClassVar[str] = "cotracker3-offline"

    def __init__(
        self,
        model: CoTracker3Model,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        iterations: int = 6,
        visibility_threshold: float = 0.9,
        support_grid: int = 6,
        support_grid_every: int | None = None,
        points_per_batch: int = 1024,
        size: Sequence[int] = (384, 512),
        frames_kept: int = 128,
    ) -> None:
        super().__init__(
            model,
            device,
            dtype,
            iterations,
            visibility_threshold,
            support_grid,
            support_grid_every,
            points_per_batch,
            size,
            frames_kept,
        )
        self._offline = model

    def track(self, frames: Clip | FrameSource, queries: ArrayLike) -> Trajectories:
        clip, checked = Clip.of(frames), check_queries(queries, len(frames))
        if len(checked) == 0:
            return Trajectories(np.zeros((len(clip), 0, 2), np.float32), np.zeros((len(clip), 0), np.int8))
        xy, seen, size = self._track(clip, checked)
        steps = (
            finished_step(checked, checked[:, 0] == t, xy[:, t], seen[:, t], size) for t in range(len(clip))
        )
        return Trajectories.from_steps(steps)

    @torch.inference_mode()
    def _track(
        self, clip: Clip, queries: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_], FrameSize]:
        """Where the queries are, (N, T, 2) px, whether they are seen, (N, T), and the frames' size."""
        starts = queries[:, 0].astype(np.int64)
        size = self.frames.frame_size(clip, 0)
        pyramid = self.frames.pyramid(clip, range(len(clip)))
        xy = np.empty((len(queries), len(clip), 2), np.float32)
        seen = np.empty((len(queries), len(clip)), bool)
        for members in groups_of_points(starts, self.points_per_batch):
            grids = self.support.frames(clip, starts[members])
            found, score = self._group(pyramid, queries[members], grids, size)
            xy[members] = self.frames.to_pixels(found, size)
            seen[members] = (score > self.visibility_threshold).cpu().numpy()
        return xy, seen, size

    def _group(
        self, pyramid: Pyramid, queries: NDArray[np.float32], grids: list[int], size: FrameSize
    ) -> tuple[Tensor, Tensor]:
        """Track points together: (N, T, 2) feature pixels, and how visible they are, (N, T) from 0 to 1."""
        each = self.support.side**2
        frame = np.concatenate([queries[:, 0], np.repeat(grids, each)]).astype(np.int64)
        starts = torch.from_numpy(frame).to(self.device)
        given = torch.cat(
            [self.frames.to_features(queries[:, 1:], size), self._support_points().repeat(len(grids), 1)]
        )
        templates = self.model.templates(pyramid, starts, given)
        xy, score = self._pass(pyramid, templates, given, len(queries))
        if queries[:, 0].any():
            early_xy, early_score = self._pass(pyramid.reversed(), templates, given, len(queries))
            early = torch.arange(len(pyramid), device=self.device) < starts[: len(queries), None]
            xy = torch.where(early[..., None], early_xy.flip(1), xy)
            score = torch.where(early, early_score.flip(1), score)
        return xy, score

    def _pass(self, pyramid: Pyramid, templates: Tensor, given: Tensor, own: int) -> tuple[Tensor, Tensor]:
        """One direction in time; of the first ``own`` points."""
        frames = len(pyramid)
        xy = given[:, None].expand(-1, frames, -1)
        logits = given.new_full((len(given), frames, self.model.logits), self.model.initial_logit)
        fresh = torch.ones_like(logits[..., 0], dtype=torch.bool)
        with self._autocast():
            xy, logits = self.model.refine(pyramid, templates, xy, logits, fresh, self.iterations)
        return xy[:own], self._offline.visibility(logits[:own].float())
