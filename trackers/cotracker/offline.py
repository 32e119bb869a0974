"""CoTracker3 offline: the whole clip as one window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..base import Trajectories, check_queries, whole_clip
from ..clip import Clip, Source
from ..frames import within
from ..neural import Weights
from .base import CoTrackerBase, Prediction
from .correlation import SAMPLED_BYTES, Pyramid
from .models import CoTracker3Model, build_cotracker3_offline
from .options import CoTracker3OfflineOptions
from .points import groups_of_points


class CoTracker3Offline(CoTrackerBase):
    """CoTracker3 offline (Karaev et al., 2024), which refines all frames together, across occlusions.

    Points are followed forward through the whole clip and, for the frames before their queries, through the
    whole reversed clip. Memory grows with the clip's length, see ``memory_needed``. As in the official
    predictor, the visibility score does not include the confidence.

    Args:
        model: the network, as ``build_cotracker3_offline`` makes it; it is moved to ``device``.
        options: the tracker's options.
        device: where to compute and keep the features.
        dtype: float32, or bfloat16 for mixed precision by autocast.

    Raises:
        ValueError: ``dtype`` is neither.
    """

    name: ClassVar[str] = "cotracker3-offline"
    Options = CoTracker3OfflineOptions
    model: CoTracker3Model

    @staticmethod
    def build_network(weights: Weights) -> CoTracker3Model:
        return build_cotracker3_offline()

    def memory_needed(self, frames: int, points: int) -> int:
        """The approximate number of bytes that tracking takes on the tracker's device, beside the weights.

        Args:
            frames: number of frames of the clip.
            points: number of points, all with the same query frame; each further query frame adds a support
                grid.
        """
        bytes_each = torch.finfo(self.dtype).bits // 8
        held = frames + min(frames, self.options.frames_kept)
        features = self.model.bytes_per_frame(self.options.size, bytes_each) * held
        together = min(points, self.options.points_per_batch) + self.support.side**2
        templates = 4 * self.model.empty_templates(together).numel()
        tokens = 4 * frames * self.model.updateformer.numbers_of_tokens(together)
        return features + templates + tokens + 2 * SAMPLED_BYTES

    def track(self, frames: Clip | Source, queries: ArrayLike) -> Trajectories:
        clip = whole_clip(frames, self.name)
        checked = check_queries(queries, clip)
        if len(checked) == 0:
            return Trajectories(np.zeros((len(clip), 0, 2), np.float32), np.zeros((len(clip), 0), np.int8))
        predictions = enumerate(self.predict(clip, checked))
        return Trajectories.from_steps(
            prediction.step(checked, checked[:, 0] == t, self.options.visibility_threshold)
            for t, prediction in predictions
        )

    @torch.inference_mode()
    def predict(self, clip: Clip, queries: NDArray[np.float32]) -> list[Prediction]:
        """The model's output in every frame, also at queries; ``queries`` as in ``track``, at least one."""
        starts = queries[:, 0].astype(np.int64)
        size = self.frames.frame_size(clip, 0)
        pyramid = self.frames.pyramid(clip, range(len(clip)))
        xy = np.empty((len(clip), len(queries), 2), np.float32)
        score = np.empty((len(clip), len(queries)), np.float32)
        for members in groups_of_points(starts, self.options.points_per_batch):
            given = self.frames.to_features(queries[members, 1:], size)
            grids = self.support.frames(clip, starts[members])
            found, probability = self._group(pyramid, starts[members], given, grids)
            xy[:, members] = self.frames.to_pixels(found, size).swapaxes(0, 1)
            score[:, members] = probability.cpu().numpy().T
        return [Prediction(here, sure, within(here, size)) for here, sure in zip(xy, score, strict=True)]

    def _group(
        self, pyramid: Pyramid, queried: NDArray[np.int64], given: Tensor, grids: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Track N points together.

        Args:
            pyramid: the features of all frames.
            queried: (N,), the query frames.
            given: (N, 2), the query positions in feature pixels.
            grids: frames of the support grids.

        Returns:
            Positions, (N, T, 2) in feature pixels, and visibilities, (N, T) from 0 to 1.
        """
        own = len(queried)
        frames_of_all = np.concatenate([queried, np.repeat(np.array(grids, np.int64), self.support.side**2)])
        starts = torch.from_numpy(frames_of_all).to(self.device)
        given = torch.cat([given, self._support_points().repeat(len(grids), 1)])
        templates = self.model.templates(pyramid, starts, given)
        xy, score = self._pass(pyramid, templates, given, own)
        if queried.any():
            early_xy, early_score = self._pass(pyramid.reversed(), templates, given, own)
            early = torch.arange(len(pyramid), device=self.device) < starts[:own, None]
            xy = torch.where(early[..., None], early_xy.flip(1), xy)
            score = torch.where(early, early_score.flip(1), score)
        return xy, score

    def _pass(self, pyramid: Pyramid, templates: Tensor, given: Tensor, own: int) -> tuple[Tensor, Tensor]:
        """Track in one direction in time; only the first ``own`` points are returned."""
        frames = len(pyramid)
        xy = given[:, None].expand(-1, frames, -1)
        logits = given.new_full((len(given), frames, self.model.logits), self.model.initial_logit)
        fresh = torch.ones_like(logits[..., 0], dtype=torch.bool)
        with self._autocast():
            xy, logits = self.model.refine(pyramid, templates, xy, logits, fresh, self.options.iterations)
        return xy[:own], self.model.visibility(logits[:own].float())
