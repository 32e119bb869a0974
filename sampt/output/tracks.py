"""Point tracking without a segmenter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sampt._internal.closing import Closing
from sampt.errors import PromptError
from sampt.methods.results import FrameResult
from sampt.prompts.query_points import QueryPoints
from sampt.trackers.base import PointTracker
from sampt.trackers.clip import Clip
from sampt.trackers.filters import filtered_steps
from sampt.video.writer import VideoWriter

from .folder import prepare_folder
from .track_drawing import TrackPainter
from .writer import TrajectoryFile


def track_points(tracker: PointTracker, clip: Clip, queries: QueryPoints) -> Iterator[FrameResult]:
    """Track all objects' points through ``clip`` without making masks; boxes and spans are ignored.

    Yields:
        One result per frame, in the clip's order, and in bounded memory if the tracker is online. All masks
        are empty. Points come object by object, the positives first.

    Raises:
        PromptError: the queries do not fit the clip, or an object has no positive points.
    """
    size = clip[0].shape[:2] if len(clip) else (0, 0)
    queries.validate(clip.indices, size)
    for query in queries.objects:
        if not len(query.positives):
            raise PromptError(
                f"{queries.source}: object {query.id} has no positive point to track; "
                "give it one, or segment it by its box or mask"
            )
    return _results(tracker, clip, queries, size)


def _results(
    tracker: PointTracker, clip: Clip, queries: QueryPoints, size: tuple[int, ...]
) -> Iterator[FrameResult]:
    counts = [(len(query.positives), len(query.negatives)) for query in queries.objects]
    owners = np.repeat(np.arange(len(counts)), [sum(count) for count in counts])
    positive = np.concatenate([np.repeat([True, False], count) for count in counts])
    xy = np.concatenate([np.vstack([query.positives, query.negatives]) for query in queries.objects])
    starts = np.array([clip.indices.index(query.frame) for query in queries.objects])
    asked = np.column_stack([starts[owners], xy]).astype(np.float32)
    shape = (len(counts), *size)
    for number, (points, visibility) in zip(clip.indices, filtered_steps(tracker, clip, asked), strict=True):
        yield FrameResult(
            index=number,
            object_ids=tuple(query.id for query in queries.objects),
            masks=np.broadcast_to(np.False_, shape),  # without memory
            logits=np.broadcast_to(np.float32(-np.inf), shape),
            scores=np.full(len(counts), np.nan, np.float32),
            points=points,
            visibility=visibility,
            positive=positive,
            owners=owners,
        )


class TrackWriter(Closing):
    """Writer of ``trajectories.npz`` and ``tracks.mp4``, frame by frame, in bounded memory.

    As a context manager, it completes both at the end, also after an exception, so that what was finished
    before Ctrl-C stays readable.

    Args:
        folder: created if missing; its trajectories are in the format of ``sampt segment``.
        queries: the objects.
        fps: frames per second of the video.
        size: (height, width) of the video in pixels.
        tail: length of the tails in frames.
        overwrite: replace results that are already in the folder.

    Raises:
        OutputError: the folder cannot be written, or it holds results already and ``overwrite`` is off.
    """

    def __init__(
        self,
        folder: str | Path,
        queries: QueryPoints,
        fps: float,
        size: tuple[int, int],
        *,
        tail: int = 24,
        overwrite: bool = False,
    ) -> None:
        self._painter = TrackPainter([q.name or f"object {q.id}" for q in queries.objects], tail)
        self.folder = prepare_folder(folder, overwrite, inside=".")
        self._video = VideoWriter(self.folder / "tracks.mp4", fps, size)
        self._trajectories = TrajectoryFile()
        self._indices: list[int] = []

    def write(self, frame: NDArray[np.uint8], result: FrameResult, timestamp: float | None = None) -> None:
        """Add one frame, (H, W, 3) uint8 RGB, and its points; ``timestamp`` in seconds."""
        self._video.write(self._painter(frame, result), timestamp)
        self._trajectories.write(result)
        self._indices.append(result.index)

    def close(self) -> None:
        """Complete both files.

        Raises:
            OutputError: one of them cannot be written.
        """
        try:
            self._trajectories.save(self.folder / "trajectories.npz", self._indices)
        finally:
            self._video.close()
