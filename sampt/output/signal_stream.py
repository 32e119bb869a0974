"""Signals of all objects of a run; those of frames before an object's first mask wait for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampt.methods.results import FrameResult
from sampt.prompts.query_points import QueryPoints
from sampt.trackers.base import Visibility

from .signals import SIGNALS, FirstLook, Greys, ObjectWatch, Reference, Seen, Signals


class Measured(NamedTuple):
    """Signals of one object in one frame.

    Attributes:
        row: the object's row in the results.
        position: how many frames came before.
        values: (S,) float32, one of each of ``SIGNALS``.
        plain: what is plainly the matter, in words; empty if nothing is.
    """

    row: int
    position: int
    values: Signals
    plain: str


class SignalStream:
    """Signals of a run, which sees each frame once, in the clip's order.

    Args:
        queries: the objects with the points in use.
        looks: what is known of the first masks, by object id.
    """

    def __init__(self, queries: QueryPoints, looks: Mapping[int, FirstLook]) -> None:
        self._queries = queries.objects
        self._watches = [
            ObjectWatch(row, looks.get(q.id, FirstLook())) for row, q in enumerate(queries.objects)
        ]
        self._greys, self._size, self._position = Greys(), (1, 1), -1
        self._references: list[Reference | None] = [None] * len(self._queries)
        self._waiting: list[list[tuple[Seen, str]]] = [[] for _ in self._queries]

    def see(self, frame: NDArray[np.uint8], result: FrameResult) -> Iterator[Measured]:
        """Take in the next frame, (H, W, 3) uint8 RGB, and its result.

        Yields:
            What is complete: this frame's signals; in an object's query frame, those of all so far.
        """
        self._position, self._size = self._position + 1, (frame.shape[0], frame.shape[1])
        self._greys.add(frame)
        for row, query in enumerate(self._queries):
            lost = query.id in result.lost
            if not (lost or (result.owners == row).any() or result.masks[row].any()):
                continue  # not segmented in this frame
            seen = self._watches[row].see(self._position, frame, result, self._greys)
            self._waiting[row].append((seen, _plainly(result, row, lost, seen)))
            if result.index == query.frame:
                self._references[row] = self._reference(row, seen)
            if self._references[row] is not None:
                yield from self._complete(row)

    def rest(self) -> Iterator[Measured]:
        """What still waits, because an object's query frame is not among the frames."""
        for row in range(len(self._queries)):
            yield from self._complete(row)

    def _complete(self, row: int) -> Iterator[Measured]:
        waiting, self._waiting[row] = self._waiting[row], []
        for seen, plain in waiting:
            first = self._references[row] or self._reference(row, seen)
            yield Measured(row, seen.position, seen.compared(first, self._size), plain)

    def _reference(self, row: int, seen: Seen) -> Reference:
        query = self._queries[row]
        return Reference(max(seen.area, 1), seen.colours, len(query.positives), query.frame)


def _plainly(result: FrameResult, row: int, lost: bool, seen: Seen) -> str:
    if lost:
        return "lost, its points could not be placed again"
    positives = result.positive & (result.owners == row)
    if positives.any() and not (result.visibility[positives] == Visibility.VISIBLE).any():
        return "no point visible"
    return "" if seen.colours is not None else SIGNALS["gone"]
