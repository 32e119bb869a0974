"""Sound of a video file, copied into another file as its frames are written."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

_log = logging.getLogger("sampt.video")

_Packet: TypeAlias = "Packet[AudioStream]"
_COPIED = {"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"}
"""Codecs that players expect in an MP4 file; others become AAC."""
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)


@dataclass(frozen=True)
class Sound:
    """Sound of a video file, from ``start`` seconds after its first frame."""

    path: Path
    start: float = 0.0

    @property
    def exists(self) -> bool:
        """Whether the file has sound that can be decoded."""
        try:
            with av.open(f"file:{self.path}") as container:
                return _stream(container) is not None
        except (av.FFmpegError, OSError):
            return False


class SoundCopier:
    """Copier of sound into a file that is being written: packets unchanged if MP4 can hold them, else AAC.

    Args:
        sound: where the sound comes from.
        output: the file, before its header is written.

    Raises:
        av.FFmpegError, OSError: the sound's file cannot be read.
        ValueError: it has no sound.
    """

    def __init__(self, sound: Sound, output: OutputContainer) -> None:
        self._path, self._output = sound.path, output
        begin = _first_frame(sound.path) + Fraction(sound.start)
        self._container = av.open(f"file:{sound.path}")
        source = _stream(self._container)
        if source is None:
            self._container.close()
            raise ValueError(f"{sound.path} has no sound")
        if sound.start:
            self._seek(source, begin)
        if _coded(source) in _COPIED:
            self._stream: AudioStream = output.add_stream_from_template(source)
            self._packets = _copied(self._container, source, self._stream, begin)
        else:
            rate = min(_AAC_RATES, key=lambda known: abs(known - source.rate))
            layout = source.layout.name if source.layout.nb_channels <= 2 else "stereo"
            self._stream = output.add_stream("aac", rate=rate, layout=layout)
            self._packets = _encoded(self._container, source, self._stream, begin)
        self._ahead: _Packet | None = None

    def _seek(self, stream: AudioStream, begin: Fraction) -> None:
        try:
            self._container.seek(int(begin / (stream.time_base or 1)), stream=stream)
        except av.FFmpegError:  # it is read from the beginning instead
            self._container.seek(0)

    def until(self, seconds: float) -> None:
        """Copy the sound that starts before ``seconds`` of the new file."""
        while (packet := self._next()) is not None:
            if packet.pts is not None and packet.pts * packet.time_base >= seconds:
                self._ahead = packet
                return
            self._output.mux(packet)

    def _next(self) -> _Packet | None:
        if self._ahead is not None:
            packet, self._ahead = self._ahead, None
            return packet
        try:
            return next(self._packets, None)
        except av.FFmpegError:
            _log.warning("%s is damaged: its sound ends early in the files that are written", self._path)
            self._packets = iter(())
            return None

    def close(self) -> None:
        """Close the sound's file."""
        self._container.close()


def _stream(container: InputContainer) -> AudioStream | None:
    """The stream of sound that FFmpeg would choose, if it can be decoded."""
    best = container.streams.best("audio")
    return best if isinstance(best, AudioStream) and best.codec_context is not None else None


def _coded(stream: AudioStream) -> str:
    """Name of the codec, whichever decoder is used: "mp3float" decodes "mp3"."""
    return str(stream.codec_context.codec.canonical_name)


def _first_frame(path: Path) -> Fraction:
    """Time stamp of the first frame in the file's own time, which need not start at 0, in seconds."""
    with av.open(f"file:{path}") as container:
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream):
            return Fraction(0)
        for packet in container.demux(stream):
            try:
                times = [frame.pts for frame in packet.decode() if frame.pts is not None]
            except av.InvalidDataError:  # before the first keyframe
                continue
            if times:
                return times[0] * (stream.time_base or Fraction(0))
    return Fraction(0)


def _copied(
    container: InputContainer, source: AudioStream, target: AudioStream, begin: Fraction
) -> Iterator[_Packet]:
    """The packets from ``begin`` on, at new times.

    The one before them comes first, since decoders need it; MP4 says that it is not played.
    """
    unit = source.time_base or Fraction(1)
    shift = round(begin / unit)
    for packet in container.demux(source):
        if packet.dts is None or packet.is_corrupt:
            continue
        pts = packet.dts if packet.pts is None else packet.pts
        if pts + 2 * (packet.duration or 0) <= shift:
            continue
        packet.pts, packet.dts = pts - shift, packet.dts - shift
        packet.stream = target
        yield packet


def _encoded(
    container: InputContainer, source: AudioStream, target: AudioStream, begin: Fraction
) -> Iterator[_Packet]:
    """AAC packets of the sound from ``begin`` on."""
    for packet in container.demux(source):
        for frame in _decoded(packet):
            unit = frame.time_base or Fraction(1)
            if frame.pts is None or frame.pts * unit < begin:
                continue
            frame.pts -= round(begin / unit)
            yield from target.encode(frame)
    yield from target.encode(None)


def _decoded(packet: _Packet) -> list[AudioFrame]:
    try:
        return packet.decode()
    except av.InvalidDataError:
        return []
