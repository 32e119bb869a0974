"""Frames and masks at another size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt.trackers.clip import EndlessSource, FrameSource, Source

Size = tuple[int, int]
"""(height, width) in pixels."""


class ResizedFrames:
    """Frames of a source at another size, resized when they are read.

    They are resized with a triangle filter that covers all pixels (Pillow's ``BILINEAR``), as in the
    reference implementations of SAM and SAM-PT.

    Args:
        source: frames by index.
        size: (height, width) to which each frame is resized.
    """

    def __init__(self, source: FrameSource, size: Size) -> None:
        self.source, self.size = source, size
        self.file_names = getattr(source, "file_names", None)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        return resized_frame(self.source[index], self.size)


class ResizedStream:
    """Frames of a source without a length at another size; see ``ResizedFrames``."""

    def __init__(self, source: EndlessSource, size: Size) -> None:
        self.source, self.size = source, size

    @property
    def count(self) -> int:
        return self.source.count

    def has(self, index: int, /) -> bool:
        return self.source.has(index)

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        return resized_frame(self.source[index], self.size)


def resized_source(source: Source, size: Size) -> Source:
    """The frames of ``source`` at ``size`` (height, width)."""
    if isinstance(source, EndlessSource) and not hasattr(source, "__len__"):
        return ResizedStream(source, size)
    return ResizedFrames(source, size)  # type: ignore[arg-type]


def resized_frame(frame: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """A frame, (H, W, 3) uint8, at ``size`` (height, width)."""
    if frame.shape[:2] == size:
        return frame
    return np.array(Image.fromarray(frame).resize(size[::-1], Image.Resampling.BILINEAR))


def resized_labels(labels: NDArray[np.generic], size: Size) -> NDArray[np.generic]:
    """A mask or label map, (H, W), at ``size`` (height, width), each pixel with the nearest one's value.

    Of equally near pixels it is the same as PyTorch's ``nearest`` takes, which the reference implementation
    uses.
    """
    rows, columns = (_nearest(old, new) for old, new in zip(labels.shape, size, strict=True))
    return labels[rows[:, None], columns]


def resized_mask(mask: NDArray[np.bool_], size: Size) -> NDArray[np.bool_]:
    """A mask, (H, W) bool, at ``size`` (height, width); one that has pixels keeps at least one."""
    small = np.asarray(resized_labels(mask, size), bool)
    if mask.any() and not small.any():
        rows, columns = np.nonzero(mask)
        middle = len(rows) // 2
        small[rows[middle] * size[0] // mask.shape[0], columns[middle] * size[1] // mask.shape[1]] = True
    return small


def _nearest(old: int, new: int) -> NDArray[np.int64]:
    """For each of ``new`` pixels, the pixel of ``old`` that it shows."""
    found = (np.arange(new, dtype=np.float32) * np.float32(old / new)).astype(np.int64)
    return np.minimum(found, old - 1)


def moved_points(points: NDArray[np.float32], before: Size, after: Size) -> NDArray[np.float32]:
    """Points (..., 2) of (x, y) of frames of one (height, width) in frames of another.

    Integers are pixel centres, so both frames span from −0.5.
    """
    scale = np.array([after[1] / before[1], after[0] / before[0]], np.float32)
    return np.asarray((points + np.float32(0.5)) * scale - np.float32(0.5), np.float32)
