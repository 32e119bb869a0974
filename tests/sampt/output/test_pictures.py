"""Cutouts, mattes and backgrounds hold the masks exactly, and what is around them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from sampt import Video
from sampt.output.outputs import Outputs
from sampt.output.pictures import before_blur, before_colour, cutout

from .exact import SCENE, frames_in, write


def rgba(path: Path, decoder: str) -> list[np.ndarray]:
    codec = av.CodecContext.create(decoder, "r")
    with av.open(str(path)) as container:
        decoded = [f for packet in container.demux(video=0) for f in codec.decode(packet)]
    return [frame.to_ndarray(format="rgba") for frame in decoded]


def test_a_cutout_is_a_png_per_frame_named_like_it(tmp_path: Path) -> None:
    video = frames_in(tmp_path / "clip")
    write(Outputs(cutout=tmp_path / "cut"), video, tmp_path / "out")
    files = sorted((tmp_path / "cut").iterdir())
    assert [file.name for file in files] == [f"shot_{t:04d}.png" for t in range(10, 14)]
    for t, file in enumerate(files):
        picture, mask = np.asarray(Image.open(file)), SCENE.masks(t).any(0)
        np.testing.assert_array_equal(picture[..., 3], np.where(mask, 255, 0))
        np.testing.assert_array_equal(picture[mask][:, :3], video[t][mask])


@pytest.mark.parametrize(
    ("suffix", "decoder", "tolerance"), [(".mov", "prores", 0), (".webm", "libvpx-vp9", 40)]
)
def test_a_cutout_can_be_a_video_with_alpha(
    suffix: str, decoder: str, tolerance: int, tmp_path: Path
) -> None:
    path = tmp_path / f"cut{suffix}"
    write(Outputs(cutout=path), frames_in(tmp_path / "clip"), tmp_path / "out")
    pictures = rgba(path, decoder)
    assert len(pictures) == len(SCENE)
    for t, picture in enumerate(pictures):
        mask = SCENE.masks(t).any(0)
        wrong = np.abs(picture[..., 3] - np.where(mask, 255.0, 0.0)) > tolerance
        assert wrong.mean() <= (0 if not tolerance else 0.01)
        assert np.abs(picture[mask][:, :3] - SCENE[t][mask].astype(float)).mean() < 12


def test_one_cutout_per_object(tmp_path: Path) -> None:
    outputs = Outputs(cutout=tmp_path / "cut", cutout_per_object=True)
    write(outputs, SCENE, tmp_path / "out")
    for k, id in enumerate((1, 7)):
        alpha = np.asarray(Image.open(tmp_path / f"cut/{id}/00002.png"))[..., 3]
        np.testing.assert_array_equal(alpha > 0, SCENE.masks(2)[k])


def test_mattes_are_white_on_black(tmp_path: Path) -> None:
    write(Outputs(matte=tmp_path / "matte"), SCENE, tmp_path / "out")
    write(Outputs(matte=tmp_path / "m.mp4"), SCENE, tmp_path / "again")
    for k, id in enumerate((1, 7)):
        picture = Image.open(tmp_path / f"matte/{id}/00003.png")
        assert picture.mode == "L"
        np.testing.assert_array_equal(np.asarray(picture), np.where(SCENE.masks(3)[k], 255, 0))
        with Video(tmp_path / f"m_{id}.mp4") as film:
            assert ((film[3][..., 0] > 127) != SCENE.masks(3)[k]).mean() < 0.005


def test_the_cutout_keeps_colours_near_the_objects_alone() -> None:
    frame, mask = np.full((100, 100, 3), 200, np.uint8), np.zeros((100, 100), bool)
    mask[40:60, 40:60] = True
    picture = cutout(frame, mask)
    assert (picture[36:64, 36:64, :3] == 200).all()
    assert not picture[:30].any() and not picture[..., :3][:, 75:].any()


def test_the_background_is_the_colour_and_objects_are_themselves() -> None:
    frame, mask = SCENE[0], SCENE.masks(0).any(0)
    picture = before_colour((0, 200, 30))(frame, mask)
    inner = np.asarray(Image.fromarray(mask).resize((160, 120)))
    assert (picture[5, 5] == (0, 200, 30)).all() or mask[:12, :12].any()
    assert np.abs(picture[inner].astype(int) - frame[inner]).mean() < 12
    assert (np.abs(picture[~mask].astype(int) - (0, 200, 30)).max(1) < 30).mean() > 0.9


def test_the_blur_holds_nothing_of_the_objects_colour() -> None:
    frame, mask = np.full((120, 160, 3), 40, np.uint8), np.zeros((120, 160), bool)
    mask[40:80, 60:100] = True
    frame[mask] = 250
    picture = before_blur(frame, mask)
    assert (picture[42:78, 62:98] == 250).all()
    assert picture[~mask].mean() < 46
    assert picture[36, 50:110].max() < 60  # four pixels outside: no glow


def test_a_frame_without_objects_is_background(tmp_path: Path) -> None:
    none = np.zeros(SCENE.size, bool)
    assert (before_colour((1, 2, 3))(SCENE[0], none) == (1, 2, 3)).all()
    assert np.abs(before_blur(SCENE[0], none).mean((0, 1)) - SCENE[0].mean((0, 1))).max() < 3


def test_the_background_becomes_a_video(tmp_path: Path) -> None:
    write(Outputs(overlay=False, background="#10c020"), SCENE, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["background.mp4"]
    with Video(tmp_path / "out/background.mp4") as film:
        assert (len(film), film.size) == (len(SCENE), SCENE.size)
        outside = ~SCENE.masks(1).any(0)
        assert np.abs(np.median(film[1][outside], axis=0) - (16, 192, 32)).max() < 6
