"""Protocols of a method's runs: on a whole video, and interactive."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sampt._internal.closing import Closing
from sampt._internal.stopwatch import Stopwatch
from sampt.prompts.edits import Document, Point
from sampt.prompts.query_points import QueryPoints
from sampt.trackers.base import Visibility
from sampt.trackers.clip import Clip

from .mask_store import PackedMask
from .results import FrameResult

if TYPE_CHECKING:  # these import torch, which those who only read results need not wait for
    from sampt.segmenters.encoder import FrameEncoder

    from .base import VideoMethod


class Segmentation(Closing, Iterator["FrameResult"]):
    """Run on one video: an iterator that computes results on request, in the clip's order.

    Leaving a ``with`` block, or ``close``, stops early: temporary files are removed at once, and what was
    opened for the run is closed.

    Attributes:
        method: method that segments the video.
        clip: the frames; ``clip.source[result.index]`` is the frame of a result.
        queries: the objects with the points in use, including sampled ones, at ``size``.
        size: (height, width) of the results.
        stopwatch: seconds per stage.
        encoder: encoder of the frames, which counts how often frames were encoded.
        done: number of frames that have been handed out.
        lost: for each lost object id, the number of the frame nearest to its query frame in which its
            reinitialisation has failed; the later one, if that happened both before and after it.
        asked: the objects as they were given, at the size of the encoder's frames; None if not known.
        first_masks: masks by object id, at the same size, that were found from the prompts before the run.
    """

    method: VideoMethod
    clip: Clip
    queries: QueryPoints
    size: tuple[int, int]
    stopwatch: Stopwatch
    encoder: FrameEncoder
    done: int = 0
    lost: dict[int, int]
    asked: QueryPoints | None = None
    first_masks: Mapping[int, PackedMask] = MappingProxyType({})

    @abstractmethod
    def __next__(self) -> FrameResult: ...

    def write_prompts(self, folder: Path) -> None:
        """Write what the run was asked for into its output folder: the points in use.

        Raises:
            OutputError: it cannot be written.
        """
        self.queries.write(folder / "points.json")

    def __len__(self) -> int:
        return len(self.clip)

    def __bool__(self) -> bool:
        return True  # also where there is no length


@dataclass(frozen=True)
class SeenPoint:
    """A person's point in some frame: its position, (2,) float32 in pixels, and its visibility there."""

    point: Point
    xy: NDArray[np.float32]
    visibility: Visibility


class InteractiveSolver(ABC):
    """Solver that makes the masks of one video for a document that a person edits.

    ``InteractiveSession`` uses it. It discards the masks that an edit affects, and no others, and makes them
    again on request. A finished mask depends on the document alone, not on the order of edits.

    Attributes:
        document: the current document.
    """

    document: Document

    @abstractmethod
    def switch(self, document: Document) -> None:
        """Switch to another document, and discard the masks that the difference affects."""

    @abstractmethod
    def missing(self, frame: int) -> list[int]:
        """Ids of the objects that should be in a frame but are not finished there."""

    @abstractmethod
    def visits(self, frames: Collection[int] | None) -> list[tuple[int, list[int]]]:
        """Frames that ``run`` must visit, each with ids of the objects to finish there, in a good order.

        Args:
            frames: only visit these, and others that must come before them; None for all.
        """

    @abstractmethod
    def begin(self) -> None:
        """Prepare for visits after an edit."""

    @abstractmethod
    def prepare(self, frame: int, ids: Sequence[int]) -> Iterator[None]:
        """Do the work that a visit needs first, such as tracking, with a yield after each short step."""

    @abstractmethod
    def finish(self, frame: int, ids: Sequence[int], following: Sequence[int] = ()) -> None:
        """Make and keep the masks of a prepared visit; ``following`` are the frames of the next visits."""

    @abstractmethod
    def result(self, frame: int) -> FrameResult:
        """Current result of a frame: masks that are or can be finished, and others from what is known."""

    @abstractmethod
    def points_at(self, frame: int) -> list[SeenPoint]:
        """The person's points that are used in a frame, as far as their positions there are known."""
