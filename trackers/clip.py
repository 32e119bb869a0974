"""Clips: frames in a chosen order, read when they are needed."""

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
    """Frames that arrive one at a time, such as a camera's, so that their number is not known.

    Only the latest frames can be read again. ``has`` waits until a frame or the end arrives; ``count`` is how
    many frames have arrived.
    """

    @property
    def count(self) -> int: ...

    def has(self, index: int, /) -> bool: ...

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]: ...


Source = FrameSource | EndlessSource


class Clip:
    """A view of some of a source's frames, in any regular order; nothing is decoded until it is indexed.

    ``clip[i]`` is a frame, (H, W, 3) uint8 RGB; ``clip[a:b]`` and ``clip.reversed()`` are clips again.

    A clip of an ``EndlessSource`` has no length, and its ``indices`` extend beyond its frames. For every clip
    ``has`` and ``until`` say which frames there are.

    Args:
        source: where the frames come from.
        indices: the numbers of the clip's frames in the source; None for all.

    Attributes:
        source: where the frames come from. Together with ``indices`` it lets trackers recognise a frame that
            they have already seen.
        indices: ``indices[i]`` is the number of ``clip[i]`` in the source.
        endless: whether the source is an ``EndlessSource``.
    """

    def __init__(self, source: Source, indices: range | None = None) -> None:
        self.source = source
        self.endless = not hasattr(source, "__len__")
        if indices is None:
            indices = range(sys.maxsize if self.endless else len(source))  # type: ignore[arg-type]
        self.indices = indices

    @classmethod
    def of(cls, frames: Clip | Source) -> Clip:
        """The frames as a clip: ``frames`` itself if it already is one, else a clip of all of them."""
        return frames if isinstance(frames, Clip) else cls(frames)

    def __len__(self) -> int:
        if self.endless and self.indices.stop == sys.maxsize:
            raise TypeError("frames that arrive one at a time have no length; use has() or until()")
        return len(self.indices)

    def has(self, position: int) -> bool:
        """Whether there is a frame ``clip[position]``; this may wait for it."""
        if not 0 <= position < len(self.indices):
            return False
        return not self.endless or self.source.has(self.indices[position])  # type: ignore[union-attr]

    def until(self, stop: int) -> int:
        """The number of frames, but at most ``stop``: where a window up to ``stop`` really ends."""
        stop = min(stop, len(self.indices))
        if stop <= 0 or self.has(stop - 1):
            return stop
        return bisect_left(self.indices, self.source.count)  # type: ignore[union-attr]

    def positions(self) -> Iterator[int]:
        """The positions 0, 1, … of all frames."""
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
        """The same frames in reverse order."""
        return Clip(self.source, self.indices[::-1])
