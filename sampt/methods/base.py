"""What every way of segmenting a video takes and gives: the method, its runs, and results frame by frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt._internal.closing import Closing
from sampt._internal.stopwatch import Stopwatch
from sampt.config.schema import CacheBudget
from sampt.prompts.edits import Document, Point
from sampt.prompts.query_points import QueryPoints
from sampt.trackers.base import Visibility
from sampt.trackers.clip import Clip, FrameSource, Source
from sampt.video.frames import Frames

from .results import FrameResult

if TYPE_CHECKING:  # these import torch, which those who only read results need not wait for
    from sampt.segmenters.base import PromptableSegmenter
    from sampt.segmenters.encoder import FrameEncoder


class VideoMethod(ABC):
    """A way to segment objects through any number of videos from what a user says about them.

    A new method derives from this class and adds one line to ``sampt.methods.registry``.

    Attributes:
        name: what ``--method`` and ``method:`` call it.
        segmenter: what encodes frames and decodes prompts; methods and settings may share one.
        overlapping: whether masks may overlap; else each pixel goes to the object with the highest logit.
        cache: how much memory embeddings of frames may take.
        frames_per_batch: how many frames are encoded together.
        seed: everything random is drawn from it, once for each video.
    """

    name: ClassVar[str]
    segmenter: PromptableSegmenter
    overlapping: bool
    cache: CacheBudget
    frames_per_batch: int
    seed: int

    @abstractmethod
    def stream(
        self,
        video: Frames,
        queries: QueryPoints,
        *,
        backward: bool = True,
        encoder: FrameEncoder | None = None,
    ) -> Segmentation:
        """Segment a video frame by frame, in bounded memory.

        Args:
            video: a path, a ``Video``, a ``Clip`` of one (some of its frames), a (T, H, W, 3) uint8 array, a
                sequence of images, or an iterator of frames without a length (see ``sampt.video.frames``).
            queries: the objects. Where one has a mask or a box, points are first sampled from it.
            backward: also segment frames before an object's query frame; without (as in the VOS protocol),
                an object is absent there.
            encoder: of this method's segmenter and this video, to share what it has encoded with other runs;
                whoever made it closes it.

        Raises:
            PromptError: the queries do not fit the video.
            VideoError: what was given is not a video.
        """

    @abstractmethod
    def solver(self, video: FrameSource, encoder: FrameEncoder, document: Document) -> InteractiveSolver:
        """What makes, keeps and forgets masks of ``video`` while a person edits ``document``."""

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """What is used, for people: ``method``, ``segmenter``, ``device``, and whatever else matters."""

    def encoder(self, video: Source) -> FrameEncoder:
        """What encodes the frames of ``video`` for this method, with a cache of its own."""
        from sampt.segmenters.encoder import FrameEncoder

        return FrameEncoder(self.segmenter, video, self.cache, self.frames_per_batch)

    def segment_image(self, image: NDArray[np.uint8] | Image.Image, queries: QueryPoints) -> FrameResult:
        """Segment one image, (H, W, 3) uint8 RGB or Pillow's; it is frame 0 to the queries.

        Raises:
            PromptError: the queries do not fit the image.
        """
        with self.stream([image], queries) as run:
            return next(run)


class Segmentation(Closing, Iterator["FrameResult"]):
    """One video being segmented: results come one by one, as they are asked for, in the clip's order.

    Leaving a ``with`` block, or ``close``, gives up early: temporary files are removed at once, and what was
    opened for the run is closed.

    Attributes:
        method: what it is segmented with.
        clip: the frames. ``clip.source[result.index]`` is that of a result.
        queries: the objects with the points that were really used (sampled ones included).
        size: (height, width) of the frames.
        stopwatch, encoder: seconds per stage, and how often frames were encoded.
        done: how many frames have been handed out.
        lost: object id → number of the frame nearest to its query frame in which it is lost, because its
            reinitialisation has failed; the later one, if that happened both before and after it.
    """

    method: VideoMethod
    clip: Clip
    queries: QueryPoints
    size: tuple[int, int]
    stopwatch: Stopwatch
    encoder: FrameEncoder
    done: int = 0
    lost: dict[int, int]

    @abstractmethod
    def __next__(self) -> FrameResult: ...

    def __len__(self) -> int:
        return len(self.clip)

    def __bool__(self) -> bool:
        return True  # also where there is no length


@dataclass(frozen=True)
class SeenPoint:
    """A person's point in some frame: where it is there, (2,) float32 pixels, and whether it is seen."""

    point: Point
    xy: NDArray[np.float32]
    visibility: Visibility


class InteractiveSolver(ABC):
    """Masks of one video for a document that a person edits: what an ``InteractiveSession`` asks of a method.

    It knows which masks an edit touches, forgets those and no others, and makes them again when asked. A
    finished mask depends on the document alone, not on how it came about.

    Attributes:
        document: what holds now.
    """

    document: Document

    @abstractmethod
    def switch(self, document: Document) -> None:
        """Go over to another document, and forget the masks that the difference touches."""

    @abstractmethod
    def missing(self, frame: int) -> list[int]:
        """Ids of the objects that are wanted in a frame, but not finished there."""

    @abstractmethod
    def visits(self, frames: Collection[int] | None) -> list[tuple[int, list[int]]]:
        """What ``run`` has to do: frames, each with ids of the objects to finish there, in a good order.

        Args:
            frames: only these, and others that must come before them; None for all.
        """

    @abstractmethod
    def begin(self) -> None:
        """Get ready for visits after an edit."""

    @abstractmethod
    def prepare(self, frame: int, ids: Sequence[int]) -> Iterator[None]:
        """Do whatever a visit needs first, such as tracking, in short steps; one before each yield."""

    @abstractmethod
    def finish(self, frame: int, ids: Sequence[int], following: Sequence[int] = ()) -> None:
        """Make and keep the masks of a prepared visit; ``following`` are the frames of the next ones."""

    @abstractmethod
    def result(self, frame: int) -> FrameResult:
        """All objects in a frame, now: what is finished or can be, and the rest as far as it is known."""

    @abstractmethod
    def points_at(self, frame: int) -> list[SeenPoint]:
        """The person's points that are used in a frame, as far as it is known where they are."""
