"""Reader of video files and folders of images, which decodes frames on request."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator
from fractions import Fraction
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
    """Video: the frames of a file, or of a folder of JPEG or PNG images in natural order.

    It has ``len(video)`` frames; ``video[i]`` is frame ``i``, (H, W, 3) uint8 RGB, upright, the caller's own
    copy. Reading in order decodes each frame once and never seeks. Reading backward decodes one cacheful of
    frames at a time. Several threads may read from one video.

    Args:
        path: a file that FFmpeg can decode (of several video streams, FFmpeg's choice is used), or a folder.
        cache_frames: maximum number of decoded frames to keep; they are also limited to 256 MB.
        fps: frames per second of a folder of images; a file has its own.

    Attributes:
        path: path of the video.
        name: name of the video: the folder's, or the file's without suffix.
        size: (height, width) in pixels, after rotation.
        timestamps: (N,) float64, seconds since the first frame, strictly increasing.
        fps: average frame rate.
        pixel_aspect: a pixel's width by its height, as shown; 1 for square pixels.

    Raises:
        VideoError: ``path`` cannot be read as a video. A file that is cut short or damaged is not an error:
            it has the frames that can be decoded, a broken frame in the middle repeats the one before it, and
            the logger ``sampt.video`` gives one warning.
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
        self.pixel_aspect = self._reader.pixel_aspect
        height, width = self.size
        self._capacity = max(1, min(cache_frames, _CACHE_BYTES // (height * width * 3)))
        self._cache: dict[int, NDArray[np.uint8]] = {}
        self._lock = RLock()
        self._closed = False

    @property
    def jumps(self) -> int:
        """Number of times that a file's decoder had to seek; 0 while reading in order."""
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
        # A step back is likely to be followed by others: one pass over the GOP then serves many frames.
        first = max(0, index - self._capacity + 1) if index < self._reader.position else index
        for i, frame in self._reader.read(first, index):
            # The oldest is dropped first, not the least used: the stretch that was decoded last is kept.
            self._cache.pop(i, None)
            self._cache[i] = frame
            if len(self._cache) > self._capacity:
                del self._cache[next(iter(self._cache))]

    def close(self) -> None:
        """Close the file and drop the cached frames. Closing twice is harmless."""
        with self._lock:
            self._closed = True
            self._cache.clear()
            self._reader.close()


class FolderReader:
    """Reader of the images of one folder, which must all have one size."""

    position = 0  # no image depends on another, so going back costs no more than going forward
    jumps = 0
    pixel_aspect = Fraction(1)

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
        """Frames ``first`` to ``last`` inclusive, with their numbers."""
        return ((i, read_image(self._files[i])) for i in range(first, last + 1))

    def close(self) -> None:
        """Do nothing, since no file is held open."""


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
    return VideoError(f"{path} cannot be read as an image; replace it with a valid one")


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in _IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
