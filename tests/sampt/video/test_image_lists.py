"""Videos that are listed images, patterns for images, or a single image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sampt.errors import VideoError
from sampt.video.frames import open_frames
from sampt.video.reader import Video
from sampt.video.sources import clip_of, open_source

from .numbered import HEIGHT, WIDTH, numbered, numbers


@pytest.fixture
def frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder has frame1.png to frame11.png, which show their numbers."""
    monkeypatch.chdir(tmp_path)
    for n in range(1, 12):
        Image.fromarray(numbered(n)).save(tmp_path / f"frame{n}.png")
    return tmp_path


def numbers_of(*paths: str) -> list[int]:
    with open_source(paths) as source:
        assert isinstance(source, Video)
        return numbers(source)


def test_listed_images_keep_their_order_and_names(frames: Path) -> None:
    assert numbers_of("frame3.png", "frame1.png", "frame10.png") == [3, 1, 10]
    with Video(["frame3.png", frames / "frame1.png"]) as video:
        assert video.file_names == ("frame3.png", "frame1.png")
        assert video.name == "" or video.name == frames.name


def test_what_a_shell_lists_is_in_natural_order(frames: Path) -> None:
    expanded = sorted(path.name for path in frames.glob("frame*.png"))
    assert expanded[1] == "frame10.png"
    assert numbers_of(*expanded) == list(range(1, 12))


@pytest.mark.parametrize(
    "pattern", ["frame*.png", "./*.png", "frame?.png", "{}/frame[1-9].png", "**/frame?.png"]
)
def test_a_pattern_is_in_natural_order(frames: Path, pattern: str) -> None:
    found = numbers_of(pattern.format(frames))
    assert found == list(range(1, 12))[: len(found)] and len(found) >= 9


def test_a_pattern_and_an_image_are_one_list(frames: Path) -> None:
    assert numbers_of("frame3.png", "frame1?.png", "frame2.png") == [3, 10, 11, 2]


def test_brackets_in_a_real_name_are_no_pattern(frames: Path) -> None:
    Image.fromarray(numbered(7)).save("take [1].png")
    assert numbers_of("take [1].png") == [7]


def test_a_single_image_is_a_video_of_one_frame_and_upright(frames: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(numbered(7)).save("photo.jpg", exif=exif)
    with open_source(["photo.jpg"]) as video:
        assert isinstance(video, Video)
        assert (len(video), video.size, video.name) == (1, (WIDTH, HEIGHT), "photo")
        assert video.file_names == ("photo.jpg",)


def test_python_takes_a_list_of_paths(frames: Path) -> None:
    clip, opened = open_frames(["frame2.png", frames / "frame4.png"])
    assert opened is not None
    with opened:
        assert len(clip) == 2
        np.testing.assert_array_equal(clip[1], numbered(4))


def test_frames_are_chosen_by_number(frames: Path) -> None:
    with open_source(["*.png"]) as video:
        assert clip_of(video, 2, 3, 2).indices == range(2, 8, 3)
        with pytest.raises(VideoError, match="--start 11 is beyond"):
            clip_of(video, 11)


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (("none*.jpg",), r"none\*\.jpg does not exist and matches no image"),
        (("frame1.png", "none.png"), "none.png does not exist"),
        (("frame1.png", "sub"), "sub is not a file; give one video, one folder"),
        (("frame1.png", "clip.mp4"), "clip.mp4 is not one of several images"),
        (("frame1.png", "small.png"), "small.png is 5x4 but frame1.png is 128x48"),
        (("frame1.png", "sub/frame1.png"), "two frames of one name"),
        (("[fm]*.png",), "mask.png is named differently"),
        (("moving.png",), "moving.png holds 2 pictures"),
        (("cut.png",), "cut.png cannot be read as an image"),
        (("*",), "named differently|one size|two frames"),
    ],
)
def test_refusals(frames: Path, paths: tuple[str, ...], said: str) -> None:
    (frames / "sub").mkdir()
    Image.fromarray(numbered(1)).save("sub/frame1.png")
    Image.fromarray(numbered(1)).save("mask.png")
    Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save("small.png")
    pages = [Image.fromarray(numbered(n)) for n in (1, 2)]
    pages[0].save("moving.png", save_all=True, append_images=pages[1:])
    (frames / "cut.png").write_bytes((frames / "frame1.png").read_bytes()[:20])
    (frames / "clip.mp4").touch()
    with pytest.raises(VideoError, match=said):
        open_source(paths)
