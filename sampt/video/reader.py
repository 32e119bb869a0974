"""Reader of video files and images, which decodes frames on request."""

from __future__ import annotations

import logging
import operator
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from sampt._internal.closing import Closing
from sampt.errors import VideoError

from .file_reader import FileReader
from .image_lists import described, images_in, is_image, listed_images
from .images import image_size, read_image, used_bits

_log = logging.getLogger("sampt.video")

_CACHE_BYTES = 256 << 20


class Video(Closing):
    """Video: the frames of a file, of a folder of images in natural order, or of listed images.

    Images are JPEG, PNG, WebP, BMP or TIFF. ``docs/inputs.md`` says how each kind of file is read.

    It has ``len(video)`` frames; ``video[i]`` is frame ``i``, (H, W, 3) uint8 RGB, upright, the caller's own
    copy. Reading in order decodes each frame once and never seeks. Reading backward decodes one cacheful of
    frames at a time. Several threads may read from one video.

    Args:
        path: a file that FFmpeg can decode (of several video streams, FFmpeg's choice is used), a folder, an
            image, or a sequence of images' paths.
        cache_frames: maximum number of decoded frames to keep; they are also limited to 256 MB.
        fps: frames per second of images; a video file has its own.

    Attributes:
        path: path of the video; the folder of the first one, if several images are listed.
        name: name of the video: the folder's, or the file's without suffix.
        files: the images; None for a video file.
        size: (height, width) in pixels, after rotation.
        timestamps: (N,) float64, seconds since the first frame, strictly increasing.
        fps: average frame rate.
        pixel_aspect: a pixel's width by its height, as shown; 1 for square pixels.
        file_names: names of the images; None for a video file.

    Raises:
        VideoError: ``path`` cannot be read as a video. A file that is cut short or damaged is not an error:
            it has the frames that can be decoded, a broken frame in the middle repeats the one before it, and
            the logger ``sampt.video`` gives one warning.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        cache_frames: int = 64,
        *,
        fps: float = 25.0,
    ) -> None:
        if cache_frames < 1 or not fps > 0:
            raise VideoError(f"cache_frames ({cache_frames}) and fps ({fps}) of {path} must be above 0")
        self.path, self.files = _found(path)
        self.name = self.path.resolve().name if self.path.is_dir() else self.path.stem
        self._reader: ImagesReader | FileReader
        if self.files is None:
            self._reader = FileReader(self.path)
        else:
            self._reader = ImagesReader(self.files, fps, described(self.files))
        self.size: tuple[int, int] = self._reader.size
        self.timestamps = self._reader.timestamps
        self.fps = self._reader.fps
        self.pixel_aspect = self._reader.pixel_aspect
        self.file_names = None if self.files is None else tuple(file.name for file in self.files)
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


def _found(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
) -> tuple[Path, tuple[Path, ...] | None]:
    """The path of a video, and its images if it consists of images."""
    if not isinstance(path, str | os.PathLike):
        files = listed_images(path)
        return (files[0] if len(files) == 1 else files[0].parent), tuple(files)
    place = Path(path)
    if place.is_dir():
        return place, tuple(images_in(place))
    if is_image(place):
        return place, tuple(listed_images([place]))
    if not place.is_file():
        problem = "is neither a file nor a folder" if place.exists() else "does not exist"
        raise VideoError(f"{place} {problem}; give a video file or a folder of images")
    return place, None


class ImagesReader:
    """Reader of image files, which must all have one size; ``origin`` names them in messages."""

    position = 0  # no image depends on another, so going back costs no more than going forward
    jumps = 0
    pixel_aspect = Fraction(1)

    def __init__(self, files: Sequence[Path], fps: float, origin: str) -> None:
        self._files = files
        self.fps = float(fps)
        self.timestamps = np.arange(len(files)) / self.fps
        self.size = image_size(files[0])
        for file in files:
            height, width = image_size(file)
            if (height, width) != self.size:
                raise VideoError(
                    f"{file} is {width}x{height} but {files[0].name} is {self.size[1]}x{self.size[0]}; "
                    f"all frames of a video must have one size"
                )
        bits = used_bits(files)
        self._bits = bits or 16
        if bits:
            _log.warning(
                "%s holds 16-bit images; their values up to %d are scaled to 8 bits", origin, (1 << bits) - 1
            )

    def read(self, first: int, last: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Frames ``first`` to ``last`` inclusive, with their numbers."""
        return ((i, read_image(self._files[i], self._bits)) for i in range(first, last + 1))

    def close(self) -> None:
        """Do nothing, since no file is held open."""
