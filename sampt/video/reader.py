"""Frames of a video file or of a folder of images, decoded when they are asked for."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator
from pathlib import Path
from threading import RLock

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sampt._internal.closing import Closing
from sampt._internal.names import natural
from sampt.errors import VideoError

from .file_reader import FileReader

_CACHE_BYTES = 256 << 20
_IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png"}
_SIDEWAYS = {5, 6, 7, 8}  # the EXIF orientations that swap width and height


class Video(Closing):
    """The frames of a video file, or of a folder of JPEG/PNG images in natural order.

    ``len(video)`` frames; ``video[i]`` is frame ``i``, (H, W, 3) uint8 RGB, upright, the caller's own copy;
    iteration goes in order. Reading in order decodes each frame once and never seeks. Reading backward
    decodes a cacheful at a time, from the keyframe before it. Several threads may read from one video.

    Args:
        path: any file that FFmpeg decodes (its first video stream is used), or a folder.
        cache_frames: how many decoded frames are kept at most; 256 MB of frames is the other limit.
        fps: frames per second of a folder of images. A file knows its own.

    Attributes:
        path, name: where the video is, and what to call it (a file's name without suffix).
        size: (height, width) in pixels, after rotation.
        timestamps: (N,) float64, seconds since the first frame, strictly increasing.
        fps: average frame rate.

    Raises:
        VideoError: there is nothing at ``path`` that can be read as video. A file that is cut short or
            damaged is no error: it has the frames that can be decoded, a broken frame in the middle repeats
            the one before it, and the logger ``sampt.video`` gives one warning.
    """

    def __init__(self, path: str | os.PathLike[str], cache_frames: int = 64, *, fps: float = 25.0) -> None:
        if cache_frames < 1 or not fps > 0:
            raise VideoError(f"cache_frames ({cache_frames}) and fps ({fps}) of {path} must be above 0")
        self.path = Path(path)
        folder = self.path.is_dir()
        if not folder and not self.path.is_file():
            problem = "is neither a file nor a folder" if self.path.exists() else "does not exist"
            raise VideoError(f"{self.path} {problem}; give a video file or a folder of images")
        self.name = self.path.resolve().name if folder else self.path.stem
        self._reader = FolderReader(self.path, fps) if folder else FileReader(self.path)
        self.size: tuple[int, int] = self._reader.size
        self.timestamps = self._reader.timestamps
        self.fps = self._reader.fps
        height, width = self.size
        self._capacity = max(1, min(cache_frames, _CACHE_BYTES // (height * width * 3)))
        self._cache: dict[int, NDArray[np.uint8]] = {}
        self._lock = RLock()
        self._closed = False

    @property
    def jumps(self) -> int:
        """How often a file's decoder had to be moved to another place so far; 0 while reading in order."""
        return self._reader.jumps

    def __repr__(self) -> str:
        height, width = self.size
        return f"<Video {self.name}: {len(self)} frames, {width}×{height}>"

    def __len__(self) -> int:
        return len(self.timestamps)

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        index = operator.index(index)
        if not 0 <= index < len(self):
            raise IndexError(f"{self.path} has no frame {index}, only 0 to {len(self) - 1}")
        with self._lock:
            if self._closed:
                raise VideoError(f"{self.path} has been closed; open it again to read from it")
            if index not in self._cache:
                self._load(index)
            return self._cache[index].copy()

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[i] for i in range(len(self)))

    def _load(self, index: int) -> None:
        # Whoever goes back is likely to go on going back: one pass over the GOP then serves many frames.
        first = max(0, index - self._capacity + 1) if index < self._reader.position else index
        for i, frame in self._reader.read(first, index):
            # The oldest goes first, not the least used: what stays is the stretch that was decoded last.
            self._cache.pop(i, None)
            self._cache[i] = frame
            if len(self._cache) > self._capacity:
                del self._cache[next(iter(self._cache))]

    def close(self) -> None:
        """Let go of the file and the cached frames. Closing twice is harmless."""
        with self._lock:
            self._closed = True
            self._cache.clear()
            self._reader.close()


class FolderReader:
    """Random access to the images of one folder; all must be of one size."""

    position = 0  # no image depends on another, so going back never costs more than going on
    jumps = 0

    def __init__(self, folder: Path, fps: float) -> None:
        self._files = sorted(filter(_is_image, folder.iterdir()), key=natural)
        if not self._files:
            raise VideoError(
                f"{folder} holds no .jpg, .jpeg or .png file; give a folder of frames or a video file"
            )
        self.fps = float(fps)
        self.timestamps = np.arange(len(self._files)) / self.fps
        self.size = _image_size(self._files[0])
        for file in self._files:
            height, width = _image_size(file)
            if (height, width) != self.size:
                raise VideoError(
                    f"{file} is {width}x{height} but {self._files[0].name} is {self.size[1]}x{self.size[0]}; "
                    f"all frames of a video must have one size"
                )

    def read(self, first: int, last: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Frames ``first`` to ``last``, both included, with their numbers."""
        return ((i, read_image(self._files[i])) for i in range(first, last + 1))

    def close(self) -> None:
        """Nothing is held open."""


def read_image(path: Path) -> NDArray[np.uint8]:
    """A JPEG or PNG file as (H, W, 3) uint8 RGB, upright; alpha is dropped, 16 bits become 8.

    Raises:
        VideoError: the file cannot be decoded.
    """
    try:
        with Image.open(path) as image:
            if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip at 255 instead of scaling
                image.load()
                grey = (np.asarray(image).clip(0, 0xFFFF) >> 8).astype(np.uint8)
                return np.repeat(grey[:, :, None], 3, axis=2)
            upright = ImageOps.exif_transpose(image) if image.format == "JPEG" else image
            return np.array(upright.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path) from error


def _image_size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            sideways = image.format == "JPEG" and image.getexif().get(0x0112) in _SIDEWAYS
            return image.size if sideways else image.size[::-1]
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> VideoError:
    return VideoError(f"{path} cannot be read as an image; replace it by one that opens")


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in _IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
