"""Frames out of UVO's videos."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from sampt.benchmarks.vis.uvo_prepare import PreparedUvo, prepare_uvo
from sampt.cli.prepare import command
from sampt.errors import DatasetError
from sampt.video.images import read_image
from sampt.video.reader import Video

from .conftest import Miniature

BOAT = "-tin_boat01"


@pytest.fixture
def bare(copied: Miniature) -> Path:
    """UVO as it is published: videos, no frames."""
    root = copied("uvo")
    shutil.rmtree(root / "uvo_videos_dense_frames")
    return root


def frames(root: Path, name: str = BOAT) -> Path:
    return root / "uvo_videos_dense_frames" / name


def test_frames_have_the_annotated_names_and_the_pixels_of_the_video(bare: Path) -> None:
    path = bare / "VideoDenseSet/UVO_video_val_dense.json"
    content = json.loads(path.read_text())
    content["videos"][0] |= {"file_names": [f"{BOAT}/3.png", f"{BOAT}/1.png"], "length": 2}
    path.write_text(json.dumps(content))
    assert prepare_uvo(bare) == PreparedUvo(videos=2, frames=6, before=0)
    assert sorted(file.name for file in frames(bare).iterdir()) == ["1.png", "3.png"]
    with Video(bare / f"uvo_videos_dense/{BOAT}.mp4") as video:
        for n in (1, 3):
            np.testing.assert_array_equal(read_image(frames(bare) / f"{n}.png"), video[n])


def test_it_goes_on_where_it_was_interrupted(bare: Path) -> None:
    prepare_uvo(bare)
    before = frames(bare).stat().st_mtime_ns
    (frames(bare, "tin_cars-02") / "0.png").unlink()
    counts: list[tuple[int, int]] = []
    made = prepare_uvo(bare, workers=2, progress=lambda *count: counts.append(count))
    assert made == PreparedUvo(videos=2, frames=8, before=1)
    assert counts == [(1, 2), (2, 2)]
    assert (frames(bare, "tin_cars-02") / "0.png").is_file()
    assert frames(bare).stat().st_mtime_ns == before


def test_videos_may_lie_elsewhere(bare: Path, tmp_path: Path) -> None:
    (bare / "uvo_videos_dense").rename(tmp_path / "videos")
    with pytest.raises(DatasetError, match="--videos"):
        prepare_uvo(bare)
    done = CliRunner().invoke(command, ["uvo", "--root", str(bare), "--videos", str(tmp_path / "videos")])
    assert done.exit_code == 0, done.output
    assert "8 frames of 2 videos; use them with --dataset uvo" in done.output


def test_the_others_are_made_when_one_is_missing(bare: Path) -> None:
    (bare / f"uvo_videos_dense/{BOAT}.mp4").unlink()
    with pytest.raises(DatasetError, match=BOAT):
        prepare_uvo(bare)
    assert [folder.name for folder in frames(bare).parent.iterdir()] == ["tin_cars-02"]


def test_a_video_that_is_too_short_leaves_nothing(bare: Path) -> None:
    path = bare / "VideoDenseSet/UVO_video_val_dense.json"
    content = json.loads(path.read_text())
    content["videos"][0] |= {"file_names": [f"{BOAT}/{n}.png" for n in range(5)], "length": 5}
    path.write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=rf"\b4 frames.*{BOAT}/4\.png"):
        prepare_uvo(bare)
    assert [folder.name for folder in frames(bare).parent.iterdir()] == ["tin_cars-02"]


def test_a_video_of_another_size(bare: Path) -> None:
    path = bare / "VideoDenseSet/UVO_video_val_dense.json"
    path.write_text(path.read_text().replace('"width": 160', '"width": 162'))
    with pytest.raises(DatasetError, match=r"160x96.*162x96.*\b1 more"):
        prepare_uvo(bare)
