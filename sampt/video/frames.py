"""Sources of frames as clips: paths, videos, arrays, images, and iterators of frames."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import RLock
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt.errors import VideoError
from sampt.trackers.clip import Clip, FrameSource

from .reader import Video

Frames: TypeAlias = (
    "str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Clip | FrameSource "
    "| Sequence[NDArray[np.uint8] | Image.Image] | Iterable[NDArray[np.uint8] | Image.Image]"
)
"""A path, or those of several images; a ``Video``, a ``Clip``, a (T, H, W, 3) uint8 array, a sequence or an
iterator of images."""

_KEPT_FRAMES, _KEPT_BYTES = 64, 256 << 20
"""Number of past frames that an ``ImageStream`` keeps: that of the largest tracking window."""


def open_frames(frames: Frames) -> tuple[Clip, Video | None]:
    """A clip of ``frames``, and the video that was opened for it and must be closed, if they are paths.

    Raises:
        VideoError: ``frames`` is of another type, or cannot be read.
    """
    if isinstance(frames, str | os.PathLike) or _are_paths(frames):
        video = Video(cast("str | Sequence[str]", frames))
        return Clip(video), video
    if isinstance(frames, Clip):
        return frames, None
    if isinstance(frames, ImageStream):
        return Clip(frames), None
    if isinstance(frames, np.ndarray):
        return Clip(_checked_array(frames)), None
    if isinstance(frames, Sequence) and not isinstance(frames, bytes):
        return Clip(ImageSequence(frames)), None
    if not isinstance(frames, bytes | Mapping):
        if hasattr(frames, "__len__") and hasattr(frames, "__getitem__"):
            return Clip(cast(FrameSource, frames)), None
        if isinstance(frames, Iterable):
            return Clip(ImageStream(iter(frames))), None
    raise VideoError(
        f"a {type(frames).__name__} is not a video; give a path, a Video, a (T, H, W, 3) uint8 array, "
        "a list of images, or an iterator of frames"
    )


def _are_paths(frames: Any) -> bool:
    listed = isinstance(frames, Sequence) and not isinstance(frames, bytes) and len(frames) > 0
    return listed and all(isinstance(item, str | os.PathLike) for item in frames)


class ImageSequence:
    """Source of frames from a sequence of images of one size, Pillow's or (H, W, 3) uint8 arrays."""

    def __init__(self, images: Sequence[Any]) -> None:
        if not len(images):
            raise VideoError("the list of images is empty; give at least one frame")
        self._images = images
        self._size = as_frame(images[0], 0).shape[:2]

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        return _of_size(as_frame(self._images[index], index), index, self._size)


class ImageStream:
    """Source of frames from an iterator of images, which reads ahead on request and keeps only the latest."""

    def __init__(self, images: Iterator[Any]) -> None:
        self._images = images
        self._kept: dict[int, NDArray[np.uint8]] = {}
        self.count = 0
        self._size: tuple[int, ...] = ()
        self._lock = RLock()

    def has(self, index: int, /) -> bool:
        """Whether there is such a frame; waits until it arrives or the iterator ends."""
        with self._lock:
            while self.count <= index:
                image = next(self._images, None)
                if image is None:
                    return False
                frame = as_frame(image, self.count)
                self._size = self._size or frame.shape[:2]
                self._kept[self.count] = _of_size(frame, self.count, self._size)
                self.count += 1
                most = max(2, min(_KEPT_FRAMES, _KEPT_BYTES // frame.nbytes))
                if len(self._kept) > most:
                    del self._kept[next(iter(self._kept))]
            return True

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        with self._lock:
            if not self.has(index):
                raise IndexError(f"there is no frame {index}, only 0 to {self.count - 1}")
            if index not in self._kept:
                raise VideoError(
                    f"frame {index} of the stream has passed, and only the latest are kept; write the stream "
                    "to a file first if you need to go back"
                )
            return self._kept[index].copy()


def file_name(source: object, index: int) -> str:
    """Name of a frame's image file; for sources without files, its number, such as ``00012.png``."""
    names = getattr(source, "file_names", None)
    return f"{index:05d}.png" if names is None else str(names[index])


def as_frame(image: Any, index: int) -> NDArray[np.uint8]:
    """One image, Pillow's or an array, as (H, W, 3) uint8 RGB.

    Raises:
        VideoError: it is something else; the message says how to convert it.
    """
    if isinstance(image, Image.Image):
        return np.array(image.convert("RGB"))
    what = f"frame {index} is {_described(image)}, but a frame is (H, W, 3) uint8 RGB"
    if not isinstance(image, np.ndarray):
        raise VideoError(f"{what}; convert it to a NumPy array or a Pillow image")
    if image.ndim == 2:
        raise VideoError(f"{what}; repeat the grey channel: np.repeat(frame[..., None], 3, axis=2)")
    if image.ndim == 3 and image.shape[2] != 3 and image.shape[0] == 3:
        raise VideoError(f"{what}; move the channels to the end: frame.transpose(1, 2, 0)")
    if image.ndim == 3 and 1 in (image.shape[0], image.shape[2]):
        raise VideoError(f"{what}; drop the axis of length 1, and repeat the grey channel three times")
    if image.ndim == 3 and image.shape[2] == 4:
        raise VideoError(f"{what}; drop the alpha channel: frame[..., :3]")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise VideoError(f"{what}; give one image at a time")
    if image.dtype != np.uint8:
        raise VideoError(f"{what}; scale it to 0…255 and convert it: .astype(np.uint8)")
    return image


def _checked_array(frames: NDArray[Any]) -> NDArray[np.uint8]:
    if frames.ndim != 4:
        raise VideoError(
            f"the video is {_described(frames)}, but an array of frames is (T, H, W, 3) uint8 RGB; "
            "give a single image to segment_image, or put it into a list"
        )
    if not len(frames):
        raise VideoError("the array has no frames; give at least one")
    as_frame(frames[0], 0)
    return frames


def _of_size(frame: NDArray[np.uint8], index: int, size: tuple[int, ...]) -> NDArray[np.uint8]:
    if frame.shape[:2] != size:
        (height, width), (h, w) = size, frame.shape[:2]
        raise VideoError(
            f"frame {index} is {w}x{h} but the first is {width}x{height}; give frames of one size"
        )
    return frame


def _described(image: Any) -> str:
    if isinstance(image, np.ndarray):
        return f"{image.dtype} of shape {image.shape}"
    return f"a {type(image).__name__}"
