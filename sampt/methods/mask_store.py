"""Store of finished masks as run lengths, a few hundred bytes each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampt._internal import run_lengths

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class PackedMask:
    """Mask, (H, W) bool, as COCO's compressed run lengths."""

    size: tuple[int, int]
    counts: str | bytes

    @classmethod
    def of(cls, mask: Mask) -> PackedMask:
        return cls((mask.shape[0], mask.shape[1]), run_lengths.encode(mask)["counts"])

    def unpacked(self) -> Mask:
        return run_lengths.decode({"size": list(self.size), "counts": self.counts})


@dataclass(frozen=True)
class KeptMask:
    """Masks of one object in one frame: its own, and what the other objects leave of it; with its score."""

    own: PackedMask
    shown: PackedMask
    score: float


class MaskStore:
    """Finished masks by object and frame."""

    def __init__(self) -> None:
        self._kept: dict[int, dict[int, KeptMask]] = {}

    def __contains__(self, place: tuple[int, int]) -> bool:
        object_id, frame = place
        return frame in self._kept.get(object_id, ())

    @property
    def nbytes(self) -> int:
        """Memory of the run lengths in bytes."""
        masks = (kept for frames in self._kept.values() for kept in frames.values())
        return sum(len(kept.own.counts) + len(kept.shown.counts) for kept in masks)

    def put(self, object_id: int, frame: int, kept: KeptMask) -> None:
        self._kept.setdefault(object_id, {})[frame] = kept

    def at(self, frame: int) -> dict[int, KeptMask]:
        """Finished masks of a frame, by object."""
        return {id: frames[frame] for id, frames in self._kept.items() if frame in frames}

    def forget(self, object_id: int, frames: Mask | None = None) -> bool:
        """Drop an object's masks in ``frames``, (T,) bool, or in all; False if it had none anywhere."""
        kept = self._kept.get(object_id)
        if kept is None:
            return False
        if frames is None:
            del self._kept[object_id]
        else:
            self._kept[object_id] = {frame: mask for frame, mask in kept.items() if not frames[frame]}
        return True

    def forget_shared(self) -> None:
        """Drop every mask that lost pixels to another object."""
        for object_id, kept in self._kept.items():
            self._kept[object_id] = {f: mask for f, mask in kept.items() if mask.own == mask.shown}
