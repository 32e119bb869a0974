"""Stretches of a result that a person should check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from sampt.methods.results import FrameResult

FEW_POINTS = 0.5
"""Share of visible positives below which most of an object's points count as lost."""
SHORTEST = 3
"""Minimum number of frames in a row that are worth checking."""


@dataclass(frozen=True)
class Stretch:
    """Stretch of frames, ``first`` to ``last`` inclusive, in which an object's result is doubtful."""

    object_id: int
    first: int
    last: int
    reason: str

    def __str__(self) -> str:
        return f"object {self.object_id}: frames {self.first}–{self.last}, {self.reason}"


def doubts(result: FrameResult) -> list[str]:
    """One doubt per object, in the result's order; empty if there is no doubt."""
    reasons = []
    shares = result.visible_share()
    seen = np.asarray(result.masks.any((1, 2)))
    for k, object_id in enumerate(result.object_ids):
        if object_id in result.lost:
            reasons.append("lost, reinitialisation failed")
        elif not (result.owners == k).any():
            reasons.append("")  # not segmented in this frame
        elif shares[k] == 0:
            reasons.append("no point visible")
        elif shares[k] < FEW_POINTS:
            reasons.append("most points lost")
        elif not seen[k]:
            reasons.append("no mask despite visible points")
        else:
            reasons.append("")
    return reasons


def stretches(object_id: int, indices: Sequence[int], reasons: Sequence[str]) -> list[Stretch]:
    """Stretches of frames with the same doubt about one object; ``indices`` are the frames' numbers."""
    found = []
    for reason, run in groupby(zip(indices, reasons, strict=True), key=lambda pair: pair[1]):
        frames = [index for index, _ in run]
        if reason and len(frames) >= SHORTEST:
            found.append(Stretch(object_id, frames[0], frames[-1], reason))
    return found
