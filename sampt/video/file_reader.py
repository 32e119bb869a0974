"""Reader of video files with exact frame access, through PyAV."""

from __future__ import annotations

import logging
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sampt.errors import VideoError

_log = logging.getLogger("sampt.video")

# Number of frames up to which decoding and dropping beats jumping, which empties the decoder's pipeline.
_WORTH_A_JUMP = 16
_HAS_HIDDEN_FRAMES = {"vp8"}  # some of its packets update a reference picture and show nothing


@dataclass(frozen=True)
class _Index:
    """Index of the frames of a file, in the order in which they are shown.

    Attributes:
        pts: their time stamps in the stream's unit, or None if the file has no reliable ones.
        keys: sorted time stamps of the keyframes; empty if jumping is not possible.
        count: number of frames.
        damaged: whether the file promises more frames than it has.
    """

    pts: list[int] | None
    keys: list[int]
    count: int
    damaged: bool


class FileReader:
    """Reader of a file's frames by number; ``position`` is the number of the frame to decode next."""

    position: int
    _decoder: Iterator[tuple[int, VideoFrame]]
    _ahead: tuple[int, VideoFrame] | None
    _shown: VideoFrame | None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._warned = False
        self._numbers: dict[int, int] | None = None
        index = _index(path)
        # Frame threads may lose the last frames of a damaged stream, so such files are read without.
        self._threads = "SLICE" if index.damaged else "AUTO"
        self._open()
        head = next(_decode(self._container, self._stream), None)
        if head is None:
            self.close()
            raise VideoError(f"no frame of {self._path} can be decoded; convert it to H.264, or get it again")
        pts, count, damaged = index.pts, index.count, index.damaged
        if pts is not None and head.pts is not None and head.pts > pts[0]:
            pts, damaged = pts[bisect_left(pts, head.pts) :], True
            count = len(pts)
        if pts is not None:
            self._numbers = {value: number for number, value in enumerate(pts)}
        self._key_pts = index.keys
        self._key_numbers = [bisect_left(pts or [], key) for key in index.keys]
        self._turns = round(head.rotation / 90) % 4
        self._coded_size = head.height, head.width
        sideways = self._turns % 2 == 1
        self.size = (head.width, head.height) if sideways else (head.height, head.width)
        self.timestamps, self.fps = self._times(pts, count)
        if damaged:
            self._warn()
        self._rewind()
        self.jumps = 0

    def _times(self, pts: list[int] | None, count: int) -> tuple[NDArray[np.float64], float]:
        nominal = float(self._stream.average_rate or self._stream.guessed_rate or 25)
        if pts is None or count < 2:
            return np.arange(count) / nominal, nominal
        seconds = (np.array(pts) - pts[0]) * float(self._stream.time_base or 1)
        measured = (count - 1) / float(seconds[-1])
        # Containers round time stamps (Matroska to milliseconds), the nominal rate is exact where it applies.
        return seconds, nominal if abs(nominal / measured - 1) < 0.005 else measured

    def read(self, first: int, last: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Frames ``first`` to ``last`` inclusive, with their numbers."""
        nearest = bisect_right(self._key_numbers, first) - 1
        key = self._key_numbers[nearest] if nearest >= 0 else 0
        if first < self.position or key - self.position > _WORTH_A_JUMP:
            self._jump(first)
        while self.position <= last:
            number, frame = self.position, self._next()
            if number >= first:
                yield number, self._rgb(frame)

    def _next(self) -> VideoFrame:
        """The frame at ``position``, which then advances; a missing frame repeats its predecessor."""
        if self._ahead is None or self._ahead[0] < self.position:
            self._ahead = next(self._decoder, None)
        if self._ahead is not None and (self._ahead[0] == self.position or self._shown is None):
            self._shown = self._ahead[1]
        else:
            self._warn()
        if self._shown is None:
            raise VideoError(f"{self._path} can no longer be decoded; check that the file has not changed")
        self.position += 1
        return self._shown

    def _jump(self, number: int) -> None:
        """Seek to a place at or before frame ``number`` from which decoding gives exact frames."""
        self.jumps += 1
        for k in reversed(range(bisect_right(self._key_numbers, number))):
            if self._key_numbers[k] == 0 or not _seek(self._container, self._stream, self._key_pts[k]):
                break
            self._decoder = self._numbered()
            self._ahead = next(self._decoder, None)
            # Demuxers that go by decoding time may land late, and the keyframe itself may be broken.
            if self._ahead is not None and self._ahead[0] <= number:
                self.position, self._shown = self._ahead[0], None
                return
        self._rewind()

    def _rewind(self) -> None:
        self.close()
        self._open()

    def _open(self) -> None:
        self._container, self._stream = _open(self._path)
        self._stream.thread_type = self._threads
        self.position = 0
        self._decoder = self._numbered()
        self._ahead = self._shown = None

    def _numbered(self) -> Iterator[tuple[int, VideoFrame]]:
        for count, frame in enumerate(_decode(self._container, self._stream)):
            number = count if self._numbers is None else self._numbers.get(frame.pts, -1)  # type: ignore[arg-type]
            if number >= 0:
                yield number, frame

    def _rgb(self, frame: VideoFrame) -> NDArray[np.uint8]:
        height, width = self._coded_size
        image = frame.to_ndarray(format="rgb24", height=height, width=width)
        return np.ascontiguousarray(np.rot90(image, self._turns), np.uint8)

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            _log.warning(
                "%s is damaged or cut short: %d frames are left, and a broken one repeats the one before it",
                self._path,
                len(self.timestamps),
            )

    def close(self) -> None:
        """Close the file."""
        self._container.close()


def _open(path: Path) -> tuple[InputContainer, VideoStream]:
    if path.stat().st_size == 0:
        raise VideoError(f"{path} is empty (0 bytes); get the file again")
    try:
        # The prefix keeps a colon in a name from being read as a protocol.
        container = av.open(f"file:{path}")
    except PermissionError as error:
        raise VideoError(
            f"{path} cannot be read because of its permissions; ask for permission to read it"
        ) from error
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"{path} is not a video, or its header is missing; give a complete file") from error
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams or container.format.name == "tty":  # FFmpeg renders plain text as a terminal session
        container.close()
        raise VideoError(f"{path} holds no video; give a file with a video stream")
    return container, streams[0]


def _index(path: Path) -> _Index:
    """Index of the frames that can be decoded, from the packets' headers and by decoding the last GOP."""
    container, stream = _open(path)
    with container:
        pts, keys, damaged = _read_packets(container, stream)
        tail = _tail(container, stream, pts, keys)
        if tail:
            found = pts[: bisect_left(pts, tail[0])] + tail
            return _Index(found, keys, len(found), damaged or len(found) < len(pts))
    container, stream = _open(path)
    with container:
        return _index_by_decoding(container, stream, damaged)


def _read_packets(container: InputContainer, stream: VideoStream) -> tuple[list[int], list[int], bool]:
    """Sorted time stamps of all frames and of the keyframes, and whether something is broken or missing.

    Unless the packets give the time of every frame, there are no time stamps.
    """
    pts: list[int] = []
    keys: list[int] = []
    packets, end, told, damaged = 0, 0, stream.codec_context.name not in _HAS_HIDDEN_FRAMES, False
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            packets += 1
            if packet.is_corrupt:
                damaged = True
            elif packet.pts is None:
                told = False
            else:
                end = max(end, packet.pts + (packet.duration or 0))
                if packet.is_keyframe:
                    keys.append(packet.pts)
                if not packet.is_discard:
                    pts.append(packet.pts)
    except av.FFmpegError:
        damaged = True
    damaged = damaged or stream.frames > packets or _promised(stream) > end
    if not told or len(set(pts)) < len(pts):
        return [], [], damaged
    return sorted(pts), sorted(keys), damaged


def _promised(stream: VideoStream) -> float:
    """End of the stream by its own header, in its unit, if the container states it (as Matroska does)."""
    told = str(stream.metadata.get("DURATION", ""))
    parts = told.split(":")
    if len(parts) != 3 or not stream.time_base or not stream.average_rate:
        return 0.0
    hours, minutes, seconds = map(float, parts)
    # The last frame may lack a duration.
    return (hours * 3600 + minutes * 60 + seconds - 1.5 / float(stream.average_rate)) / float(
        stream.time_base
    )


def _tail(container: InputContainer, stream: VideoStream, pts: list[int], keys: list[int]) -> list[int]:
    """Time stamps of the frames that can be decoded from the last usable keyframe."""
    known = set(pts)
    for key in reversed(keys):
        if not _seek(container, stream, key):
            break
        tail = sorted(f.pts for f in _decode(container, stream) if f.pts is not None and f.pts in known)
        if tail:
            return tail
    return []


def _index_by_decoding(container: InputContainer, stream: VideoStream, damaged: bool) -> _Index:
    """Index of a stream whose packets lack time stamps, by decoding everything once."""
    shown = [(frame.pts, frame.key_frame) for frame in _decode(container, stream)]
    pts = [value for value, _ in shown if value is not None]
    if len(pts) < len(shown) or any(b <= a for a, b in pairwise(pts)):
        return _Index(None, [], len(shown), damaged)
    return _Index(pts, [value for value, key in shown if key and value is not None], len(pts), damaged)


def _seek(container: InputContainer, stream: VideoStream, pts: int) -> bool:
    try:
        container.seek(pts, stream=stream)
    except av.FFmpegError:
        return False
    return True


def _decode(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Frames that can be decoded, from the container's position on, in the order in which they are shown."""
    start: int | None = None
    try:
        for packet in container.demux(stream):
            if packet.is_corrupt:
                continue
            start = packet.pts if start is None else start
            try:
                frames = packet.decode()
            except (av.InvalidDataError, EOFError):
                continue
            # Frames that are shown before the keyframe need pictures from before the jump.
            yield from (f for f in frames if start is None or f.pts is None or f.pts >= start)
    except av.FFmpegError:
        return
