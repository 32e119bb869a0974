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

from sampt._internal.run_lengths import Rle, decode, encode, encode_each, iou
from sampt._internal.stopwatch import Stopwatch
from sampt.errors import DeviceMemoryError
from sampt.methods.base import VideoMethod
from sampt.methods.results import FrameResult
from sampt.prompts.object_query import MAX_OBJECTS
from sampt.prompts.query_points import ObjectQuery, QueryPoints
from sampt.proposals.generator import Proposal, propose
from sampt.segmenters.encoder import FrameEncoder
from sampt.trackers.clip import Clip, FrameSource
from sampt.video.resized import ResizedFrames, Size, resized_mask

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
        score: mean predicted IoU of the frames that count, usually 0..1; −inf if all frames count and the
            segmenter could not be prompted in one of them.
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

        Everything is done at the method's working size; only the masklets have that of the video.

        Args:
            video: the frames.
            encoder: the method's encoder for them.

        Raises:
            ConfigError: the segmenter cannot make proposals, or the frames are too small for the crops.
            DeviceMemoryError: not even a single object fits into the GPU's memory.
        """
        size: Size = video[0].shape[:2]
        working = self.method.working_size.of(size)
        frames = video if working == size else ResizedFrames(video, working)
        at_once = self._batch(working, size)
        found: list[FoundMasklet] = []
        for start in range(0, len(frames), self.settings.redetect.every or len(frames)):
            clip, stopwatch = Clip(frames)[start:], Stopwatch()
            with stopwatch("encode"):
                embedding = encoder(start, range(start + 1, len(frames)))
            with stopwatch("propose"):
                proposals = propose(clip[0], self.method.segmenter, self.settings.proposals, embedding)
                fresh = new_proposals(proposals, found, start, self.settings.redetect.overlap)
            self.seconds.update(stopwatch.seconds)
            for i in range(0, len(fresh), at_once):
                found += self._track_within_memory(clip, fresh[i : i + at_once], encoder, size)
        return found

    def _batch(self, working: Size, size: Size) -> int:
        """The number of objects to track together; if the two sizes differ, there are masks of both."""
        pixels = sum(height * width for height, width in {working, size})
        fitting = max(1, BYTES_TOGETHER // (BYTES_PER_PIXEL * pixels))
        return min(self.settings.objects_per_batch or fitting, MAX_OBJECTS)

    def _track_within_memory(
        self, clip: Clip, proposals: Sequence[Proposal], encoder: FrameEncoder, size: Size
    ) -> list[FoundMasklet]:
        """Masklets of proposals in a clip's first frame, half as many at a time whenever memory runs out."""
        try:
            return self._track_together(clip, proposals, encoder, size)
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
            for masklet in self._track_within_memory(clip, part, encoder, size)
        ]

    def _track_together(
        self, clip: Clip, proposals: Sequence[Proposal], encoder: FrameEncoder, size: Size
    ) -> list[FoundMasklet]:
        start = clip.indices[0]
        objects = (ObjectQuery(n, start, mask=p.mask) for n, p in enumerate(proposals, start=1))
        masks: list[list[Rle | None]] = [[None] * start for _ in proposals]
        scores: list[list[float]] = [[] for _ in proposals]
        segmentation = self.method.stream(
            clip,
            QueryPoints(tuple(objects), "proposals"),
            backward=False,
            encoder=encoder,
            size=size,
            given_masks=self.settings.first_mask == "given",
        )
        with closing(segmentation):
            for result in segmentation:
                with segmentation.stopwatch("write"):
                    for k, rle in enumerate(encode_seen(result.masks)):
                        masks[k].append(rle)
                        scores[k] += counted_scores(result, k, self.settings.score_frames)
        self.seconds.update(segmentation.stopwatch.seconds)
        weights = (p.predicted_iou if self.settings.proposal_score else 1.0 for p in proposals)
        return [
            FoundMasklet(mask, masklet_score(score, weight))
            for mask, score, weight in zip(masks, scores, weights, strict=True)
        ]


def counted_scores(result: FrameResult, k: int, score_frames: str) -> list[float]:
    """The score of one object in one frame if it counts in its masklet's score, else nothing.

    If all frames count, a frame in which the segmenter was not prompted, since no point is visible, gives
    −inf. Only those after a failed reinitialisation are left out, where nothing is tracked any more.

    Args:
        result: the frame's result.
        k: row of the object.
        score_frames: ``VisSettings.score_frames``.
    """
    score = float(result.scores[k])
    if score_frames == "seen":
        return [score] if np.isfinite(score) and result.masks[k].any() else []
    if result.object_ids[k] in result.lost:
        return []
    return [-np.inf if np.isnan(score) else score]


def masklet_score(scores: Sequence[float], weight: float) -> float:
    """The mean of the scores that count, times ``weight``; 0 if none counts, −inf if one is −inf."""
    if not scores:
        return 0.0
    mean = float(np.mean(scores))
    return weight * mean if np.isfinite(mean) else mean


def new_proposals(
    proposals: Sequence[Proposal], found: Sequence[FoundMasklet], frame: int, overlap: float
) -> list[Proposal]:
    """The proposals of a frame whose IoU with every masklet there is at most ``overlap``.

    Masklets of another size are brought to that of the proposals.
    """
    there = [mask for masklet in found if (mask := masklet.masks[frame]) is not None]
    if not proposals or not there:
        return list(proposals)
    height, width = proposals[0].rle["size"]
    highest = iou([p.rle for p in proposals], [_resized(mask, (height, width)) for mask in there]).max(1)
    return [p for p, most in zip(proposals, highest, strict=True) if most <= overlap]


def _resized(mask: Rle, size: Size) -> Rle:
    return mask if tuple(mask["size"]) == size else encode(resized_mask(decode(mask), size))


def encode_seen(masks: NDArray[np.bool_]) -> list[Rle | None]:
    """The run lengths of (K, H, W) masks, None for an empty one."""
    seen = np.flatnonzero(masks.any((1, 2)))
    rles: list[Rle | None] = [None] * len(masks)
    for k, rle in zip(seen, encode_each(masks[seen]), strict=True):
        rles[k] = rle
    return rles
