"""What a method makes of each frame, and the forms that others want it in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sampt._internal import run_lengths
from sampt._internal.extras import require
from sampt._internal.files import make_folder
from sampt.prompts.label_maps import write_label_map
from sampt.trackers.base import Visibility

from .frame_points import FramePoints

if TYPE_CHECKING:
    import supervision


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
