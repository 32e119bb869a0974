"""``sampt propose``, with the smallest real model and weights that know nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco

from sampt.cli import run
from sampt.segmenters.mobile_sam import build_mobile_sam

from .conftest import Cli

FEW = (
    "-o",
    "proposals.points_per_side=3",
    "-o",
    "proposals.pred_iou_thresh=0",
    "-o",
    "proposals.stability_score_thresh=0",
)
"""Quick, and satisfied with whatever such a model says."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "mobile_sam.pt"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(build_mobile_sam().state_dict(), path)
    return path


@pytest.fixture
def photo(scene, tmp_path: Path) -> Path:
    """A photo that a camera took on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(scene[0]).save(tmp_path / "photo.jpg", exif=exif)
    return tmp_path / "photo.jpg"


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Run ``sampt propose`` in this process, expect a refusal, and return what it said."""

    def refuse(*arguments: object) -> str:
        assert run(["propose", *map(str, arguments), "--output", str(tmp_path / "out")]) == 2
        assert not (tmp_path / "out").exists()
        said = capsys.readouterr().err
        assert said.count("Error: ") == 1
        return said

    return refuse


def test_an_image_gives_a_label_map_an_overlay_and_json(
    here: Cli, photo: Path, weights: Path, tmp_path: Path
) -> None:
    done = here(
        *(
            "propose",
            photo,
            "--segmenter",
            "mobile-sam",
            "--segmenter-checkpoint",
            weights,
            *FEW,
            "--output",
            "out",
        )
    )
    assert done.returncode == 0, done.stderr
    records = json.loads((tmp_path / "out/proposals.json").read_text())
    assert records
    assert [r["id"] for r in records] == list(range(1, len(records) + 1))
    labels = Image.open(tmp_path / "out/masks/photo.png")
    assert labels.mode == "P"
    assert labels.size == (96, 160)  # upright
    assert Image.open(tmp_path / "out/overlays/photo.png").size == (96, 160)
    for record in records:
        mask = coco.decode(record["segmentation"]).astype(bool)
        assert mask.shape == (160, 96)
        assert mask[np.array(labels) == record["id"]].all()
        assert mask.sum() == record["area"]
        assert coco.toBbox(record["segmentation"]).tolist() == record["bbox"]
        assert {"frame", "predicted_iou", "stability_score", "point_coords", "crop_box"} <= record.keys()


def test_a_video_gives_every_nth_frame(here: Cli, clip: Path, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "out/masks").mkdir(parents=True)
    (tmp_path / "out/masks/00003.png").touch()  # of an earlier run
    done = here(
        *("propose", clip, "--every", 6, "--segmenter", "mobile-sam", "--segmenter-checkpoint", weights),
        *(
            *FEW,
            "-o",
            "proposals.box_nms_thresh=1",
            "-o",
            "proposals.max_masks=2",
            "--output",
            "out",
            "--overwrite",
        ),
    )
    assert done.returncode == 0, done.stderr
    names = ["00000.png", "00006.png"]
    assert sorted(p.name for p in (tmp_path / "out/masks").iterdir()) == names
    assert sorted(p.name for p in (tmp_path / "out/overlays").iterdir()) == names
    frames = [r["frame"] for r in json.loads((tmp_path / "out/proposals.json").read_text())]
    assert frames == [0, 0, 6, 6]


def test_missing_file(refused) -> None:
    assert "nowhere.jpg" in refused("nowhere.jpg")


def test_an_image_that_cannot_be_read(refused, tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("no image")
    assert "notes.jpg" in refused(tmp_path / "notes.jpg")


def test_grabcut_is_refused(refused, clip: Path) -> None:
    assert "sam-vit-b" in refused(clip, "--segmenter", "grabcut")


def test_frame_beyond_the_end(refused, clip: Path) -> None:
    assert "--frame 12" in refused(clip, "--frame", 12)


def test_frame_and_every_exclude_each_other(refused, clip: Path) -> None:
    assert "--every" in refused(clip, "--frame", 1, "--every", 2)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("proposals.points_per_sid=8", "proposals.points_per_side"),
        ("proposals.points_per_side=many", "proposals.points_per_side"),
        ("proposals.pred_iou_thresh=2", "from 0 to 1"),
        ("points_per_side", "KEY=VALUE"),
        ("proposals.points_per_side={", "proposals.points_per_side={"),
        ("proposals.points_per_side=${nothing}", "proposals.points_per_side"),
    ],
)
def test_bad_settings(refused, clip: Path, setting: str, said: str) -> None:
    assert said in refused(clip, "-o", setting)
