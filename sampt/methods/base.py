"""What a caller gets for each frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sampt.trackers.base import Visibility


@dataclass(frozen=True)
class FrameResult:
    """K objects in one frame of the video.

    index: the frame's number in the video.
    object_ids: K ids, in the order of everything below.
    masks: (K, H, W) bool. At most one object a pixel, that with the highest logit, unless overlapping masks
        were asked for.
    logits: (K, H, W) float32, −inf where an object has no mask.
    scores: (K,) float32 predicted IoU; NaN where an object was not segmented in this frame.
    points: (N, 2) float32, all objects' points one after the other; N may change from frame to frame.
    visibility: (N,) int8 of ``sampt.trackers.base.Visibility``.
    positive: (N,) bool.
    owners: (N,) int64, row of ``masks`` a point belongs to.
    lost: ids of objects that are lost in this frame, because reinitialisation has failed before it.
    """

    index: int
    object_ids: tuple[int, ...]
    masks: NDArray[np.bool_]
    logits: NDArray[np.float32] = field(repr=False)
    scores: NDArray[np.float32]
    points: NDArray[np.float32]
    visibility: NDArray[np.int8]
    positive: NDArray[np.bool_]
    owners: NDArray[np.int64]
    lost: tuple[int, ...] = ()

    @property
    def label_map(self) -> NDArray[np.uint8]:
        """(H, W) uint8: the id of the object with the highest logit above 0, or 0."""
        best = self.logits.argmax(0)
        ids = np.array(self.object_ids, np.uint8)
        return np.where(np.take_along_axis(self.logits, best[None], 0)[0] > 0, ids[best], np.uint8(0))

    @property
    def visible_share(self) -> NDArray[np.float32]:
        """(K,) float32: how many of each object's positive points are visible; NaN for one without points."""
        visible = self.positive & (self.visibility == Visibility.VISIBLE)
        totals = np.bincount(self.owners[self.positive], minlength=len(self.object_ids))
        seen = np.bincount(self.owners[visible], minlength=len(self.object_ids))
        with np.errstate(invalid="ignore"):
            return (seen / totals).astype(np.float32)
