"""Sound is copied into written videos in step with their frames."""

from __future__ import annotations

import logging
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from sampt.video.reader import Video
from sampt.video.sound import Sound
from sampt.video.writer import VideoWriter

from .numbered import HEIGHT, WIDTH, number_of, numbered

FRAMES = 60
RATE = 48_000
CONTAINERS = {
    "AAC in MP4": ("clip.mp4", "aac", "aac"),
    "AAC in a stream that starts late": ("clip.ts", "aac", "aac"),
    "MP3": ("clip.mkv", "libmp3lame", "mp3"),
    "Opus": ("clip.mkv", "libopus", "opus"),
    "FLAC": ("clip.mkv", "flac", "flac"),
    "AC-3": ("clip.mkv", "ac3", "ac3"),
    "PCM, which becomes AAC": ("clip.mov", "pcm_s16le", "aac"),
}


def noise() -> NDArray[np.float32]:
    """Sound in which every place is recognised: noise whose loudness rises and falls."""
    seconds = np.arange(RATE * FRAMES // 25) / RATE
    hiss = np.convolve(np.random.default_rng(0).normal(size=len(seconds)), np.ones(12) / 12, "same")
    return (hiss * (0.2 + 0.15 * np.sin(9 * seconds))).astype(np.float32)


def film(path: Path, codec: str, times: list[float] | None = None) -> Path:
    """Numbered frames, 25 per second or at ``times``, with ``noise``."""
    with av.open(str(path), "w") as file:
        video = file.add_stream("libx264", rate=25)
        video.height, video.width, video.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        video.codec_context.time_base = Fraction(1, 90_000)
        audio = file.add_stream(codec, rate=RATE, layout="stereo")
        samples, each = noise(), RATE // 25
        for t in range(FRAMES):
            picture = av.VideoFrame.from_ndarray(numbered(t), format="rgb24")
            picture.pts = round((t / 25 if times is None else times[t]) * 90_000)
            picture.time_base = Fraction(1, 90_000)
            file.mux(video.encode(picture))
            part = np.stack([samples[t * each : (t + 1) * each]] * 2)
            sound = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            sound.rate, sound.pts, sound.time_base = RATE, t * each, Fraction(1, RATE)
            file.mux(audio.encode(sound))
        file.mux(video.encode(None))
        file.mux(audio.encode(None))
    return path


def heard(path: Path) -> tuple[str, float, NDArray[np.float32]]:
    """Codec, time of the first sample in seconds, and samples."""
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        resampler = av.AudioResampler("fltp", "mono", RATE)
        frames = []
        for packet in file.demux(stream):
            with suppress(av.InvalidDataError):  # a packet that was cut
                frames += [part for frame in packet.decode() for part in resampler.resample(frame)]
        name = stream.codec_context.codec.canonical_name
        samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
        return name, float(frames[0].pts * frames[0].time_base), samples


def lag(path: Path, start: float) -> float:
    """Seconds by which a file's sound comes late, if its first frame is ``start`` seconds into ``film``."""
    _, first, samples = heard(path)
    skip, length, margin = RATE // 4, RATE // 2, RATE // 20
    there = round((start + first + skip / RATE) * RATE)
    wanted, piece = noise()[there - margin : there + length + margin], samples[skip : skip + length]
    return (int(np.correlate(wanted, piece, "valid").argmax()) - margin) / -RATE


@pytest.mark.parametrize("start", [0, 17])
@pytest.mark.parametrize(("name", "codec", "kept"), CONTAINERS.values(), ids=CONTAINERS)
def test_sound_is_in_step(name: str, codec: str, kept: str, start: int, tmp_path: Path) -> None:
    with Video(film(tmp_path / name, codec)) as video:
        sound = Sound(video.path, float(video.timestamps[start]))
        with VideoWriter(tmp_path / "out.mp4", video.fps, video.size, sound=sound) as writer:
            for t in range(start, start + 30):
                writer.write(video[t], float(video.timestamps[t]))
    assert heard(tmp_path / "out.mp4")[0] == kept
    assert abs(lag(tmp_path / "out.mp4", start / 25)) < 0.002
    with Video(tmp_path / "out.mp4") as out:
        assert [number_of(out[t]) for t in (0, 29)] == [start, start + 29]


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(audio=0) if packet.size]


def test_packets_are_not_encoded_again(tmp_path: Path) -> None:
    source = film(tmp_path / "clip.mp4", "aac")
    with VideoWriter(tmp_path / "out.mp4", 25, (HEIGHT, WIDTH), sound=Sound(source)) as writer:
        for t in range(FRAMES):
            writer.write(numbered(t))
    before, after = packets(source), packets(tmp_path / "out.mp4")
    assert after == before[: len(after)]
    assert len(before) - len(after) <= 2


def test_sound_ends_with_the_frames(tmp_path: Path) -> None:
    source = film(tmp_path / "clip.mp4", "aac")
    with VideoWriter(tmp_path / "out.mp4", 25, (HEIGHT, WIDTH), sound=Sound(source)) as writer:
        for t in range(20):
            writer.write(numbered(t))
    assert len(heard(tmp_path / "out.mp4")[2]) / RATE == pytest.approx(20 / 25, abs=0.05)


def test_frames_at_irregular_times_keep_their_sound(tmp_path: Path) -> None:
    times = np.cumsum(np.random.default_rng(1).uniform(0.01, 0.07, FRAMES)).tolist()
    with Video(film(tmp_path / "clip.mp4", "aac", times)) as video:
        sound = Sound(video.path, float(video.timestamps[5]))
        with VideoWriter(tmp_path / "out.mp4", video.fps, video.size, sound=sound) as writer:
            for t in range(5, 50):
                writer.write(video[t], float(video.timestamps[t]))
        with Video(tmp_path / "out.mp4") as out:
            np.testing.assert_allclose(
                out.timestamps, video.timestamps[5:50] - video.timestamps[5], atol=1e-4
            )
    assert abs(lag(tmp_path / "out.mp4", times[5])) < 0.002


def test_a_file_without_sound_has_none(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "silent.mp4", 25, (HEIGHT, WIDTH)) as writer:
        writer.write(numbered(1))
    assert not Sound(tmp_path / "silent.mp4").exists
    assert not Sound(tmp_path / "missing.mp4").exists
    assert Sound(film(tmp_path / "clip.mp4", "aac")).exists


def test_sound_that_cannot_be_read_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "text.mp4").write_text("no video at all")
    with (
        caplog.at_level(logging.WARNING, "sampt.video"),
        VideoWriter(tmp_path / "out.mp4", 25, (HEIGHT, WIDTH), sound=Sound(tmp_path / "text.mp4")) as writer,
    ):
        writer.write(numbered(1))
    assert "has no sound" in caplog.text
    with Video(tmp_path / "out.mp4") as out:
        assert len(out) == 1


def test_sound_of_a_file_that_is_cut_short_ends_early(tmp_path: Path) -> None:
    source = film(tmp_path / "clip.ts", "aac")
    content = source.read_bytes()
    source.write_bytes(content[: len(content) // 2])
    with VideoWriter(tmp_path / "out.mp4", 25, (HEIGHT, WIDTH), sound=Sound(source)) as writer:
        for t in range(FRAMES):
            writer.write(numbered(t))
    with Video(tmp_path / "out.mp4") as out:
        assert len(out) == FRAMES
    assert 0.3 < len(heard(tmp_path / "out.mp4")[2]) / RATE < 2
