"""Images as frames: what they show, whatever their format, depth and orientation."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from sampt.errors import VideoError
from sampt.video.images import image_size, read_image
from sampt.video.reader import Video


def picture(height: int = 20, width: int = 30) -> np.ndarray:
    """Red grows to the right, green downward."""
    rows, columns = np.mgrid[:height, :width]
    return np.dstack([columns * 8, rows * 12, np.full_like(rows, 40)]).astype(np.uint8)


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation, as_shown", [(3, 2), (6, -1), (8, 1)])
def test_every_format_is_turned_as_it_says(
    suffix: str, orientation: int, as_shown: int, tmp_path: Path
) -> None:
    path = tmp_path / f"frame.{suffix}"
    quality = {} if suffix in ("png", "tif") else {"quality": 100}
    Image.fromarray(picture()).save(path, exif=turned(orientation), **quality)
    expected = np.rot90(picture(), as_shown)
    assert image_size(path) == expected.shape[:2]
    assert np.abs(read_image(path).astype(int) - expected).max() < 12


def test_transparent_pixels_are_black(tmp_path: Path) -> None:
    alpha = np.zeros((20, 30), np.uint8)
    alpha[5:10] = 255
    Image.fromarray(np.dstack([picture(), alpha])).save(tmp_path / "frame.png")
    shown = read_image(tmp_path / "frame.png")
    np.testing.assert_array_equal(shown, np.where(alpha[..., None] > 0, picture(), 0))


def test_cmyk_shows_its_colours(tmp_path: Path) -> None:
    Image.fromarray(picture()).convert("CMYK").save(tmp_path / "frame.jpg", quality=100)
    assert np.abs(read_image(tmp_path / "frame.jpg").astype(int) - picture()).max() < 12


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("bits", [10, 12, 16])
def test_16_bit_frames_are_scaled_by_the_clips_own_range(
    bits: int, suffix: str, colour: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    steps = np.tile(np.linspace(0, (1 << bits) - 1, 256).round().astype(np.uint16), (4, 1))
    for number in range(3):  # the brightest frame is the last
        frame = (steps * ((number + 1) / 3)).astype(np.uint16)
        cv2.imwrite(str(tmp_path / f"{number}.{suffix}"), np.dstack([frame] * 3) if colour else frame)
    with Video(tmp_path) as video:
        assert len(np.unique(video[2])) == 256
        assert video[2].max() == 255 and video[0].max() == 85
        np.testing.assert_array_equal(video[2][..., 0], video[2][..., 2])
    assert sum("16-bit" in record.message for record in caplog.records) == 1


@pytest.mark.parametrize(
    "names",
    [
        ["00000.jpg", "00001.jpg", "00001.png"],
        ["00000.jpg", "00001.jpg", "mask.png"],
        ["frame_0.jpg", "frame_1.jpg", "mask_1.png"],
    ],
)
def test_what_is_not_one_video_is_refused(names: list[str], tmp_path: Path) -> None:
    for name in names:
        Image.fromarray(picture()).save(tmp_path / name)
    with pytest.raises(VideoError, match=names[-1]):
        Video(tmp_path)


@pytest.mark.parametrize(
    "names",
    [
        ["a.jpg", "b.PNG", "c.webp"],
        ["clip-1-0001.jpg", "clip-1-0002.jpg", "clip-1-0010.jpg"],
        ["3fa9.jpg", "b77c.jpg", "9d.jpg", "ff1e2.jpg", "c0.jpg"],
        ["._00000.jpg", "00000.jpg", "00001.jpg"],
    ],
)
def test_ordinary_names_are_accepted(names: list[str], tmp_path: Path) -> None:
    for name in names:
        Image.fromarray(picture()).save(tmp_path / name)
    with Video(tmp_path) as video:
        assert video.file_names is not None
        assert set(video.file_names) == {name for name in names if name[0] != "."}
