"""Writer of H.264 files that play in a browser."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from sampt.errors import OutputError

_TICKS = 90_000  # a second; the usual frame rates come out whole
_BT709 = 1  # the number that stands for BT.709 in a stream's colour tags
_LIMITED_RANGE = 1


class VideoWriter:
    """Writer that encodes RGB frames as they come; the file gets its name when it is complete.

    Until ``close``, everything goes to a hidden file next to ``path``. As a context manager, it closes at the
    end of the block, or, after an exception, removes what was written; to keep the frames written so far (for
    example after Ctrl-C), call ``close`` first. Without any frame, no file is written.

    Args:
        path: the file, usually .mp4; an existing one is replaced.
        fps: frames per second, for frames without a time stamp.
        size: (height, width) of the frames in pixels. Odd sizes grow by repeating the last row or column,
            as H.264 needs even ones.
        pixel_aspect: a pixel's width by its height, as it is to be shown.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        fps: float,
        size: tuple[int, int],
        pixel_aspect: Fraction = Fraction(1),
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
        try:
            self._partial.touch()  # tells a folder that cannot be written from a format that is unknown
            self._container = av.open(f"file:{self._partial}", "w", options={"movflags": "faststart"})
            self._stream = self._container.add_stream(
                "libx264",
                rate=Fraction(fps).limit_denominator(1001),
                # x264's macroblock tree makes the bytes depend on what memory happened to hold before.
                options={"preset": "veryfast", "crf": "20", "x264-params": "mbtree=0"},
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            with suppress(OSError):
                self._partial.unlink()
            raise self._failure() from error
        self._stream.height, self._stream.width = (side + side % 2 for side in self._size)
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.time_base = Fraction(1, _TICKS)
        context.sample_aspect_ratio = pixel_aspect
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE

    def __repr__(self) -> str:
        return f"<VideoWriter {self.path}>"

    def write(self, frame: NDArray[np.uint8], timestamp: float | None = None) -> None:
        """Append one frame.

        Args:
            frame: (H, W, 3) uint8 RGB.
            timestamp: seconds; that of the first frame is the start of the video. Without it, the frame comes
                one frame interval after the previous one. A frame that would not be later than the previous
                one comes 1/90,000 s after it.

        Raises:
            ValueError: the frame has another size or dtype.
            OutputError: the file cannot be written.
        """
        if frame.shape != (*self._size, 3) or frame.dtype != np.uint8:
            raise ValueError(
                f"frames of {self.path} are uint8 {(*self._size, 3)}, not {frame.dtype} {frame.shape}"
            )
        if self._done:
            raise ValueError(f"{self.path} is closed; make a new VideoWriter")
        ticks = self._ticks(timestamp)
        even = np.pad(frame, [(0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)], mode="edge")
        picture = _aligned(even).reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
        picture.pts, picture.time_base = round(ticks), Fraction(1, _TICKS)
        try:
            # Without a line of Python between the two, where a signal would lose what is already encoded.
            if self._last is None:
                self._container.start_encoding()
            for _ in map(self._container.mux, map(self._stream.encode, [picture])):
                pass
        except (av.FFmpegError, OSError) as error:
            self.discard()
            raise self._failure() from error
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
            self._container.close()
            self._partial.replace(self.path)
        except (av.FFmpegError, OSError) as error:
            self.discard()
            raise self._failure() from error
        self._done = True

    def discard(self) -> None:
        """Remove what was written, unless it has been closed already."""
        if self._done:
            return
        self._done = True
        with suppress(av.FFmpegError, OSError):  # the file is being thrown away
            self._container.close()
        self._partial.unlink(missing_ok=True)

    def _failure(self) -> OutputError:
        return OutputError(
            f"{self.path} cannot be written; choose a folder that exists, can be written and has space left, "
            f"and a name that ends in .mp4"
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
    height, width = frame.shape[:2]
    copy = av.VideoFrame(width, height, "rgb24")
    rows = np.frombuffer(copy.planes[0], np.uint8).reshape(height, -1)
    rows[:, : 3 * width] = frame.reshape(height, -1)
    return copy
