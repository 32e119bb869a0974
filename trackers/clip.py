"""Frames in a chosen order, read when they are needed."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterator
from typing import Protocol, overload, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class FrameSource(Protocol):
    """Anything with a length and frames by index: a video, a synthetic scene, a (T, H, W, 3) array."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]: ...


@runtime_checkable
class EndlessSource(Protocol):
    """Frames that come one after the other, such as a camera's: how many there will be is not known.

    Only the latest can be read again. ``has`` waits for a frame to come, or for the end; ``count`` is how
    many have come.
    """

    @property
    def count(self) -> int: ...

    def has(self, index: int, /) -> bool: ...

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]: ...


Source = FrameSource | EndlessSource


class Clip:
    """A view of some frames of a source, in any regular order; nothing is decoded until it is indexed.

    ``clip[i]`` is a frame, (H, W, 3) uint8 RGB; ``clip[a:b]`` and ``clip.reversed()`` are clips again.
    ``clip.indices[i]`` is the number of frame ``i`` in the source, and ``clip.source`` the source itself,
    so that trackers can recognise a frame they have already seen.

    A clip of an ``EndlessSource`` has no length, and its ``indices`` reach farther than its frames: ``has``
    and ``until`` say what is there, for every clip.
    """

    def __init__(self, source: Source, indices: range | None = None) -> None:
        self.source = source
        self.endless = not hasattr(source, "__len__")
        if indices is None:
            indices = range(sys.maxsize if self.endless else len(source))  # type: ignore[arg-type]
        self.indices = indices

    @classmethod
    def of(cls, frames: Clip | Source) -> Clip:
        """``frames`` itself if it is a clip already, else a clip of all its frames."""
        return frames if isinstance(frames, Clip) else cls(frames)

    def __len__(self) -> int:
        if self.endless and self.indices.stop == sys.maxsize:
            raise TypeError("frames that come one after the other have no length; ask has() or until()")
        return len(self.indices)

    def has(self, position: int) -> bool:
        """Whether there is a frame ``clip[position]``; may wait for it."""
        if not 0 <= position < len(self.indices):
            return False
        return not self.endless or self.source.has(self.indices[position])  # type: ignore[union-attr]

    def until(self, stop: int) -> int:
        """The number of frames, but at most ``stop``: where a window that should end at ``stop`` does end."""
        stop = min(stop, len(self.indices))
        if stop <= 0 or self.has(stop - 1):
            return stop
        return bisect_left(self.indices, self.source.count)  # type: ignore[union-attr]

    def positions(self) -> Iterator[int]:
        """0, 1, … for all frames there are."""
        position = 0
        while self.has(position):
            yield position
            position += 1

    @overload
    def __getitem__(self, index: int) -> NDArray[np.uint8]: ...
    @overload
    def __getitem__(self, index: slice) -> Clip: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.uint8] | Clip:
        if isinstance(index, slice):
            return Clip(self.source, self.indices[index])
        return self.source[self.indices[index]]

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[position] for position in self.positions())

    def reversed(self) -> Clip:
        """The same frames, backward in time."""
        return Clip(self.source, self.indices[::-1])
