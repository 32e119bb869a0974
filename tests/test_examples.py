"""The programs in examples/ run as a reader would run them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sampt import SyntheticScene, VideoWriter
from sampt.segmenters.mobile_sam import build_mobile_sam
from sampt.synthetic.scene import write_masks

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 6 frames, and its exact masks."""
    folder = tmp_path_factory.mktemp("examples")
    write_masks(write_clip(folder / "clip.mp4", frames=6), folder / "annotations")
    return folder


def write_clip(path: Path, frames: int) -> SyntheticScene:
    scene = SyntheticScene(frames=frames, height=96, width=128, objects=2, seed=3)
    with VideoWriter(path, scene.fps, scene.size) as writer:
        for frame in scene:
            writer.write(frame)
    return scene


def run(name: str, folder: Path, *arguments: str) -> str:
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_short_and_has_a_test() -> None:
    files = sorted(EXAMPLES.glob("*.py"))
    tests = Path(__file__).read_text()
    assert len(files) == 6
    for file in files:
        assert len(file.read_text().splitlines()) <= 60
        assert f'"{file.stem}"' in tests


def test_clicks_to_masks(folder: Path) -> None:
    assert "00005.png" in run("clicks_to_masks", folder, "clip.mp4", "clicked")
    assert len(list((folder / "clicked").glob("*.png"))) == 6


def test_mask_to_overlay_and_its_score(folder: Path) -> None:
    assert "6 frames" in run("mask_to_overlay", folder, "clip.mp4", "annotations/00000.png", "out")
    assert (folder / "out" / "overlay.mp4").stat().st_size > 0
    assert json.loads((folder / "out" / "result.json").read_text())["finished"]
    assert "J&F" in run("score_a_folder", folder, "out", "annotations")


def test_correct_by_hand(folder: Path) -> None:
    assert "1 point" in run("correct_by_hand", folder, "clip.mp4", "session.json")
    assert json.loads((folder / "session.json").read_text())["edits"]


def test_own_tracker(folder: Path) -> None:
    assert "global-shift" in run("own_tracker", folder, "clip.mp4", "shifted")


@pytest.mark.slow
def test_everything(folder: Path) -> None:
    torch.save(sure_but_ignorant(), folder / "mobile_sam.pt")
    write_clip(folder / "short.mp4", frames=2)
    said = run("everything", folder, "short.mp4", "everything", "mobile_sam.pt")
    assert "tracked: " in said and "tracked: 0" not in said
    masks = [np.asarray(Image.open(file)) for file in (folder / "everything" / "masks").glob("*.png")]
    assert len(masks) == 2 and {mask.shape for mask in masks} == {(96, 128)}


def sure_but_ignorant() -> dict[str, torch.Tensor]:
    """Weights of MobileSAM's shapes that mean nothing, but whose masks are sharp and said to be good."""
    torch.manual_seed(0)
    weights = build_mobile_sam().state_dict()
    for name, weight in weights.items():
        if "output_hypernetworks_mlps" in name and ".layers.2." in name:
            weight *= 1000
    weights["mask_decoder.iou_prediction_head.layers.2.bias"] += 1
    return weights
