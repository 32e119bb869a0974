"""Parts of SAM-PT: its exchangeable parts and settings, shared by its loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sampt._internal.devices import choose_device, choose_dtype
from sampt.config.schema import Config, Prompting
from sampt.methods.frame_points import FramePoints
from sampt.segmenters.base import PromptableSegmenter
from sampt.segmenters.registry import create_segmenter
from sampt.trackers.base import PointTracker
from sampt.trackers.filters import PatchFilter
from sampt.tracking.building import build_tracker

from .checks import make_sampler
from .reinitialisation import Reinit, make_strategy
from .samplers import PointSampler, select_points


@dataclass(frozen=True)
class Sampling:
    """Sampling of points from a mask: the query mask, or a predicted one at reinitialisation.

    Attributes:
        positive: sampler of positive points, from the mask.
        negative: sampler of negative points, from the mask's complement.
        positives: number of positive points per object.
        negatives: number of negative points per object.
        from_clicks: whether an object with fewer positive points than ``positives`` gets more, from the mask
            that the segmenter predicts from its points at the query frame.
        corner_if_empty: whether points are at (0, 0) where there is no pixel to sample from, as in the
            reference implementation; otherwise an empty mask is an error, and one that covers the whole frame
            has no negatives.
    """

    positive: PointSampler
    negative: PointSampler
    positives: int = 16
    negatives: int = 1
    from_clicks: bool = False
    corner_if_empty: bool = False

    def points(
        self, frame: NDArray[np.uint8], mask: NDArray[np.bool_], rng: np.random.Generator
    ) -> FramePoints:
        """Sample from an object's mask, (H, W) bool, and from its complement."""
        return FramePoints.at_query(
            *select_points(
                frame,
                mask,
                self.positive,
                self.positives,
                self.negative,
                self.negatives,
                rng,
                self.corner_if_empty,
            )
        )


@dataclass(frozen=True)
class Parts:
    """Parts and settings of SAM-PT.

    Attributes:
        tracker: tracks the points.
        segmenter: segments frames by prompts.
        sampling: samples points from masks.
        prompting: settings for making prompts of points.
        reinit: strategy that decides when points are sampled again; None for never.
        patch_filter: filter that rejects points whose patch has changed; None for no filter.
        joint_objects: number of objects whose points are tracked together, which matters to trackers whose
            points attend to each other; None for all.
    """

    tracker: PointTracker
    segmenter: PromptableSegmenter
    sampling: Sampling
    prompting: Prompting = field(default_factory=Prompting)
    reinit: Reinit | None = None
    patch_filter: PatchFilter | None = None
    joint_objects: int | None = None

    @classmethod
    def of(
        cls,
        config: Config,
        segmenter: PromptableSegmenter | None = None,
        tracker: PointTracker | None = None,
    ) -> Parts:
        """The parts that a configuration names; ``segmenter`` and ``tracker`` replace its own, if given.

        Raises:
            ConfigError: an unknown or mistyped tracker, segmenter, sampler, strategy or option of one.
            CheckpointError: a checkpoint is missing, corrupt or another model's.
        """
        device = choose_device(config.device)
        sampling, filtering = config.sampling, config.patch_filter
        return cls(
            sampling=Sampling(
                make_sampler("positive", sampling.positive, config.reference),
                make_sampler("negative", sampling.negative, config.reference),
                sampling.positive.points,
                sampling.negative.points,
                sampling.from_clicks,
                corner_if_empty=config.reference,
            ),
            reinit=make_strategy(config.reinit, config.reference),
            prompting=replace(config.prompting, negatives_alone=True, later_objects_as_negatives=True)
            if config.reference
            else config.prompting,
            patch_filter=PatchFilter(filtering.size, filtering.threshold) if filtering.enabled else None,
            joint_objects=config.tracker.joint_objects,
            tracker=tracker
            or build_tracker(
                config.tracker.name,
                config.tracker.options,
                config.tracker.checkpoint,
                device,
                choose_dtype(config.tracker.dtype, device),
                config.tracker.whole_clip_frames,
            ),
            segmenter=segmenter
            or create_segmenter(
                config.segmenter.name,
                config.segmenter.checkpoint,
                device,
                choose_dtype(config.dtype, device),
                config.segmenter.options,
                config.compile,
            ),
        )

    def tracked_together(self, objects: Sequence[int]) -> list[Sequence[int]]:
        """Groups of objects whose points are tracked together."""
        return _groups(objects, self.joint_objects)

    def prompted_together(self, objects: Sequence[int]) -> list[Sequence[int]]:
        """Groups of objects that know of each other; everything is done for each group by itself."""
        return _groups(objects, self.prompting.joint_objects)


def _groups(objects: Sequence[int], size: int | None) -> list[Sequence[int]]:
    size = size or max(len(objects), 1)
    return [objects[i : i + size] for i in range(0, len(objects), size)]
