"""What writers of a run's results have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sampt._internal.closing import Closing
from sampt.methods.results import FrameResult
from sampt.methods.runs import Segmentation
from sampt.trackers.clip import Source
from sampt.video.frames import file_name
from sampt.video.reader import Video
from sampt.video.sound import Sound


class FrameWriter(Closing):
    """Writer that gets each frame with its result, and completes its files when it is closed."""

    @abstractmethod
    def write(self, frame: NDArray[np.uint8], result: FrameResult, timestamp: float | None = None) -> None:
        """Add one frame, (H, W, 3) uint8 RGB, and its result; ``timestamp`` in seconds."""


@dataclass(frozen=True)
class RunFacts:
    """What writers know about a run before its first frame.

    Attributes:
        source: the frames.
        size: (height, width) in pixels.
        fps: frames per second, for frames without time stamps.
        ids: the objects' ids, in the results' order.
        categories: name of each object's category, by its id.
        sound: sound for the videos that are written, or None.
    """

    source: Source
    size: tuple[int, int]
    fps: float
    ids: tuple[int, ...]
    categories: Mapping[int, str]
    sound: Sound | None = None

    @classmethod
    def of(
        cls, run: Segmentation, fps: float, categories: Mapping[int, str], sound: Sound | None = None
    ) -> RunFacts:
        """Those of a run; see the attributes."""
        ids = tuple(query.id for query in run.queries.objects)
        return cls(run.clip.source, run.size, fps, ids, categories, sound)

    @property
    def name(self) -> str:
        """Name of the video; "video" if it has none."""
        return str(getattr(self.source, "name", "video"))

    @property
    def pixel_aspect(self) -> Fraction:
        """A pixel's width by its height, as shown."""
        return Fraction(getattr(self.source, "pixel_aspect", 1))

    def file_name(self, index: int) -> str:
        """Name of a frame's image, or its number with ``.png``."""
        return file_name(self.source, index)

    def image(self, index: int) -> Path | None:
        """The file of a frame of a folder; None for frames from elsewhere."""
        return self.source.files[index] if isinstance(self.source, Video) and self.source.files else None


def stem(result: FrameResult) -> str:
    """Name of a frame's files without suffix: its image's, or its number."""
    return f"{result.index:05d}" if result.name is None else result.name
