"""In every container, codec and use of B-frames, the frames are those of FFmpeg's own decoder."""

from __future__ import annotations

import os
import random
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from sampt.video.reader import Video
from tests.sampt.video.numbered import HEIGHT, WIDTH, number_of, numbered

FRAMES = 30

PIXELS = {
    "libx264": "yuv420p",
    "libx265": "yuv420p",
    "mpeg4": "yuv420p",
    "mpeg2video": "yuv420p",
    "libvpx": "yuv420p",
    "libvpx-vp9": "yuv420p",
    "libsvtav1": "yuv420p",
    "mjpeg": "yuvj420p",
    "prores_ks": "yuv422p10le",
    "ffv1": "yuv420p",
    "rawvideo": "yuv420p",
    "gif": "rgb8",
    "apng": "rgb24",
}
SUFFIXES = {
    "libx264": "mp4 mov mkv avi ts flv nut wmv mxf mpg h264 m4v",
    "libx265": "mp4 mov mkv ts flv nut mpg hevc",
    "mpeg4": "mp4 mov mkv avi ts nut wmv mpg m4v",
    "mpeg2video": "mp4 mov mkv avi ts nut wmv mxf mpg m2v",
    "libvpx": "mkv webm avi nut wmv ivf",
    "libvpx-vp9": "mp4 mkv webm avi flv nut wmv ivf",
    "libsvtav1": "mp4 mkv webm avi flv nut wmv ivf obu",
    "mjpeg": "mp4 mov mkv avi nut wmv mjpeg",
    "prores_ks": "mov mkv mxf",
    "ffv1": "mp4 mkv avi nut wmv mxf",
    "rawvideo": "mkv avi nut wmv y4m",
    "gif": "mov nut gif",
    "apng": "apng",
}
"""The containers that can hold each codec."""
B_FRAMES = {"libx264": (0, 2), "libx265": (0, 2), "mpeg4": (0, 2), "mpeg2video": (0, 2)}

COMBINATIONS = [
    (codec, b_frames, suffix)
    for codec, suffixes in SUFFIXES.items()
    for b_frames in B_FRAMES.get(codec, (None,))
    for suffix in suffixes.split()
]


def write(path: Path, codec: str, b_frames: int | None) -> None:
    b = b_frames or 0
    options = {
        "libx264": {"preset": "ultrafast", "x264-params": f"bframes={b}:b-adapt=0"},
        "libx265": {"preset": "ultrafast", "x265-params": f"log-level=0:pools=1:b-adapt=0:bframes={b}"},
        "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
        "libvpx": {"deadline": "realtime", "cpu-used": "8"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    }
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options.get(codec, {}))
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, PIXELS[codec]
        if codec not in ("prores_ks", "rawvideo", "gif", "apng", "mjpeg"):
            stream.codec_context.gop_size = 12
        if b_frames is not None:
            stream.codec_context.max_b_frames = b_frames
        for number in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(number), format="rgb24")))
        container.mux(stream.encode(None))
    if hasattr(os, "SCHED_OTHER"):
        # For root, SVT-AV1 makes its caller a real-time thread, which would starve other encoders' threads.
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def plainly_decoded(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [number_of(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


@pytest.mark.parametrize("codec, b_frames, suffix", COMBINATIONS)
def test_frames_are_those_of_ffmpegs_decoder_in_order_and_at_random(
    tmp_path: Path, codec: str, b_frames: int | None, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    written = tmp_path / f"clip.{suffix}"
    write(written, codec, b_frames)
    expected = plainly_decoded(written)
    with Video(written, cache_frames=1) as video:
        assert [number_of(video[i]) for i in range(len(video))] == expected
        order = random.Random(0).sample(range(len(video)), len(video))
        assert [number_of(video[i]) for i in order] == [expected[i] for i in order]
        assert (np.diff(video.timestamps) > 0).all()
    assert not caplog.records  # none of these files is damaged


def rewrite(source: Path, path: Path, change: object) -> Path:
    """A copy of a file whose packets have other time stamps."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(old.demux(video=0)):
            if packet.size:
                packet.stream = stream
                change(number, packet)  # type: ignore[operator]
                new.mux(packet)
    return path


def shift(ticks: int):  # type: ignore[no-untyped-def]
    def change(number: int, packet: av.Packet) -> None:
        packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks

    return change


def in_decoding_order(number: int, packet: av.Packet) -> None:
    packet.pts = packet.dts


def all_equal(number: int, packet: av.Packet) -> None:
    packet.pts = packet.dts = 0


def a_tick_apart(number: int, packet: av.Packet) -> None:
    packet.pts = packet.dts = number


def swapped_in_pairs(number: int, packet: av.Packet) -> None:
    packet.pts = 1 + (number ^ 1)
    packet.dts = number - 2


@pytest.mark.parametrize("suffix", ["nut", "mkv", "mp4", "ts"])
@pytest.mark.parametrize(
    "change", [shift(-400), shift(10**6), in_decoding_order, all_equal, a_tick_apart, swapped_in_pairs]
)
@pytest.mark.parametrize("b_frames", [0, 2])
def test_stamps_that_lie_do_not_change_the_frames(
    tmp_path: Path, suffix: str, change: object, b_frames: int, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "true.mp4", "libx264", b_frames)
    try:
        path = rewrite(tmp_path / "true.mp4", tmp_path / f"lying.{suffix}", change)
    except (av.FFmpegError, OSError):
        pytest.skip(f".{suffix} cannot hold such stamps")
    expected = plainly_decoded(path)
    with Video(path, cache_frames=1) as video:
        assert [number_of(frame) for frame in video] == expected
        assert [number_of(video[i]) for i in reversed(range(len(video)))] == expected[::-1]
        assert (np.diff(video.timestamps) > 0).all()
    assert "damaged" not in caplog.text


def test_a_recording_that_begins_between_keyframes_is_not_damaged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "whole.ts", "libx264", 2)
    data = (tmp_path / "whole.ts").read_bytes()
    path = tmp_path / "joined_late.ts"
    path.write_bytes(data[188 * 8 :])
    expected = plainly_decoded(path)
    with Video(path) as video:
        assert [number_of(frame) for frame in video] == expected
    assert "damaged" not in caplog.text


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "avi"])
def test_only_a_file_that_is_cut_short_is_called_so(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"whole.{suffix}"
    write(path, "mjpeg", None)
    if suffix == "avi":  # a frame count that lies, in both places
        data = path.read_bytes()
        true, wrong = (number.to_bytes(4, "little") for number in (FRAMES, 2 * FRAMES))
        head = data.index(b"strh") + 64
        path.write_bytes(data[:head].replace(true, wrong) + data[head:])
    with Video(path) as video:
        assert len(video) == FRAMES
    assert not caplog.records
    if suffix in ("mkv", "avi"):  # the others keep their index at the end
        cut = tmp_path / f"cut.{suffix}"
        cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with Video(cut) as video:
            assert 0 < len(video) < FRAMES
        assert "cut short" in caplog.text


@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(8, 9)])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_the_shape_of_pixels_is_known(tmp_path: Path, aspect: Fraction, suffix: str) -> None:
    path = tmp_path / f"anamorphic.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        for number in range(12):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(number), format="rgb24")))
        container.mux(stream.encode(None))
    with Video(path) as video:
        assert video.pixel_aspect == aspect
        assert video.size == (HEIGHT, WIDTH)


def test_of_two_streams_ffmpegs_choice_is_used_and_the_other_is_mentioned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        small, large = (container.add_stream("mpeg4", rate=25) for _ in range(2))
        for stream, factor in ((small, 1), (large, 2)):
            stream.height, stream.width, stream.pix_fmt = factor * HEIGHT, factor * WIDTH, "yuv420p"
        for number in range(5):
            for stream, factor in ((small, 1), (large, 2)):
                picture = np.repeat(np.repeat(numbered(number), factor, 0), factor, 1)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        for stream in (small, large):
            container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        best = container.streams.best("video")
        assert best is not None
        expected = (best.height, best.width)
    with Video(path) as video:
        assert video.size == expected and len(video) == 5
    assert "128x48" in caplog.text and "256x96" in caplog.text
