"""Which stretches of a result a person should look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from sampt.methods.results import FrameResult

FEW_POINTS = 0.5
"""With a smaller visible share of its positives, most of an object's points are lost."""
SHORTEST = 3
"""Fewer frames than these in a row are not worth a look."""


@dataclass(frozen=True)
class Stretch:
    """Frames ``first`` to ``last``, both included, in which something is doubtful about an object."""

    object_id: int
    first: int
    last: int
    reason: str

    def __str__(self) -> str:
        return f"object {self.object_id}: frames {self.first}–{self.last}, {self.reason}"


def doubts(result: FrameResult) -> list[str]:
    """One reason an object, in the result's order; empty where there is none."""
    reasons = []
    shares = result.visible_share()
    seen = np.asarray(result.masks.any((1, 2)))
    for k, object_id in enumerate(result.object_ids):
        if object_id in result.lost:
            reasons.append("lost, reinitialisation failed")
        elif not (result.owners == k).any():
            reasons.append("")  # not wanted in this frame
        elif shares[k] == 0:
            reasons.append("no point visible")
        elif shares[k] < FEW_POINTS:
            reasons.append("most points lost")
        elif not seen[k]:
            reasons.append("no mask in spite of visible points")
        else:
            reasons.append("")
    return reasons


def stretches(object_id: int, indices: Sequence[int], reasons: Sequence[str]) -> list[Stretch]:
    """Runs of frames with the same doubt about one object; ``indices`` are the frames' numbers."""
    found = []
    for reason, run in groupby(zip(indices, reasons, strict=True), key=lambda pair: pair[1]):
        frames = [index for index, _ in run]
        if reason and len(frames) >= SHORTEST:
            found.append(Stretch(object_id, frames[0], frames[-1], reason))
    return found
