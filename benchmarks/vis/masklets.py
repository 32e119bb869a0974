"""Masklets of everything in a video: proposals in its first frame, each tracked to the end."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sampt._internal.run_lengths import Rle, encode_each, iou
from sampt._internal.stopwatch import Stopwatch
from sampt.errors import DeviceMemoryError
from sampt.methods.base import VideoMethod
from sampt.prompts.object_query import MAX_OBJECTS
from sampt.prompts.query_points import ObjectQuery, QueryPoints
from sampt.proposals.generator import Proposal, propose
from sampt.segmenters.encoder import FrameEncoder
from sampt.trackers.clip import Clip, FrameSource

from .settings import VisSettings

logger = logging.getLogger(__name__)

BYTES_TOGETHER = 2 << 30
BYTES_PER_PIXEL = 10
"""Memory per object and pixel while a mask is made: logits, comparisons of them, and masks."""


@dataclass
class FoundMasklet:
    """One object in T frames.

    Attributes:
        masks: T run lengths, None where the object is not visible.
        score: 0..1.
    """

    masks: list[Rle | None]
    score: float


class MaskletFinder:
    """What finds masklets in one video after the other.

    Args:
        method: the method, with ``overlapping`` masks, since proposals overlap.
        settings: how masklets are found and scored.

    Attributes:
        seconds: seconds per stage, summed over all videos.
    """

    def __init__(self, method: VideoMethod, settings: VisSettings) -> None:
        self.method, self.settings = method, settings
        self.seconds: Counter[str] = Counter()

    def __call__(self, video: FrameSource, encoder: FrameEncoder) -> list[FoundMasklet]:
        """All masklets of a video, ordered by the frame they begin in, then by their proposals' quality.

        Raises:
            ConfigError: the segmenter cannot make proposals, or the frames are too small for the crops.
            DeviceMemoryError: not even a single object fits into the GPU's memory.
        """
        found: list[FoundMasklet] = []
        for start in range(0, len(video), self.settings.redetect.every or len(video)):
            frame, stopwatch = video[start], Stopwatch()
            with stopwatch("encode"):
                embedding = encoder(start, range(start + 1, len(video)))
            with stopwatch("propose"):
                proposals = propose(frame, self.method.segmenter, self.settings.proposals, embedding)
                fresh = new_proposals(proposals, found, start, self.settings.redetect.overlap)
            self.seconds.update(stopwatch.seconds)
            size = self._batch(frame.shape[:2])
            for i in range(0, len(fresh), size):
                found += self._track_within_memory(video, start, fresh[i : i + size], encoder)
        return found

    def _batch(self, size: tuple[int, ...]) -> int:
        fitting = max(1, BYTES_TOGETHER // (BYTES_PER_PIXEL * size[0] * size[1]))
        return min(self.settings.objects_per_batch or fitting, MAX_OBJECTS)

    def _track_within_memory(
        self, video: FrameSource, start: int, proposals: Sequence[Proposal], encoder: FrameEncoder
    ) -> list[FoundMasklet]:
        """The masklets of proposals in frame ``start``, half as many at a time whenever memory runs out."""
        try:
            return self._track_together(video, start, proposals, encoder)
        except (torch.OutOfMemoryError, DeviceMemoryError):
            if len(proposals) == 1:
                raise
        half = len(proposals) // 2
        logger.warning("%s ran out of memory; continuing with %d objects", self.method.segmenter.device, half)
        if self.method.segmenter.device.type == "cuda":  # only now: the error above kept tensors alive
            torch.cuda.empty_cache()
        return [
            masklet
            for part in (proposals[:half], proposals[half:])
            for masklet in self._track_within_memory(video, start, part, encoder)
        ]

    def _track_together(
        self, video: FrameSource, start: int, proposals: Sequence[Proposal], encoder: FrameEncoder
    ) -> list[FoundMasklet]:
        objects = (ObjectQuery(n, start, mask=p.mask) for n, p in enumerate(proposals, start=1))
        masks: list[list[Rle | None]] = [[None] * start for _ in proposals]
        scores: list[list[float]] = [[] for _ in proposals]
        segmentation = self.method.stream(
            Clip(video)[start:], QueryPoints(tuple(objects), "proposals"), backward=False, encoder=encoder
        )
        with closing(segmentation):
            for result in segmentation:
                with segmentation.stopwatch("write"):
                    for k, rle in enumerate(encode(result.masks)):
                        masks[k].append(rle)
                        if rle is not None and np.isfinite(result.scores[k]):
                            scores[k].append(float(result.scores[k]))
        self.seconds.update(segmentation.stopwatch.seconds)
        weights = (p.predicted_iou if self.settings.proposal_score else 1.0 for p in proposals)
        return [
            FoundMasklet(mask, weight * float(np.mean(score)) if score else 0.0)
            for mask, score, weight in zip(masks, scores, weights, strict=True)
        ]


def new_proposals(
    proposals: Sequence[Proposal], found: Sequence[FoundMasklet], frame: int, overlap: float
) -> list[Proposal]:
    """The proposals of a frame whose IoU with every masklet there is at most ``overlap``."""
    there = [mask for masklet in found if (mask := masklet.masks[frame]) is not None]
    if not proposals or not there:
        return list(proposals)
    highest = iou([p.rle for p in proposals], there).max(1)
    return [p for p, most in zip(proposals, highest, strict=True) if most <= overlap]


def encode(masks: NDArray[np.bool_]) -> list[Rle | None]:
    """The run lengths of (K, H, W) masks, None for an empty one."""
    seen = np.flatnonzero(masks.any((1, 2)))
    rles: list[Rle | None] = [None] * len(masks)
    for k, rle in zip(seen, encode_each(masks[seen]), strict=True):
        rles[k] = rle
    return rles
