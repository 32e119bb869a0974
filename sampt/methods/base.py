"""Protocol of segmentation methods; ``runs`` has those of their runs and interactive solvers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt.config.schema import CacheBudget, WorkingSize
from sampt.errors import PromptError, VideoError
from sampt.prompts.edits import Document
from sampt.prompts.query_points import QueryPoints
from sampt.trackers.clip import Clip, FrameSource, Source
from sampt.video.frames import Frames, as_frame, open_frames
from sampt.video.reader import Video
from sampt.video.resized import ResizedFrames, resized_source

from .results import FrameResult
from .runs import InteractiveSolver, Segmentation

if TYPE_CHECKING:  # these import torch, which those who only read results need not wait for
    from sampt.segmenters.base import PromptableSegmenter
    from sampt.segmenters.encoder import FrameEncoder


class VideoMethod(ABC):
    """Method that segments objects through videos from a user's prompts.

    A new method derives from this class and adds one line to ``sampt.methods.registry``.

    Attributes:
        name: name in ``--method`` and ``method:``.
        working_size: size that frames are brought to.
        segmenter: segmenter that encodes frames and decodes prompts; methods may share one.
        overlapping: whether masks may overlap; if not, each pixel goes to the object with the highest logit.
        cache: memory budget for embeddings of frames.
        frames_per_batch: number of frames encoded together.
        seed: seed of all randomness, restarted for each video.
    """

    name: ClassVar[str]
    working_size: WorkingSize = WorkingSize()
    segmenter: PromptableSegmenter
    overlapping: bool
    cache: CacheBudget
    frames_per_batch: int
    seed: int

    def stream(
        self,
        video: Frames,
        queries: QueryPoints,
        *,
        backward: bool = True,
        encoder: FrameEncoder | None = None,
        size: tuple[int, int] | None = None,
        given_masks: bool = True,
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
            size: (height, width) of the results; None for the frames' own.
            given_masks: whether an object that was given by a mask has exactly this mask in its query frame;
                if not, it has the predicted one there, too.

        Returns:
            An iterator over the results, one per frame.

        Raises:
            PromptError: the queries do not fit the video.
            VideoError: ``video`` is not a video.
        """
        clip, opened = open_frames(video)
        try:
            return self._begin(clip, queries, backward, encoder, size, given_masks, opened)
        except BaseException:
            if opened is not None:
                opened.close()
            raise

    def _begin(
        self,
        clip: Clip,
        queries: QueryPoints,
        backward: bool,
        encoder: FrameEncoder | None,
        size: tuple[int, int] | None,
        given_masks: bool,
        opened: Video | None,
    ) -> Segmentation:
        if not clip.has(0):
            raise VideoError("the video has no frames; give one that has some")
        if clip.indices.step < 0:
            raise PromptError("the clip runs backward in time; give its frames in ascending order")
        height, width = as_frame(clip[0], clip.indices[0]).shape[:2]
        queries.validate(clip.indices, (height, width))
        working = self.working_size.of((height, width))
        size = size or (height, width)
        if working == (height, width) == size:
            return self.segment(clip, queries, backward, encoder, given_masks, opened)

        from .resizing import ResizedSegmentation, moved_queries

        inner = clip
        if working != (height, width):
            inner = Clip(resized_source(clip.source, working), clip.indices)
        moved = moved_queries(queries, (height, width), working)
        run = self.segment(inner, moved, backward, encoder, given_masks)
        # A mask is returned as it was given if the size allows, not as it was seen at the working size.
        given = (queries if size == (height, width) else moved).objects if given_masks else ()
        return ResizedSegmentation(run, clip, size, given, opened)

    @abstractmethod
    def segment(
        self,
        clip: Clip,
        queries: QueryPoints,
        backward: bool,
        encoder: FrameEncoder | None,
        given_masks: bool,
        opened: Video | None = None,
    ) -> Segmentation:
        """The run that ``stream`` returns, for a clip at the working size and valid queries.

        Args:
            clip: at least one frame, in ascending order.
            queries: as for ``stream``, as are ``backward``, ``encoder`` and ``given_masks``.
            opened: video that the run closes at its end.

        Raises:
            PromptError: this method cannot segment the clip by these queries.
        """

    def solver(self, video: FrameSource, encoder: FrameEncoder, document: Document) -> InteractiveSolver:
        """Solver that makes and updates the masks of ``video`` while a person edits ``document``.

        Args:
            video: the frames.
            encoder: encoder that this method made for ``video``.
            document: a document without points, at the frames' size.
        """
        working = self.working_size.of(document.size)
        if working == document.size:
            return self.make_solver(video, encoder, document)

        from .resizing import ResizedSolver

        inner = self.make_solver(ResizedFrames(video, working), encoder, replace(document, size=working))
        return ResizedSolver(inner, document, self.overlapping)

    @abstractmethod
    def make_solver(self, video: FrameSource, encoder: FrameEncoder, document: Document) -> InteractiveSolver:
        """The solver that ``solver`` returns, for a video at the working size."""

    def first_points(self, video: FrameSource, queries: QueryPoints, encoder: FrameEncoder) -> QueryPoints:
        """The objects that are given by a mask or a box, with points for an interactive session instead.

        Args:
            video: the frames.
            queries: all objects.
            encoder: encoder that this method made for ``video``.
        """
        with self.stream(Clip(video), queries, encoder=encoder) as run:
            found = {query.id: query for query in run.queries.objects}
        given = (query.id for query in queries.objects if query.mask is not None or query.box is not None)
        return replace(queries, objects=tuple(found[id] for id in given))

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """Names of the parts in use, for display: ``method``, ``segmenter``, ``device`` and others."""

    def encoder(self, video: Source) -> FrameEncoder:
        """Encoder for the frames of ``video``, at the working size, and this method, with its own cache."""
        from sampt.segmenters.encoder import FrameEncoder

        if self.working_size != WorkingSize():
            height, width = video[0].shape[:2]
            working = self.working_size.of((height, width))
            video = video if working == (height, width) else resized_source(video, working)
        return FrameEncoder(self.segmenter, video, self.cache, self.frames_per_batch)

    def segment_image(self, image: NDArray[np.uint8] | Image.Image, queries: QueryPoints) -> FrameResult:
        """Segment one image, (H, W, 3) uint8 RGB or Pillow's; in the queries, it is frame 0.

        Raises:
            PromptError: the queries do not fit the image.
        """
        with self.stream([image], queries) as run:
            return next(run)
