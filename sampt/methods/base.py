"""What every way of segmenting a video takes and gives: the method, its runs, and results frame by frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt._internal import run_lengths
from sampt._internal.closing import Closing
from sampt._internal.extras import require
from sampt._internal.files import make_folder
from sampt._internal.stopwatch import Stopwatch
from sampt.config.schema import CacheBudget
from sampt.prompts.edits import Document, Point
from sampt.prompts.label_maps import write_label_map
from sampt.prompts.query_points import QueryPoints
from sampt.trackers.base import Visibility
from sampt.trackers.clip import Clip, FrameSource, Source
from sampt.video.frames import Frames

from .frame_points import FramePoints

if TYPE_CHECKING:
    import supervision

    # These import torch, which those who only read results need not wait for.
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
        lost: object id → number of the frame nearest to its query frame in which it is lost, because its
            reinitialisation has failed; the later one, if that happened both before and after it.
    """

    method: VideoMethod
    clip: Clip
    queries: QueryPoints
    size: tuple[int, int]
    stopwatch: Stopwatch
    encoder: FrameEncoder
    lost: dict[int, int]

    @abstractmethod
    def __next__(self) -> FrameResult: ...

    def __len__(self) -> int:
        return len(self.clip)


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


@dataclass(frozen=True, repr=False)
class ObjectResult:
    """One object in one frame.

    Attributes:
        id: the object's id.
        mask: (H, W) bool.
        score: predicted IoU; NaN where the object was not segmented in this frame.
        points: (P, 2) float32, (x, y) in pixels.
        visibility: (P,) int8 of ``Visibility``.
        positive: (P,) bool.
        lost: whether its reinitialisation has failed in an earlier frame.
    """

    id: int
    mask: NDArray[np.bool_]
    score: float
    points: NDArray[np.float32]
    visibility: NDArray[np.int8]
    positive: NDArray[np.bool_]
    lost: bool = False

    def __repr__(self) -> str:
        return f"<ObjectResult {self.id}: {np.count_nonzero(self.mask)} px, score {self.score:.2f}>"


@dataclass(frozen=True, repr=False)
class FrameResult:
    """K objects in one frame of the video; ``result[object_id]`` is one of them.

    Attributes:
        index: the frame's number in the video.
        object_ids: K ids, in the order of everything below.
        masks: (K, H, W) bool. At most one object per pixel, that with the highest logit, unless overlapping
            masks were asked for.
        logits: (K, H, W) float32, −inf where an object has no mask.
        scores: (K,) float32 predicted IoU; NaN where an object was not segmented in this frame.
        points: (N, 2) float32, all objects' points one after the other; N may change from frame to frame.
        visibility: (N,) int8 of ``Visibility``.
        positive: (N,) bool.
        owners: (N,) int64, row of ``masks`` a point belongs to.
        lost: ids of objects that are lost in this frame, because reinitialisation has failed before it.
    """

    index: int
    object_ids: tuple[int, ...]
    masks: NDArray[np.bool_]
    logits: NDArray[np.float32]
    scores: NDArray[np.float32]
    points: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    visibility: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    positive: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    owners: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    lost: tuple[int, ...] = ()

    @classmethod
    def assembled(
        cls,
        index: int,
        masks: NDArray[np.bool_],
        logits: NDArray[np.float32],
        scores: Mapping[int, float],
        points: Mapping[int, FramePoints],
        object_ids: Sequence[int],
        lost: Sequence[int] = (),
    ) -> FrameResult:
        """The result of a frame from what is known of each object.

        Args:
            scores, points: object id → its score and points; objects that are not there have none.
        """
        rows = [points.get(id, FramePoints.none()) for id in object_ids]
        joined = FramePoints.joined(*rows)
        return cls(
            index=index,
            object_ids=tuple(object_ids),
            masks=masks,
            logits=logits,
            scores=np.array([scores.get(id, np.nan) for id in object_ids], np.float32),
            points=joined.xy,
            visibility=joined.visibility,
            positive=joined.positive,
            owners=np.repeat(np.arange(len(rows)), [len(p.xy) for p in rows]),
            lost=tuple(lost),
        )

    def __repr__(self) -> str:
        height, width = self.masks.shape[1:]
        return f"<FrameResult {self.index}: objects {list(self.object_ids)}, {width}×{height}>"

    def __len__(self) -> int:
        return len(self.object_ids)

    def __getitem__(self, object_id: int) -> ObjectResult:
        """
        Raises:
            KeyError: there is no such object.
        """
        if object_id not in self.object_ids:
            raise KeyError(f"there is no object {object_id}, only {list(self.object_ids)}")
        row = self.object_ids.index(object_id)
        own = self.owners == row
        return ObjectResult(
            id=object_id,
            mask=self.masks[row],
            score=float(self.scores[row]),
            points=self.points[own],
            visibility=self.visibility[own],
            positive=self.positive[own],
            lost=object_id in self.lost,
        )

    def label_map(self) -> NDArray[np.uint8]:
        """(H, W) uint8: the id of the object with the highest logit above 0, or 0."""
        best = self.logits.argmax(0)
        ids = np.array(self.object_ids, np.uint8)
        return np.where(np.take_along_axis(self.logits, best[None], 0)[0] > 0, ids[best], np.uint8(0))

    def mask_files(self, each_object: bool | None = None) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Label maps, (H, W) uint8, each after the name of the file that it is written to.

        Args:
            each_object: besides the frame's label map, give one of each object's whole mask, in a folder of
                its own; None does so if any masks overlap in this frame.
        """
        name = f"{self.index:05d}.png"
        yield name, self.label_map()
        if each_object is None:
            each_object = bool((np.count_nonzero(self.masks, axis=0) > 1).any())
        if each_object:
            for id, mask in zip(self.object_ids, self.masks, strict=True):
                yield f"{id}/{name}", mask * np.uint8(id)

    def save(self, folder: str | Path, each_object: bool | None = None) -> Path:
        """Write the label map as a palette PNG named after the frame's number, such as ``00012.png``.

        Args:
            folder: is made if it is missing.
            each_object: also write each object's whole mask, as ``1/00012.png``; None does so if any masks
                overlap in this frame.

        Returns:
            The label map's path.

        Raises:
            OutputError: a file cannot be written.
        """
        paths = []
        for name, labels in self.mask_files(each_object):
            paths.append(Path(folder, name))
            make_folder(paths[-1].parent)
            write_label_map(paths[-1], labels)
        return paths[0]

    def to_coco(self, file_name: str | None = None, first_id: int = 1) -> list[dict[str, Any]]:
        """An annotation in COCO's format for each object that has a mask, as ``CocoWriter`` writes it.

        ``image_id`` is the frame's number; ``category_id`` and ``track_id`` are the object's id, ``score`` is
        its predicted IoU or None.

        Args:
            file_name: the frame's image; each annotation carries it, if it is given.
            first_id: of the annotations, which are numbered from here on.
        """
        seen = np.flatnonzero(self.masks.any((1, 2))).tolist()
        image = {} if file_name is None else {"file_name": file_name}
        rles = (run_lengths.encode(self.masks[k]) for k in seen)
        return [
            {
                "id": id,
                "image_id": self.index,
                **image,
                "category_id": self.object_ids[k],
                "track_id": self.object_ids[k],
                "segmentation": rle,
                "bbox": run_lengths.box(rle),
                "area": run_lengths.area(rle),
                "iscrowd": 0,
                "score": None if np.isnan(self.scores[k]) else float(self.scores[k]),
            }
            for id, (k, rle) in enumerate(zip(seen, rles, strict=True), first_id)
        ]

    def to_detections(self) -> supervision.Detections:
        """The objects that have a mask, as ``supervision`` takes them: for its zones and annotators.

        ``class_id`` and ``tracker_id`` are the objects' ids, ``confidence`` is the predicted IoU (NaN where
        an object was not segmented), ``xyxy`` are the outermost pixels of the masks.

        Raises:
            SamptError: the package is not installed.
        """
        require("supervision", purpose="FrameResult.to_detections")
        import supervision

        seen = np.flatnonzero(self.masks.any((1, 2)))
        masks, ids = self.masks[seen], np.array(self.object_ids, int)[seen]
        return supervision.Detections(
            xyxy=supervision.mask_to_xyxy(masks).astype(np.float32),
            mask=masks,
            confidence=self.scores[seen],
            class_id=ids,
            tracker_id=ids.copy(),
        )

    def visible_share(self) -> NDArray[np.float32]:
        """(K,) float32: how many of each object's positive points are visible; NaN for one without points."""
        visible = self.positive & (self.visibility == Visibility.VISIBLE)
        totals = np.bincount(self.owners[self.positive], minlength=len(self.object_ids))
        seen = np.bincount(self.owners[visible], minlength=len(self.object_ids))
        with np.errstate(invalid="ignore"):
            return (seen / totals).astype(np.float32)


def exclusive(claims: NDArray[np.bool_], logits: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Masks (K, H, W) after each pixel that several of them claim was given to the highest logit.

    Args:
        claims: (K, H, W) bool.
        logits: (K, H, W) float32.
    """
    return np.asarray(claims & (logits.argmax(0) == np.arange(len(claims))[:, None, None]))
