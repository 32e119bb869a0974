from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from sampt.errors import OutputError
from sampt.synthetic.scene import SyntheticScene
from sampt.video.reader import Video
from sampt.video.writer import VideoWriter
from tests.sampt.video.numbered import HEIGHT, WIDTH, numbered, numbers

SIZE = (48, 64)


def grey(level: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    return np.full((*size, 3), level, np.uint8)


def test_frames_come_back_as_they_were_written(tmp_path: Path) -> None:
    levels = list(range(0, 250, 10))
    with VideoWriter(tmp_path / "out.mp4", 24, SIZE) as writer:
        for level in levels:
            writer.write(grey(level))
    with Video(tmp_path / "out.mp4") as video:
        assert (video.size, video.fps) == (SIZE, 24.0)
        np.testing.assert_allclose([frame.mean() for frame in video], levels, atol=3)


@pytest.mark.parametrize("colour", [(220, 20, 30), (10, 200, 40), (30, 40, 230), (250, 240, 10)])
def test_colours_are_kept(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    with VideoWriter(tmp_path / "out.mp4", 25, SIZE) as writer:
        writer.write(np.broadcast_to(np.array(colour, np.uint8), (*SIZE, 3)))
    with Video(tmp_path / "out.mp4") as video:
        np.testing.assert_allclose(video[0].mean((0, 1)), colour, atol=4)


def test_the_file_is_what_browsers_play(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 25, SIZE) as writer:
        for level in range(5):
            writer.write(grey(level))
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(path)) as file:
        context = file.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")


def test_timestamps_are_kept_and_start_at_zero(tmp_path: Path) -> None:
    seconds = np.array([4.0, 4.033, 4.1, 4.5, 4.51, 7.25])
    with VideoWriter(tmp_path / "out.mp4", 25, SIZE) as writer:
        for level, second in enumerate(seconds):
            writer.write(grey(level * 40), float(second))
    with Video(tmp_path / "out.mp4") as video:
        np.testing.assert_allclose(video.timestamps, seconds - 4, atol=2e-5)
        np.testing.assert_allclose([frame.mean() for frame in video], [0, 40, 80, 120, 160, 200], atol=3)


@pytest.mark.parametrize("fps", [12.5, 23.976, 29.97, 60.0])
def test_usual_frame_rates_are_kept(tmp_path: Path, fps: float) -> None:
    with VideoWriter(tmp_path / "out.mp4", fps, SIZE) as writer:
        for level in range(40):
            writer.write(grey(level))
    with Video(tmp_path / "out.mp4") as video:
        assert video.fps == pytest.approx(fps, rel=1e-3)
        np.testing.assert_allclose(video.timestamps, np.arange(40) / fps, atol=1e-4)


@pytest.mark.parametrize("size", [(31, 40), (32, 41), (31, 41), (1, 1)])
def test_odd_sizes_grow_by_repeating_the_edge(tmp_path: Path, size: tuple[int, int]) -> None:
    with VideoWriter(tmp_path / "out.mp4", 25, size) as writer:
        writer.write(grey(200, size))
    with Video(tmp_path / "out.mp4") as video:
        assert video.size == tuple(side + side % 2 for side in size)
        np.testing.assert_allclose(video[0], 200, atol=4)


@pytest.mark.parametrize("frame", [grey(0, (64, 48)), np.zeros((*SIZE, 3), np.float32), grey(0)[:, :, 0]])
def test_a_frame_of_another_kind_is_refused(tmp_path: Path, frame: NDArray[np.uint8]) -> None:
    with VideoWriter(tmp_path / "out.mp4", 25, SIZE) as writer, pytest.raises(ValueError, match="frames of"):
        writer.write(frame)


def test_the_name_appears_only_when_the_file_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_text("what was there before")
    with VideoWriter(path, 25, SIZE) as writer:
        writer.write(grey(1))
        assert path.read_text() == "what was there before"
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]
    with Video(path) as video:
        assert len(video) == 1


def test_an_exception_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "out.mp4", 25, SIZE) as writer:
        writer.write(grey(1))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_closing_in_time_keeps_what_was_written_before_an_interrupt(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "out.mp4", 25, SIZE) as writer:
        try:
            for level in range(10):
                writer.write(grey(level))
            raise KeyboardInterrupt
        finally:
            writer.close()
    with Video(tmp_path / "out.mp4") as video:
        assert len(video) == 10


def test_no_frame_makes_no_file(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", 25, SIZE):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_closed_writer_takes_no_more_frames(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", 25, SIZE)
    writer.write(grey(1))
    writer.close()
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.write(grey(2))


@pytest.mark.parametrize("where", ["missing/out.mp4", "file/out.mp4", "out.unknown"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match=str(where)):
        VideoWriter(tmp_path / where, 25, SIZE)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    scene = SyntheticScene(frames=20, height=240, width=426)
    files = []
    for name in ("a.mp4", "b.mp4"):
        with VideoWriter(tmp_path / name, 25.0, scene.size) as writer:
            for frame in scene:
                writer.write(frame)
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]


@pytest.mark.parametrize("stamps", [[0, 0, 0, 0], [0, 0.04, 0.0400001, 0.08], [5, 4, 3, 2], [-1, -1, 0, 0.5]])
def test_a_frame_that_is_not_later_comes_a_tick_later(tmp_path: Path, stamps: list[float]) -> None:
    with VideoWriter(tmp_path / "clip.mp4", 25, (HEIGHT, WIDTH)) as writer:
        for number, stamp in enumerate(stamps):
            writer.write(numbered(number), stamp)
    with Video(tmp_path / "clip.mp4") as video:
        assert numbers(video) == [0, 1, 2, 3]


def test_the_shape_of_pixels_is_written(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "clip.mp4", 25, (HEIGHT, WIDTH), Fraction(4, 3)) as writer:
        writer.write(numbered(0))
    with Video(tmp_path / "clip.mp4") as video:
        assert video.pixel_aspect == Fraction(4, 3)


def transparent(level: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """An opaque square on transparency."""
    frame = np.full((*size, 4), level, np.uint8)
    frame[..., 3] = 0
    frame[10:30, 10:40, 3] = 255
    return frame


@pytest.mark.parametrize("size", [(48, 64), (47, 63)], ids=["even", "odd"])
@pytest.mark.parametrize(("suffix", "decoder"), [(".mov", "prores"), (".webm", "libvpx-vp9")])
def test_transparency_is_kept_at_any_size(
    suffix: str, decoder: str, size: tuple[int, int], tmp_path: Path
) -> None:
    path = tmp_path / f"out{suffix}"
    with VideoWriter(path, 25, size, alpha=True) as writer:
        for t in range(4):
            writer.write(transparent(60 * t, size), t / 10)
    codec = av.CodecContext.create(decoder, "r")
    with av.open(str(path)) as container:
        frames = [f for packet in container.demux(video=0) for f in codec.decode(packet)]
        unit = container.streams.video[0].time_base
    assert [float(frame.pts * unit) for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3], abs=1e-3)
    for t, frame in enumerate(frames):
        picture = frame.to_ndarray(format="rgba")
        assert picture.shape == (*size, 4)
        alpha = transparent(0, size)[..., 3]
        assert ((picture[..., 3] > 127) == (alpha > 127)).mean() > 0.99
        assert picture[alpha > 0][:, :3].mean() == pytest.approx(60 * t, abs=4)


def test_transparency_needs_a_format_that_holds_it(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\.mov or \.webm"):
        VideoWriter(tmp_path / "out.mp4", 25, SIZE, alpha=True)
    assert not list(tmp_path.iterdir())
    writer = VideoWriter(tmp_path / "out.mov", 25, SIZE, alpha=True)
    with pytest.raises(ValueError, match="frames of"):
        writer.write(grey(1))
    writer.discard()
