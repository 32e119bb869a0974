"""Point tracking without a segmenter."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sampt._internal.closing import Closing
from sampt.methods.results import FrameResult
from sampt.prompts.query_points import QueryPoints
from sampt.video.writer import VideoWriter

from .folder import prepare_folder
from .track_drawing import TrackPainter
from .writer import TrajectoryFile


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
        pixel_aspect: a pixel's width by its height, as the video is to be shown.

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
        pixel_aspect: Fraction = Fraction(1),
    ) -> None:
        self._painter = TrackPainter([q.name or f"object {q.id}" for q in queries.objects], tail)
        self.folder = prepare_folder(folder, overwrite, inside=".")
        self._video = VideoWriter(self.folder / "tracks.mp4", fps, size, pixel_aspect)
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
