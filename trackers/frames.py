"""What trackers share about frames: a cache, the working size, and which points are inside."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value")


class FrameCache(Generic[Value]):
    """A cache of what was last computed from a source's frames, shared by parallel and reversed runs.

    Entries belong to one source object, compared by identity, and are dropped when another one is used. A
    source is assumed to be immutable: an array that is overwritten in place needs a new array object.

    Args:
        size: number of entries that are always kept.
        weigh: gives the bytes of an entry, for keeping more than ``size``.
    """

    def __init__(self, size: int, weigh: Callable[[Value], int] = lambda value: 1) -> None:
        self._size, self._weigh = size, weigh
        self._source: object = None
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._weight = 0

    def get(self, source: object, key: Hashable, make: Callable[[], Value], spare: int = 0) -> Value:
        """The value kept under ``key`` for this source, or else what ``make`` returns now.

        Args:
            source: where the frames come from.
            key: identifies the value among those of this source.
            make: computes the value.
            spare: keep more than ``size`` entries while all together take at most this many bytes.
        """
        if source is not self._source:
            self._values.clear()
            self._source, self._weight = source, 0
        if key in self._values:
            self._values.move_to_end(key)
        else:
            self._values[key] = make()
            self._weight += self._weigh(self._values[key])
        value = self._values[key]
        while len(self._values) > self._size and self._weight > spare:
            self._weight -= self._weigh(self._values.popitem(last=False)[1])
        return value


def working_size(size: tuple[int, int], max_side: int | None) -> tuple[int, int]:
    """The (height, width) shrunk in proportion until the longer is at most ``max_side``; never enlarged."""
    if max_side is None or max(size) <= max_side:
        return size
    scale = max_side / max(size)
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def within(xy: NDArray[np.float32], size: tuple[int, int], margin: float = 0.0) -> NDArray[np.bool_]:
    """Which points, (N, 2), are inside a frame, or at most ``margin`` px outside: (N,) bool.

    Integer coordinates are pixel centres, so the frame extends from -0.5 to width - 0.5.

    Args:
        xy: (N, 2) px.
        size: (height, width) of the frame, px.
        margin: px.
    """
    beyond = np.array(size[::-1], np.float32) - 0.5
    return np.asarray(((xy >= -0.5 - margin) & (xy <= beyond + margin)).all(1))
