"""Protocol of segmentation methods: the method, its runs, and its interactive solver."""

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
    """Method that segments objects through videos from a user's prompts.

    A new method derives from this class and adds one line to ``sampt.methods.registry``.

    Attributes:
        name: name in ``--method`` and ``method:``.
        segmenter: segmenter that encodes frames and decodes prompts; methods may share one.
        overlapping: whether masks may overlap; if not, each pixel goes to the object with the highest logit.
        cache: memory budget for embeddings of frames.
        frames_per_batch: number of frames encoded together.
        seed: seed of all randomness, restarted for each video.
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
            queries: the objects. If one has a mask or a box, points are first sampled from it.
            backward: whether to also segment frames before an object's query frame; if not (as in the VOS
                protocol), the object is absent there.
            encoder: encoder for this method's segmenter and this video, to share embeddings with other runs;
                the caller closes it.

        Returns:
            An iterator over the results, one per frame.

        Raises:
            PromptError: the queries do not fit the video.
            VideoError: ``video`` is not a video.
        """

    @abstractmethod
    def solver(self, video: FrameSource, encoder: FrameEncoder, document: Document) -> InteractiveSolver:
        """Solver that makes and updates the masks of ``video`` while a person edits ``document``."""

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """Names of the parts in use, for display: ``method``, ``segmenter``, ``device`` and others."""

    def encoder(self, video: Source) -> FrameEncoder:
        """Encoder for the frames of ``video`` and this method, with its own cache."""
        from sampt.segmenters.encoder import FrameEncoder

        return FrameEncoder(self.segmenter, video, self.cache, self.frames_per_batch)

    def segment_image(self, image: NDArray[np.uint8] | Image.Image, queries: QueryPoints) -> FrameResult:
        """Segment one image, (H, W, 3) uint8 RGB or Pillow's; in the queries, it is frame 0.

        Raises:
            PromptError: the queries do not fit the image.
        """
        with self.stream([image], queries) as run:
            return next(run)


class Segmentation(Closing, Iterator["FrameResult"]):
    """Run on one video: an iterator that computes results on request, in the clip's order.

    Leaving a ``with`` block, or ``close``, stops early: temporary files are removed at once, and what was
    opened for the run is closed.

    Attributes:
        method: method that segments the video.
        clip: the frames; ``clip.source[result.index]`` is the frame of a result.
        queries: the objects with the points in use, including sampled ones.
        size: (height, width) of the frames.
        stopwatch: seconds per stage.
        encoder: encoder of the frames, which counts how often frames were encoded.
        done: number of frames that have been handed out.
        lost: for each lost object id, the number of the frame nearest to its query frame in which its
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
