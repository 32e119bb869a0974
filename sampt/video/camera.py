"""Cameras and network streams: frames that arrive one at a time, through PyAV."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from sampt._internal.closing import Closing
from sampt._internal.names import plural
from sampt.errors import VideoError

from .file_reader import best_stream, pixel_aspect
from .frames import ImageStream

_ADDRESS = re.compile(r"(https?|rtsps?|rtmps?|udp|tcp|srt)://.+", re.IGNORECASE)
_PATIENCE = 10.0
"""Seconds without data after which a stream counts as lost."""
_LONGEST_GAP = 10.0
"""Seconds between two time stamps above which the sender's clock must have been reset."""
_REMEMBERED = 256
"""Number of past frames whose time is remembered; more than frames are kept."""


def is_live(path: str) -> bool:
    """Whether a path means a camera (its number) or the address of a stream, and not a file of that name."""
    number = path.isascii() and path.isdecimal()
    return _ADDRESS.fullmatch(path) is not None or (number and not Path(path).exists())


class Camera(ImageStream, Closing):
    """Source of frames from a camera or a network stream, whose number is not known.

    Frames are read one after the other when they are asked for, and only the latest are kept; ``has`` waits
    for a frame. No frame is left out by this class, so a stream that is read too slowly falls behind.

    Args:
        address: number of a camera, counted from 0, or an address such as ``rtsp://…`` or ``http://…``.

    Attributes:
        name: the address without user and password, for messages.
        size: (height, width) in pixels, after rotation.
        fps: nominal frame rate.
        pixel_aspect: a pixel's width by its height, as shown.
        timestamps: seconds since the first frame, for the numbers of the latest frames.

    Raises:
        VideoError: there is no such camera or stream, or, later, it is lost.
    """

    def __init__(self, address: str) -> None:
        self.name = f"camera {address}" if address.isdecimal() else re.sub(r"//[^/@]*@", "//", address)
        self._container = _opened_camera(int(address)) if address.isdecimal() else self._opened(address)
        stream = best_stream(self._container)
        if stream is None:
            self.close()
            raise VideoError(f"{self.name} holds no video; give an address with a video stream")
        self._stream = stream
        self.fps = float(stream.average_rate or stream.guessed_rate or 25)
        self.timestamps: dict[int, float] = {}
        self._turns, self._coded = 0, (0, 0)
        super().__init__(self._frames())
        if not self.has(0):
            self.close()
            raise VideoError(f"{self.name} ended before its first frame; check that it sends video")
        height, width = self[0].shape[:2]
        self.size: tuple[int, int] = (height, width)
        self.pixel_aspect: Fraction = pixel_aspect(self._container, stream, self._turns % 2 == 1)

    def __repr__(self) -> str:
        return f"<Camera {self.name}: {self.size[1]}×{self.size[0]}, {self.count} frames so far>"

    def _opened(self, address: str) -> InputContainer:
        options = {"rtsp_transport": "tcp"} if address.lower().startswith("rtsp") else {}
        try:
            return av.open(address, timeout=(_PATIENCE, _PATIENCE), options=options)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise VideoError(
                f"{self.name} cannot be opened ({_reason(error)}); check the address, and that it sends video"
            ) from error

    def _frames(self) -> Iterator[NDArray[np.uint8]]:
        for frame in self._decoded():
            if not self.count:
                self._turns, self._coded = round(frame.rotation / 90) % 4, (frame.height, frame.width)
            height, width = self._coded
            image = frame.to_ndarray(format="rgb24", height=height, width=width)
            self.timestamps[self.count] = self._time(frame)
            self.timestamps.pop(self.count - _REMEMBERED, None)
            yield np.ascontiguousarray(np.rot90(image, self._turns), np.uint8)

    def _time(self, frame: VideoFrame) -> float:
        """Seconds since the first frame, later than those of the previous one."""
        before = self.timestamps.get(self.count - 1)
        told = frame.time
        if before is None:
            self._offset = told or 0.0
            return 0.0
        since = before if told is None else told - self._offset
        if not before < since <= before + _LONGEST_GAP:
            since = before + 1 / self.fps
            self._offset = self._offset if told is None else told - since
        return since

    def _decoded(self) -> Iterator[VideoFrame]:
        try:
            for packet in self._container.demux(self._stream):
                if packet.is_corrupt:
                    continue
                try:
                    frames = packet.decode()
                except (av.InvalidDataError, EOFError):  # what follows may be whole again
                    continue
                yield from frames
        except (av.FFmpegError, OSError) as error:
            raise VideoError(
                f"{self.name} was lost after {plural(self.count, 'frame')} ({_reason(error)}); what was made "
                "until then is kept"
            ) from error

    def close(self) -> None:
        """Let go of the camera or the connection. Closing twice is harmless."""
        self._container.close()


def _opened_camera(number: int) -> InputContainer:
    kind = {"darwin": "avfoundation", "win32": "dshow"}.get(sys.platform, "v4l2")
    path, options = f"/dev/video{number}", {}
    try:
        if kind == "avfoundation":
            path, options = f"{number}:none", {"framerate": "30"}  # its own default is refused by most
        if kind == "dshow":
            path = f"video={av.enumerate_input_devices(kind)[number].name}"
        return av.open(path, format=kind, timeout=(_PATIENCE, _PATIENCE), options=options)
    except IndexError as error:
        raise _no_camera(number, "there is no such camera") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _no_camera(number, _reason(error)) from error


def _no_camera(number: int, reason: str) -> VideoError:
    return VideoError(
        f"camera {number} cannot be opened ({reason}); connect it, close other programs that use it, or give "
        "a file or the address of a stream"
    )


def _reason(error: Exception) -> str:
    """What FFmpeg says, without the address, which may hold a password."""
    if isinstance(error, av.error.ExitError):
        return f"no data for {_PATIENCE:g} seconds"
    return getattr(error, "strerror", None) or type(error).__name__
