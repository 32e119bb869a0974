"""Reader of video files with exact frame access, through PyAV."""

from __future__ import annotations

import logging
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sampt.errors import VideoError

from .truncation import is_cut_short

_log = logging.getLogger("sampt.video")

# Number of frames up to which decoding and dropping beats jumping, which empties the decoder's pipeline.
_WORTH_A_JUMP = 16
_HAS_HIDDEN_FRAMES = {"vp8"}  # some of its packets update a reference picture and show nothing
_TRIED = 48
"""Number of frames whose order and time stamps are compared with those of the packets."""


@dataclass(frozen=True)
class _Index:
    """Index of the frames of a file, in the order in which they are shown.

    Attributes:
        pts: their time stamps in the stream's unit, or None if the file has no reliable ones.
        keys: sorted time stamps of the keyframes; empty if jumping is not possible.
        count: number of frames.
        damaged: whether something is broken or missing.
    """

    pts: list[int] | None
    keys: list[int]
    count: int
    damaged: bool


class FileReader:
    """Reader of a file's frames by number; ``position`` is the number of the frame to decode next."""

    position: int
    pixel_aspect: Fraction
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
        pts = index.pts
        if pts is not None:
            self._numbers = {value: number for number, value in enumerate(pts)}
        self._key_pts = index.keys
        self._key_numbers = [bisect_left(pts or [], key) for key in index.keys]
        self._turns = round(head.rotation / 90) % 4
        self._coded_size = head.height, head.width
        sideways = self._turns % 2 == 1
        self.size = (head.width, head.height) if sideways else (head.height, head.width)
        self.pixel_aspect = pixel_aspect(self._container, self._stream, sideways)
        self.timestamps, self.fps = self._times(pts, index.count)
        if index.damaged:
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
            self._decoder = self._numbered(after_jump=True)
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

    def _numbered(self, after_jump: bool = False) -> Iterator[tuple[int, VideoFrame]]:
        for count, frame in enumerate(_decode(self._container, self._stream, after_jump)):
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
    stream = best_stream(container)
    if stream is None or container.format.name == "tty":  # FFmpeg renders plain text as a terminal session
        container.close()
        raise VideoError(f"{path} holds no video; give a file with a video stream")
    return container, stream


def best_stream(container: InputContainer) -> VideoStream | None:
    """The stream that FFmpeg would choose; not a cover picture."""
    streams = _streams(container)
    best = container.streams.best("video")
    found: VideoStream | None = best if best in streams else next(iter(streams), None)
    return found


def _streams(container: InputContainer) -> list[VideoStream]:
    return [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]


def _described(stream: VideoStream) -> str:
    return f"{stream.index} ({stream.width}x{stream.height})"


def pixel_aspect(container: InputContainer, stream: VideoStream, sideways: bool) -> Fraction:
    """A pixel's width by its height, as shown: 1 for square pixels, and if it is unknown."""
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or Fraction(1)
    aspect = aspect if aspect > 0 else Fraction(1)
    return 1 / aspect if sideways else aspect


def _index(path: Path) -> _Index:
    """Index of the frames that can be decoded: from the packets' headers, or by decoding everything once.

    Headers are believed if the first frames and those of the last GOP come from the decoder with the same
    time stamps and in the same order.
    """
    container, stream = _open(path)
    with container:
        others = [f"{s.width}x{s.height}" for s in _streams(container) if s is not stream]
        if others:
            chosen = f"{stream.width}x{stream.height}"
            _log.warning(
                "%s has more video streams (%s); the one of %s is used", path, ", ".join(others), chosen
            )
        pts, keys, damaged = _read_packets(container, stream)
        damaged = damaged or is_cut_short(path)
    container, stream = _open(path)
    with container:
        pts = _without_unshown(container, stream, pts)
        tail = _tail(container, stream, pts, keys) if pts else []
    if tail:
        before = pts[: bisect_left(pts, tail[0])]
        missing = len(pts) - len(before) - len(tail)
        if not missing or damaged:
            return _Index(before + tail, keys, len(before) + len(tail), damaged)
    container, stream = _open(path)
    with container:
        return _index_by_decoding(container, stream, damaged)


def _without_unshown(container: InputContainer, stream: VideoStream, pts: list[int]) -> list[int]:
    """The packets' sorted time stamps from the first frame that is shown; none if frames contradict them.

    A recording that begins between two keyframes has packets that nothing can be decoded from.
    """
    broken: list[int | None] = []
    head = [frame.pts for frame in islice(_decode(container, stream, broken=broken), _TRIED)]
    if not pts or not head or head[0] is None:
        return []
    shown = pts[bisect_left(pts, head[0]) :]
    expected = [value for value in shown[: len(head) + len(broken)] if value not in broken]
    return shown if expected[: len(head)] == head else []


def _read_packets(container: InputContainer, stream: VideoStream) -> tuple[list[int], list[int], bool]:
    """Sorted time stamps of all frames and of the keyframes, and whether something is broken.

    Unless the packets give the time of every frame, there are no time stamps.
    """
    pts: list[int] = []
    keys: list[int] = []
    told, damaged = stream.codec_context.name not in _HAS_HIDDEN_FRAMES, False
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            if packet.is_corrupt:
                damaged = True
            elif packet.pts is None:
                told = False
            else:
                if packet.is_keyframe:
                    keys.append(packet.pts)
                if not packet.is_discard:
                    pts.append(packet.pts)
    except av.FFmpegError:
        damaged = True
    in_order = sorted(pts)
    told = told and len(set(pts)) == len(pts)
    told = told and (bool(stream.codec_context.has_b_frames) or pts == in_order)
    return (in_order, sorted(keys), damaged) if told else ([], [], damaged)


def _tail(container: InputContainer, stream: VideoStream, pts: list[int], keys: list[int]) -> list[int]:
    """Time stamps of the frames that can be decoded from the last usable keyframe; none if out of order."""
    known = set(pts)
    for key in reversed(keys):
        if not _seek(container, stream, key):
            break
        decoded = _decode(container, stream, after_jump=True)
        tail = [f.pts for f in decoded if f.pts is not None and f.pts in known]
        if tail:
            return tail if tail == sorted(set(tail)) else []
    return []


def _index_by_decoding(container: InputContainer, stream: VideoStream, damaged: bool) -> _Index:
    """Index of a stream whose packets cannot be trusted, by decoding everything once."""
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


def _decode(
    container: InputContainer,
    stream: VideoStream,
    after_jump: bool = False,
    broken: list[int | None] | None = None,
) -> Iterator[VideoFrame]:
    """Frames that can be decoded, from the container's position on, in the order in which they are shown.

    Args:
        after_jump: whether the decoder has not seen what comes before. It then starts at a keyframe, and
            frames that are shown before this one are left out, as they need pictures from before the jump.
        broken: gets the time stamps of packets that cannot be decoded.
    """
    start: int | None = None
    waiting = after_jump
    try:
        for packet in container.demux(stream):
            if packet.is_corrupt or (waiting and not packet.is_keyframe):
                continue
            start, waiting = packet.pts if waiting else start, False
            try:
                frames = packet.decode()
            except (av.InvalidDataError, EOFError):
                if packet.size and broken is not None:
                    broken.append(packet.pts)
                continue
            yield from (f for f in frames if start is None or f.pts is None or f.pts >= start)
    except av.FFmpegError:
        return
