"""Videos that are files: their frames in any order, and what is said of broken ones."""

from __future__ import annotations

import logging
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sampt.errors import VideoError
from sampt.video.reader import Video

from .numbered import HEIGHT, WIDTH, number_of, numbered, numbers


def encode(
    path: Path,
    count: int = 50,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    pts: list[int] | None = None,
    **options: str,
) -> Path:
    """A file of numbered frames at 25 frames/s, or, with ``pts``, shown at those milliseconds."""
    unit = Fraction(1, 1000) if pts else Fraction(1, 25)
    with av.open(str(path), "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as file:
        stream = file.add_stream(codec, rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, pixels
        stream.codec_context.time_base = unit
        for i in range(count):
            frame = av.VideoFrame.from_ndarray(numbered(i), "rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = (pts[i] if pts else i), unit
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        r.getMessage() for r in caplog.records if r.name == "sampt.video" and r.levelno == logging.WARNING
    ]


FORMATS = {
    "b-frames.mp4": {"codec": "libx264", "g": "12", "bf": "2"},
    "all-key.mp4": {"codec": "libx264", "g": "1"},
    "one-gop.mp4": {"codec": "libx264", "g": "500", "bf": "3", "sc_threshold": "0"},
    "matroska.mkv": {"codec": "libx264", "g": "12", "bf": "2"},
    "transport.ts": {"codec": "libx264", "g": "12", "bf": "2"},
    "old.avi": {"codec": "mpeg4", "g": "12", "bf": "2"},
    "vp8.webm": {"codec": "libvpx", "g": "12", "deadline": "realtime"},
    "vp9.webm": {"codec": "libvpx-vp9", "g": "12", "deadline": "realtime"},
    "animated.gif": {"codec": "gif", "pixels": "rgb8"},
    "lossless.mkv": {"codec": "ffv1", "pixels": "yuv420p"},
    "no-timestamps.h264": {"codec": "libx264", "g": "12", "bf": "2"},
    "no-timestamps-jpeg.mjpeg": {"codec": "mjpeg", "pixels": "yuvj420p"},
}


@pytest.fixture(scope="module", params=FORMATS)
def any_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("formats") / request.param, **FORMATS[request.param])


@pytest.fixture(scope="module")
def b_frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("clip") / "clip.mp4", 120, g="12", bf="2")


@pytest.fixture(scope="module")
def in_order(b_frames: Path) -> list[NDArray[np.uint8]]:
    with Video(b_frames) as video:
        return list(video)


# Files: which frames there are, and in which order


def test_every_format_gives_its_frames_in_order(any_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Video(any_file) as video:
        assert len(video) == 50
        assert numbers(video) == list(range(50))
        assert video.size == (HEIGHT, WIDTH)
        assert video.fps == pytest.approx(25)
        np.testing.assert_allclose(video.timestamps, np.arange(50) / 25, atol=1e-3)
        assert video.jumps == 0
    assert warnings_of(caplog) == []


def test_every_format_can_be_read_backward_and_at_random(any_file: Path) -> None:
    order = [*range(49, -1, -1), *np.random.default_rng(0).integers(0, 50, 60).tolist()]
    with Video(any_file, cache_frames=7) as video:
        assert [number_of(video[i]) for i in order] == order


@settings(max_examples=40, deadline=None)
@given(order=st.lists(st.integers(0, 119), max_size=12), cache_frames=st.integers(1, 20))
def test_a_frame_does_not_depend_on_what_was_read_before(
    b_frames: Path, in_order: list[NDArray[np.uint8]], order: list[int], cache_frames: int
) -> None:
    with Video(b_frames, cache_frames=cache_frames) as video:
        for i in order:
            np.testing.assert_array_equal(video[i], in_order[i])


def test_reading_in_order_decodes_each_frame_once_even_after_small_steps_back(b_frames: Path) -> None:
    with Video(b_frames, cache_frames=8) as video:
        for i in range(len(video)):
            for step in (0, 3, 7):
                assert number_of(video[max(0, i - step)]) == max(0, i - step)
        assert video.jumps == 0


def test_reading_backward_jumps_once_for_each_cacheful(b_frames: Path) -> None:
    with Video(b_frames, cache_frames=30) as video:
        assert [number_of(video[i]) for i in range(119, -1, -1)] == list(range(119, -1, -1))
        assert video.jumps <= 120 / 30 + 1


def test_a_far_frame_is_reached_through_its_keyframe(b_frames: Path) -> None:
    with Video(b_frames) as video:
        assert number_of(video[100]) == 100
        assert video.jumps == 1


def test_the_cache_keeps_no_more_frames_than_asked(b_frames: Path) -> None:
    with Video(b_frames, cache_frames=5) as video:
        for i in (0, 40, 39, 38, 100, 3):
            video[i]
            assert len(video._cache) <= 5


def test_a_frame_belongs_to_the_caller(b_frames: Path) -> None:
    with Video(b_frames) as video:
        video[5][:] = 0
        assert number_of(video[5]) == 5


def test_indices_are_checked_and_numpy_integers_allowed(b_frames: Path) -> None:
    with Video(b_frames) as video:
        assert number_of(video[np.int64(7)]) == 7
        for outside in (-1, 120):
            with pytest.raises(IndexError, match=r"clip\.mp4 .*frame -?\d+.*0 to 119"):
                video[outside]


def test_several_threads_may_read_one_video(b_frames: Path) -> None:
    wrong: list[int] = []

    def read(video: Video, order: list[int]) -> None:
        wrong.extend(i for i in order if number_of(video[i]) != i)

    with Video(b_frames, cache_frames=6) as video:
        orders = [list(range(0, 120, 3)), list(range(119, 0, -3)), list(range(40, 80))]
        threads = [threading.Thread(target=read, args=(video, order)) for order in orders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_a_closed_video_says_so(b_frames: Path) -> None:
    with Video(b_frames) as video:
        pass
    with pytest.raises(VideoError, match="closed"):
        video[0]


def test_name_and_path(b_frames: Path) -> None:
    with Video(str(b_frames)) as video:
        assert (video.name, video.path) == ("clip", b_frames)


def test_variable_frame_rate_is_kept_as_timestamps(tmp_path: Path) -> None:
    pts = [0, 40, 50, 200, 1200, 1210, 2000, 5000]
    with Video(encode(tmp_path / "vfr.mkv", len(pts), pts=pts)) as video:
        np.testing.assert_allclose(video.timestamps, np.array(pts) / 1000, atol=1e-6)
        assert video.timestamps.dtype == np.float64
        assert video.fps == pytest.approx(7 / 5)
        assert numbers(video) == list(range(len(pts)))


def test_a_video_with_alpha_and_one_in_grey_become_rgb(tmp_path: Path) -> None:
    for name, pixels in (("alpha.mkv", "yuva420p"), ("grey.mkv", "gray")):
        with Video(encode(tmp_path / name, 4, codec="ffv1", pixels=pixels)) as video:
            assert numbers(video) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("matrix", "turned"),
    [
        # The rows (a, b), (c, d) of the track header's matrix: x' = ax + cy, y' = bx + dy (ISO 14496-12).
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
        ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
        ((0, -1, 1, 0), lambda image: np.rot90(image, 1)),
    ],
    ids=["clockwise", "upside-down", "counterclockwise"],
)
def test_rotation_is_honoured(tmp_path: Path, matrix: tuple[int, ...], turned: object) -> None:
    path = encode(tmp_path / "phone.mp4", 3)
    with Video(path) as video:
        coded = video[2]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    for offset, value in zip((0, 4, 12, 16), matrix, strict=True):
        data[at + offset : at + offset + 4] = (value * 0x10000).to_bytes(4, "big", signed=True)
    path.write_bytes(data)
    with Video(path) as video:
        expected = turned(coded)  # type: ignore[operator]
        assert video.size == expected.shape[:2]
        np.testing.assert_array_equal(video[2], expected)


# Files that are broken


def test_a_truncated_file_gives_the_frames_there_are_and_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = encode(tmp_path / "whole.mp4", 120, g="12", bf="2").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) * 3 // 4])
    with Video(path) as video:
        assert 12 < len(video) < 120
        assert numbers(video)[:-3] == list(range(len(video) - 3))  # the last may lack a neighbour
        assert numbers(video) == sorted(set(numbers(video)))
        backward = [number_of(video[i]) for i in reversed(range(len(video)))]
        assert backward[::-1] == numbers(video)
    (warning,) = warnings_of(caplog)
    assert "cut.mp4" in warning and str(len(video)) in warning


@pytest.mark.parametrize("part", [0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95])
def test_wherever_a_file_is_cut_its_frames_are_all_real(
    b_frames: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, part: float
) -> None:
    whole = b_frames.read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: int(len(whole) * part)])
    with Video(path) as video:
        assert len(set(numbers(video))) == len(video)
    assert len(warnings_of(caplog)) == 1


@pytest.mark.parametrize("suffix", [".mkv", ".avi"])
def test_other_truncated_containers_are_warned_about_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, suffix: str
) -> None:
    whole = encode(tmp_path / f"whole{suffix}", 120, codec="mpeg4", g="12").read_bytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole[: len(whole) * 3 // 4])
    with Video(path) as video:
        assert numbers(video) == list(range(len(video)))
        assert 12 < len(video) < 120
    assert len(warnings_of(caplog)) == 1


def test_a_broken_frame_in_the_middle_repeats_the_one_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = encode(tmp_path / "scratched.avi", 30, codec="mjpeg", pixels="yuvj420p")
    with av.open(str(path)) as file:
        packet = next(p for p in file.demux(video=0) if p.pts == 10)
        start, end = packet.pos + 8, packet.pos + packet.size
    data = bytearray(path.read_bytes())
    data[start:end] = bytes(end - start)
    path.write_bytes(data)
    expected = [*range(10), 9, *range(11, 30)]
    with Video(path, cache_frames=4) as video:
        assert numbers(video) == expected
        assert [number_of(video[i]) for i in range(29, -1, -1)] == expected[::-1]
    assert len(warnings_of(caplog)) == 1


def test_a_file_cut_within_its_header_is_an_error(b_frames: Path, tmp_path: Path) -> None:
    path = tmp_path / "stub.mp4"
    path.write_bytes(b_frames.read_bytes()[:200])
    with pytest.raises(VideoError, match=r"stub\.mp4"):
        Video(path)


def test_a_file_that_lost_the_header_at_its_end_is_an_error(b_frames: Path, tmp_path: Path) -> None:
    data = b_frames.read_bytes()
    path = tmp_path / "headless.mp4"
    path.write_bytes(data[: data.index(b"moov") - 4] + data[data.index(b"mdat") - 4 :])
    with pytest.raises(VideoError, match=r"headless\.mp4 .*header"):
        Video(path)


def test_a_file_cut_before_its_first_frame_is_an_error(b_frames: Path, tmp_path: Path) -> None:
    data = b_frames.read_bytes()
    path = tmp_path / "header.mp4"
    path.write_bytes(data[: data.index(b"mdat") + 8])
    with pytest.raises(VideoError, match=r"header\.mp4"):
        Video(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("letter.mp4", b"Dear Sir,\nthis is no video.\n" * 40, "not a video"),
        ("points.txt", b"0 12 34\n" * 40, "no video|not a video"),
        ("nothing.mp4", b"", "empty"),
    ],
)
def test_what_is_no_video_is_an_error_that_names_the_file(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(VideoError, match=message) as error:
        Video(path)
    assert name in str(error.value)


def test_a_file_with_sound_only_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with pytest.raises(VideoError, match=r"song\.mp4"):
        Video(path)


def test_a_missing_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"gone\.mp4"):
        Video(tmp_path / "gone.mp4")


def test_a_name_that_looks_like_a_protocol_is_still_a_file(b_frames: Path, tmp_path: Path) -> None:
    path = tmp_path / "http:take 2%03d.mp4"
    path.write_bytes(b_frames.read_bytes())
    with Video(path) as video:
        assert number_of(video[3]) == 3
