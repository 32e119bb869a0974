"""Point tracking without a segmenter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sampt.errors import PromptError, VideoError
from sampt.prompts.query_points import QueryPoints
from sampt.trackers.base import PointTracker
from sampt.trackers.clip import Clip
from sampt.trackers.filters import filtered_steps
from sampt.tracking.building import build_tracker
from sampt.video.frames import Frames, as_frame, file_name, open_frames

from .results import FrameResult


def track(video: Frames, queries: QueryPoints, tracker: str | PointTracker = "dis") -> Iterator[FrameResult]:
    """Track all objects' points through a video without making masks.

    Args:
        video: as ``VideoMethod.stream`` takes it.
        queries: the objects; boxes, masks and spans are ignored.
        tracker: a tracker, or the name of one, as ``sampt info`` lists them.

    Yields:
        One result for each frame, in the clip's order and in bounded memory if the tracker is online. Its
        masks are all empty. Points come object by object, the positives first.

    Raises:
        PromptError: the queries do not fit the video, or an object has no positive points.
        ConfigError: there is no such tracker.
        CheckpointError: its weights cannot be loaded.
    """
    clip, opened = open_frames(video)
    try:
        if not clip.has(0):
            raise VideoError("the video has no frames; give one that has")
        queries.validate(clip.indices, as_frame(clip[0], clip.indices[0]).shape[:2])
        for query in queries.objects:
            if not len(query.positives):
                raise PromptError(
                    f"{queries.source}: object {query.id} has no positive point to track; "
                    "give it one, or segment it by its box or mask"
                )
        built = build_tracker(tracker) if isinstance(tracker, str) else tracker
        results = _results(built, clip, queries)
    except BaseException:
        if opened is not None:
            opened.close()
        raise
    return results


def _results(tracker: PointTracker, clip: Clip, queries: QueryPoints) -> Iterator[FrameResult]:
    counts = [(len(query.positives), len(query.negatives)) for query in queries.objects]
    owners = np.repeat(np.arange(len(counts)), [sum(count) for count in counts])
    positive = np.concatenate([np.repeat([True, False], count) for count in counts])
    xy = np.concatenate([np.vstack([query.positives, query.negatives]) for query in queries.objects])
    starts = np.array([clip.indices.index(query.frame) for query in queries.objects])
    asked = np.column_stack([starts[owners], xy]).astype(np.float32)
    shape = (len(counts), *clip[0].shape[:2])
    steps = filtered_steps(tracker, clip, asked, backward=not clip.endless)
    for position, (points, visibility) in enumerate(steps):
        yield FrameResult(
            index=clip.indices[position],
            object_ids=tuple(query.id for query in queries.objects),
            masks=np.broadcast_to(np.False_, shape),  # without memory
            logits=np.broadcast_to(np.float32(-np.inf), shape),
            scores=np.full(len(counts), np.nan, np.float32),
            points=points,
            visibility=visibility,
            positive=positive,
            owners=owners,
            name=Path(file_name(clip.source, clip.indices[position])).stem,
        )
