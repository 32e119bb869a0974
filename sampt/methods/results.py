"""Results of methods: one per frame, with conversions to other formats."""

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
    """Result of one object in one frame.

    Attributes:
        id: id of the object.
        mask: (H, W) bool mask of the object.
        score: predicted IoU; NaN if the object was not segmented in this frame.
        points: (P, 2) float32 of (x, y) in pixels.
        visibility: (P,) int8 of ``Visibility``.
        positive: (P,) bool, whether each point is on the object.
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
    """Result of K objects in one frame; ``result[object_id]`` is that of one object.

    Attributes:
        index: number of the frame in the video.
        object_ids: K ids, in the order of all arrays below.
        masks: (K, H, W) bool. Each pixel belongs to one object at most, that with the highest logit, unless
            overlapping masks were requested.
        logits: (K, H, W) float32, −inf if an object has no mask.
        scores: (K,) float32 predicted IoU; NaN where an object was not segmented in this frame.
        points: (N, 2) float32, points of all objects one after the other; N may change from frame to frame.
        visibility: (N,) int8 of ``Visibility``.
        positive: (N,) bool, whether each point is on its object.
        owners: (N,) int64, row of ``masks`` that each point belongs to.
        lost: ids of objects that are lost in this frame, because reinitialisation has failed before it.
        name: name of the frame's image without suffix; None if it has none, so that its number is its name.
        placed: (N,) int64, number of the frame in which each point was given or sampled; None if the method
            does not say.
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
    name: str | None = None
    placed: NDArray[np.int64] | None = None

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
        name: str | None = None,
        placed: Mapping[int, NDArray[np.int64]] | None = None,
    ) -> FrameResult:
        """The result of a frame, assembled from its objects.

        Args:
            index: number of the frame in the video.
            masks: (K, H, W) bool.
            logits: (K, H, W) float32.
            scores: predicted IoU by object id; missing objects have none.
            points: points by object id; missing objects have none.
            object_ids: K ids, in the order of ``masks``.
            lost: ids of lost objects.
            name: name of the frame's image without suffix; None if it has none.
            placed: when each object's points were placed, by object id; None if not known.
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
            name=name,
            placed=None
            if placed is None
            else np.concatenate([np.zeros(0, np.int64), *(placed[id] for id in object_ids if id in placed)]),
        )

    def __repr__(self) -> str:
        height, width = self.masks.shape[1:]
        return f"<FrameResult {self.index}: objects {list(self.object_ids)}, {width}×{height}>"

    def __len__(self) -> int:
        return len(self.object_ids)

    def __getitem__(self, object_id: int) -> ObjectResult:
        """The result of one object.

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
        """Label map, (H, W) uint8: the id of the object with the highest logit above 0, or 0."""
        best = self.logits.argmax(0)
        ids = np.array(self.object_ids, np.uint8)
        return np.where(np.take_along_axis(self.logits, best[None], 0)[0] > 0, ids[best], np.uint8(0))

    def mask_files(self, each_object: bool | None = None) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """File names and label maps, (H, W) uint8, of this frame.

        Args:
            each_object: besides the frame's label map, yield each object's whole mask, in its own folder;
                None does so if any masks overlap in this frame.

        Yields:
            The name of a file, and the label map to write to it.
        """
        name = f"{self.index:05d}.png" if self.name is None else f"{self.name}.png"
        yield name, self.label_map()
        if each_object is None:
            each_object = bool((np.count_nonzero(self.masks, axis=0) > 1).any())
        if each_object:
            for id, mask in zip(self.object_ids, self.masks, strict=True):
                yield f"{id}/{name}", mask * np.uint8(id)

    def save(self, folder: str | Path, each_object: bool | None = None) -> Path:
        """Write the label map as a palette PNG named like the frame, or by its number, such as ``00012.png``.

        Args:
            folder: folder for the files; created if it is missing.
            each_object: also write each object's whole mask, as ``1/00012.png``; None does so if any masks
                overlap in this frame.

        Returns:
            Path of the label map.

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
        """Annotations in COCO's format, one for each object with a mask, as ``CocoWriter`` writes them.

        ``image_id`` is the frame's number; ``category_id`` and ``track_id`` are the object's id, ``score`` is
        its predicted IoU or None.

        Args:
            file_name: name of the frame's image, which is added to each annotation if given.
            first_id: id of the first annotation; the others follow.
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
        """The objects with a mask as ``supervision``'s detections, for its zones and annotators.

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
        """Share of each object's positive points that are visible, (K,) float32; NaN without points."""
        visible = self.positive & (self.visibility == Visibility.VISIBLE)
        totals = np.bincount(self.owners[self.positive], minlength=len(self.object_ids))
        seen = np.bincount(self.owners[visible], minlength=len(self.object_ids))
        with np.errstate(invalid="ignore"):
            return (seen / totals).astype(np.float32)


def exclusive(claims: NDArray[np.bool_], logits: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Masks (K, H, W) without overlaps: each pixel goes to the claiming mask with the highest logit.

    Args:
        claims: (K, H, W) bool masks, which may overlap.
        logits: (K, H, W) float32.
    """
    return np.asarray(claims & (logits.argmax(0) == np.arange(len(claims))[:, None, None]))
