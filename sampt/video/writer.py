"""Writer of video files: H.264 that plays in a browser, and formats with transparency."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sampt.errors import OutputError

from .sound import Sound, SoundCopier

_log = logging.getLogger("sampt.video")

_TICKS = 90_000  # a second; the usual frame rates come out whole
_BT709 = 1  # the number that stands for BT.709 in a stream's colour tags
_LIMITED_RANGE = 1


@dataclass(frozen=True)
class _Codec:
    """An encoder of FFmpeg, its format of pixels, and its options."""

    name: str
    pixels: str
    options: Mapping[str, str]


# x264's macroblock tree makes the bytes depend on what memory happened to hold before.
_H264 = _Codec("libx264", "yuv420p", {"preset": "veryfast", "crf": "20", "x264-params": "mbtree=0"})
_TRANSPARENT = {
    # Editors expect Apple's mark as the vendor.
    ".mov": _Codec("prores_ks", "yuva444p10le", {"profile": "4444", "alpha_bits": "8", "vendor": "apl0"}),
    # libvpx refuses alternate reference frames together with transparency.
    ".webm": _Codec(
        "libvpx-vp9",
        "yuva420p",
        {"crf": "24", "b": "0", "auto-alt-ref": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1"},
    ),
}
_INDEXED = {".mp4", ".m4v", ".mov"}
TRANSPARENT_SUFFIXES = tuple(_TRANSPARENT)
"""Suffixes of files that can hold transparency: ProRes 4444, and VP9."""


class VideoWriter:
    """Writer that encodes RGB frames as they come; the file gets its name when it is complete.

    Until ``close``, everything goes to a hidden file next to ``path``. As a context manager, it closes at the
    end of the block, or, after an exception, removes what was written; to keep the frames written so far (for
    example after Ctrl-C), call ``close`` first. Without any frame, no file is written.

    Args:
        path: the file, usually .mp4; an existing one is replaced. With transparency, .mov (ProRes 4444) or
            .webm (VP9).
        fps: frames per second, for frames without a time stamp.
        size: (height, width) of the frames in pixels. Odd sizes grow by repeating the last row or column,
            as H.264 needs even ones; with transparency, sizes are kept.
        pixel_aspect: a pixel's width by its height, as it is to be shown.
        sound: sound to copy into the file, as long as the frames last. If it cannot be read, the file has
            none, and the logger ``sampt.video`` gives a warning.
        alpha: whether frames are RGBA, with straight (not premultiplied) transparency.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        fps: float,
        size: tuple[int, int],
        pixel_aspect: Fraction = Fraction(1),
        *,
        sound: Sound | None = None,
        alpha: bool = False,
    ) -> None:
        if not fps > 0 or min(size) < 1:
            raise ValueError(f"a video needs fps above 0 and a size of at least 1x1, not {fps} and {size}")
        self.path = Path(path)
        self._size = int(size[0]), int(size[1])
        self._partial = self.path.with_name(f".{self.path.stem}.{uuid.uuid4().hex[:8]}{self.path.suffix}")
        self._step = _TICKS / fps
        self._origin: float | None = None
        self._last: float | None = None
        self._done = False
        self._alpha = alpha
        self._sound: SoundCopier | None = None
        self._stream: VideoStream
        try:
            self._partial.touch()  # tells a folder that cannot be written from a format that is unknown
            codec = _TRANSPARENT[self.path.suffix.lower()] if alpha else _H264
            # The index goes to the front, so that a file plays while it is being downloaded.
            options = {"movflags": "faststart"} if self.path.suffix.lower() in _INDEXED else {}
            self._container = av.open(f"file:{self._partial}", "w", options=options)
            self._stream = self._container.add_stream(  # type: ignore[assignment]
                codec.name, rate=Fraction(fps).limit_denominator(1001), options=dict(codec.options)
            )
        except (av.FFmpegError, OSError, ValueError, KeyError) as error:
            with suppress(OSError):
                self._partial.unlink()
            raise self._failure(error) from error
        self._grid = 1 if alpha else 2
        self._stream.height, self._stream.width = (side + side % self._grid for side in self._size)
        self._stream.pix_fmt = self._pixels = codec.pixels
        context = self._stream.codec_context
        context.time_base = Fraction(1, _TICKS)
        context.sample_aspect_ratio = pixel_aspect
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE
        if sound:
            self._add(sound)

    def _add(self, sound: Sound) -> None:
        try:
            self._sound = SoundCopier(sound, self._container)
        except (av.FFmpegError, OSError, ValueError) as error:
            _log.warning("%s has no sound: that of %s cannot be read (%s)", self.path, sound.path, error)

    def __repr__(self) -> str:
        return f"<VideoWriter {self.path}>"

    def write(self, frame: NDArray[np.uint8], timestamp: float | None = None) -> None:
        """Append one frame.

        Args:
            frame: (H, W, 3) uint8 RGB, or (H, W, 4) uint8 RGBA with ``alpha``.
            timestamp: seconds; that of the first frame is the start of the video. Without it, the frame comes
                one frame interval after the previous one. A frame that would not be later than the previous
                one comes 1/90,000 s after it.

        Raises:
            ValueError: the frame has another size or dtype.
            OutputError: the file cannot be written.
        """
        expected = (*self._size, 4 if self._alpha else 3)
        if frame.shape != expected or frame.dtype != np.uint8:
            raise ValueError(f"frames of {self.path} are uint8 {expected}, not {frame.dtype} {frame.shape}")
        if self._done:
            raise ValueError(f"{self.path} is closed; make a new VideoWriter")
        ticks = self._ticks(timestamp)
        rows, columns = (side % self._grid for side in self._size)
        even = np.pad(frame, [(0, rows), (0, columns), (0, 0)], mode="edge")
        picture = _aligned(even).reformat(format=self._pixels, dst_colorspace=Colorspace.ITU709)
        picture.pts, picture.time_base = round(ticks), Fraction(1, _TICKS)
        try:
            # Without a line of Python between the two, where a signal would lose what is already encoded.
            if self._last is None:
                self._container.start_encoding()
            for _ in map(self._container.mux, map(self._stream.encode, [picture])):
                pass
            if self._sound:
                self._sound.until(ticks / _TICKS)
        except (av.FFmpegError, OSError) as error:
            self.discard()
            raise self._failure(error) from error
        self._last = ticks

    def _ticks(self, timestamp: float | None) -> float:
        if self._last is None:
            self._origin = timestamp
            return 0.0
        if timestamp is None:
            return self._last + self._step
        return max((timestamp - (self._origin or 0.0)) * _TICKS, round(self._last) + 1.0)

    def close(self) -> None:
        """Finish the file and give it its name. Closing twice is harmless.

        Raises:
            OutputError: the file cannot be written.
        """
        if self._done:
            return
        if self._last is None:
            self.discard()
            return
        try:
            self._container.mux(self._stream.encode(None))
            if self._sound:
                self._sound.until((self._last + self._step) / _TICKS)
                self._sound.close()
            self._container.close()
            self._partial.replace(self.path)
        except (av.FFmpegError, OSError) as error:
            self.discard()
            raise self._failure(error) from error
        self._done = True

    def discard(self) -> None:
        """Remove what was written, unless it has been closed already."""
        if self._done:
            return
        self._done = True
        if self._sound:
            self._sound.close()
        with suppress(av.FFmpegError, OSError):  # the file is being thrown away
            self._container.close()
        self._partial.unlink(missing_ok=True)

    def _failure(self, error: Exception) -> OutputError:
        reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        suffixes = " or ".join(_TRANSPARENT) if self._alpha else ".mp4"
        return OutputError(
            f"{self.path} cannot be written{reason}; choose a folder that exists, can be written and has "
            f"space left, and a name that ends in {suffixes}"
        )

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def _aligned(frame: NDArray[np.uint8]) -> av.VideoFrame:
    """A copy in memory that FFmpeg aligns: on NumPy's, its conversion may differ in the last bit."""
    height, width, channels = frame.shape
    copy = av.VideoFrame(width, height, "rgba" if channels == 4 else "rgb24")
    rows = np.frombuffer(copy.planes[0], np.uint8).reshape(height, -1)
    rows[:, : channels * width] = frame.reshape(height, -1)
    return copy
