"""Frames in a chosen order, read when they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, overload

import numpy as np
from numpy.typing import NDArray


class FrameSource(Protocol):
    """Anything with a length and frames by index: a video, a synthetic scene, a (T, H, W, 3) array."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]: ...


class Clip:
    """A view of some frames of a source, in any regular order; nothing is decoded until it is indexed.

    ``clip[i]`` is a frame, (H, W, 3) uint8 RGB; ``clip[a:b]`` and ``clip.reversed()`` are clips again.
    ``clip.indices[i]`` is the number of frame ``i`` in the source, and ``clip.source`` the source itself,
    so that trackers can recognise a frame they have already seen.
    """

    def __init__(self, source: FrameSource, indices: range | None = None) -> None:
        self.source = source
        self.indices = range(len(source)) if indices is None else indices

    @classmethod
    def of(cls, frames: Clip | FrameSource) -> Clip:
        """``frames`` itself if it is a clip already, else a clip of all its frames."""
        return frames if isinstance(frames, Clip) else cls(frames)

    def __len__(self) -> int:
        return len(self.indices)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.uint8]: ...
    @overload
    def __getitem__(self, index: slice) -> Clip: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.uint8] | Clip:
        if isinstance(index, slice):
            return Clip(self.source, self.indices[index])
        return self.source[self.indices[index]]

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self.source[i] for i in self.indices)

    def reversed(self) -> Clip:
        """The same frames, backward in time."""
        return Clip(self.source, self.indices[::-1])
