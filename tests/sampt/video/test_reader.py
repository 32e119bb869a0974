"""Videos that are folders of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sampt.errors import VideoError
from sampt.video.reader import Video

from .numbered import HEIGHT, WIDTH, number_of, numbered, numbers


def folder_of(folder: Path, names: list[str]) -> Path:
    folder.mkdir()
    for i, name in enumerate(names):
        Image.fromarray(numbered(i)).save(folder / name)
    return folder


def test_images_come_in_natural_order_and_other_files_are_ignored(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "take.1", ["frame1.png", "frame2.JPG", "Frame9.jpeg", "frame10.png"])
    (folder / "notes.txt").write_text("not a frame")
    (folder / "._frame1.png").write_text("what other systems leave behind")
    (folder / "frame3.png").mkdir()
    with Video(folder) as video:
        assert numbers(video) == [0, 1, 2, 3]
        assert [number_of(video[i]) for i in (3, 1, 2, 0)] == [3, 1, 2, 0]
        assert (video.name, video.fps, video.size) == ("take.1", 25.0, (HEIGHT, WIDTH))


def test_a_folder_has_the_frame_rate_it_is_given(tmp_path: Path) -> None:
    with Video(folder_of(tmp_path / "frames", ["1.png", "2.png", "3.png"]), fps=8) as video:
        assert video.fps == 8.0
        np.testing.assert_allclose(video.timestamps, [0, 0.125, 0.25])


def test_images_of_any_kind_become_8_bit_rgb(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    grey = rgb[:, :, 0]
    alpha = np.dstack([rgb, np.full((6, 8), 7, np.uint8)])
    palette = Image.fromarray(grey).convert("P")
    palette.putpalette(rgb.reshape(-1).tolist() + [0] * (768 - rgb.size))
    kinds = {
        "1.png": (Image.fromarray(rgb), rgb),
        "2.png": (Image.fromarray(grey), np.dstack([grey] * 3)),
        "3.png": (Image.fromarray(alpha), rgb),
        "4.png": (Image.fromarray(grey.astype(np.uint16) * 256 + 99), np.dstack([grey] * 3)),
        "5.png": (Image.fromarray(grey > 127), np.dstack([np.uint8(255) * (grey > 127)] * 3)),
        "6.png": (palette, np.asarray(palette.convert("RGB"))),
    }
    for name, (image, _) in kinds.items():
        image.save(tmp_path / name)
    with Video(tmp_path) as video:
        for frame, (_, expected) in zip(video, kinds.values(), strict=True):
            assert frame.dtype == np.uint8
            np.testing.assert_array_equal(frame, expected)


def test_the_orientation_of_a_photograph_is_honoured(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held so that its picture has to be turned clockwise
    Image.fromarray(numbered(5)).save(tmp_path / "photo.jpg", quality=95, exif=exif)
    with Video(tmp_path) as video:
        assert video.size == (WIDTH, HEIGHT)
        assert number_of(np.rot90(video[0], 1)) == 5


def test_an_image_of_another_size_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "frames", ["1.png", "2.png"])
    Image.new("RGB", (30, 20)).save(folder / "3.png")
    with pytest.raises(VideoError, match=r"3\.png .*30x20.*1\.png .*128x48"):
        Video(folder)


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(VideoError, match=r"no image.*\.jpg.*\.png"):
        Video(tmp_path)


def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "frames", ["1.png", "2.png"])
    (folder / "2.png").write_text("no image")
    with pytest.raises(VideoError, match=r"2\.png"):
        Video(folder)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_truncated_image_is_named_when_it_is_read(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = tmp_path / f"1.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with (
        Video(tmp_path) as video,
        pytest.raises(VideoError, match=rf"1\.{suffix}"),
    ):
        video[0]
