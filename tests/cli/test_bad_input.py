"""Everything a user can get wrong: one sentence, exit code 2, no traceback, nothing written."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sampt.segmenters.mobile_sam import build_mobile_sam

from .conftest import Cli

POINT = ("--point", "1:0:80,48:+")


@pytest.fixture
def refused(here: Cli, tmp_path: Path):
    """Run ``sampt segment``, expect a refusal, and return what it said."""

    def run(*arguments: object) -> str:
        done = here("segment", *arguments, "--output", tmp_path / "out")
        assert done.returncode == 2, done.stderr
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        lines = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        assert len(lines) == 1
        assert not (tmp_path / "out").exists()
        return lines[0]

    return run


def test_missing_file(refused) -> None:
    assert "nowhere.mp4" in refused("nowhere.mp4", *POINT)


def test_a_text_file_named_mp4(refused, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("not a video\n" * 100)
    assert "notes.mp4" in refused("notes.mp4", *POINT)


def test_a_zero_byte_video(refused, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert "empty.mp4" in refused("empty.mp4", *POINT)


def test_a_video_cut_before_its_header(refused, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:200])
    assert "cut.mp4" in refused("cut.mp4", *POINT)


def test_a_truncated_video_gives_its_frames_and_one_warning(sampt: Cli, clip: Path, tmp_path: Path) -> None:
    data = clip.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) * 2 // 3])
    done = sampt("segment", "cut.mp4", *POINT, "--output", "out")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("cut.mp4") == 1
    assert 0 < len(list((tmp_path / "out/masks").iterdir())) < 12


def test_a_mask_of_another_size(refused, clip: Path, tmp_path: Path) -> None:
    Image.fromarray(np.full((50, 60), 255, np.uint8)).save(tmp_path / "mask.png")
    said = refused(clip, "--mask", "mask.png")
    assert "mask.png" in said
    assert "60" in said


def test_an_empty_mask(refused, clip: Path, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((96, 160), np.uint8)).save(tmp_path / "mask.png")
    assert "mask.png" in refused(clip, "--mask", "mask.png")


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ("1:0:500,48:+", "outside"),
        ("1:99:80,48:+", "99"),
        ("1:0:80,48:-", "positive"),
        ("1:0:80;48", "--point"),
        ("300:0:80,48:+", "255"),
    ],
)
def test_bad_points(refused, clip: Path, point: str, said: str) -> None:
    assert said in refused(clip, "--point", point)


def test_nothing_to_segment(refused, clip: Path) -> None:
    assert "--point" in refused(clip)


def test_unknown_tracker_names_the_closest(refused, clip: Path) -> None:
    assert "lucas-kanade" in refused(clip, *POINT, "--tracker", "lukas-kanade")


def test_unknown_segmenter(refused, clip: Path) -> None:
    assert "grabcut" in refused(clip, *POINT, "--segmenter", "grabcot")


def test_unknown_setting_names_the_closest(refused, clip: Path) -> None:
    assert "prompting.refinements" in refused(clip, *POINT, "-o", "prompting.refinement=3")


def test_mistyped_setting(refused, clip: Path) -> None:
    assert "prompting.refinements" in refused(clip, *POINT, "-o", "prompting.refinements=many")


@pytest.mark.parametrize(
    "setting",
    [
        "sampling.positive.options.erosion=abc",
        "tracker.options.tolerance=abc",
        "reinit.on_loss.patience=-3",
        "prompting.iou_threshold=2",
        "patch_filter.size=4",
    ],
)
def test_values_out_of_range_name_their_part(refused, clip: Path, setting: str) -> None:
    assert setting.split(".")[0] in refused(clip, *POINT, "-o", setting)


def test_a_checkpoint_path_may_hold_what_means_something_in_yaml(refused, clip: Path) -> None:
    assert "w #1: a.pth" in refused(
        clip, *POINT, "--segmenter", "sam-vit-b", "--segmenter-checkpoint", "w #1: a.pth"
    )


def test_a_folder_for_coco_is_refused_before_any_work(here: Cli, clip: Path, tmp_path: Path) -> None:
    done = here("segment", clip, *POINT, "--output", "out", "--coco", tmp_path)
    assert done.returncode == 2
    assert f"{tmp_path}: it is a folder" in done.stderr
    assert not list((tmp_path / "out").rglob("*.png"))


def test_points_that_may_not_be_read(refused, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "points.json").mkdir()
    assert "points.json" in refused(clip, "--points", "points.json")


def test_missing_configuration(refused, clip: Path) -> None:
    assert "quick" in refused(clip, *POINT, "--config", "quik")


def test_sam_without_a_checkpoint_or_a_network(refused, clip: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SAMPT_OFFLINE", "1")
    said = refused(clip, *POINT, "--segmenter", "sam-vit-b")
    assert "--segmenter-checkpoint" in said and "sam_vit_b_01ec64.pth" in said


def test_a_checkpoint_of_another_variant(refused, clip: Path, tmp_path: Path) -> None:
    torch.save(build_mobile_sam().state_dict(), tmp_path / "mobile_sam.pt")
    said = refused(clip, *POINT, "--segmenter", "sam-vit-b", "--segmenter-checkpoint", "mobile_sam.pt")
    assert "mobile_sam.pt" in said and "SAM ViT-B" in said and "image_encoder.pos_embed" in said


def test_a_checkpoint_of_another_model(refused, clip: Path, tmp_path: Path) -> None:
    torch.save({"layer.weight": torch.zeros(3)}, tmp_path / "other.pth")
    assert "other.pth" in refused(
        clip, *POINT, "--segmenter", "sam-vit-b", "--segmenter-checkpoint", "other.pth"
    )


def test_a_corrupt_checkpoint(refused, clip: Path, tmp_path: Path) -> None:
    torch.save({"layer.weight": torch.zeros(3000)}, tmp_path / "cut.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "cut.pth").read_bytes()[:4000])
    assert "cut.pth" in refused(clip, *POINT, "--segmenter", "sam-vit-b", "--segmenter-checkpoint", "cut.pth")


class Payload:
    """Pickled, it would make a file when loaded."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


def test_a_malicious_checkpoint_does_not_run(refused, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Payload(tmp_path / "ran")))
    assert "evil.pth" in refused(
        clip, *POINT, "--segmenter", "sam-vit-b", "--segmenter-checkpoint", "evil.pth"
    )
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_where_there_is_none(refused, clip: Path) -> None:
    assert "cuda" in refused(clip, *POINT, "--device", "cuda")


def test_an_output_folder_that_cannot_be_written(here: Cli, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = here("segment", clip, *POINT, "--output", tmp_path / "file" / "out")
    assert done.returncode == 2
    assert "--output" in done.stderr
    assert "Traceback" not in done.stderr


def test_start_beyond_the_end(refused, clip: Path) -> None:
    assert "--start" in refused(clip, *POINT, "--start", 99)


def test_debug_shows_the_traceback(sampt: Cli) -> None:
    done = sampt("segment", "nowhere.mp4", *POINT, "--output", "out", "--debug")
    assert "Traceback" in done.stderr


def test_a_mistyped_option(here: Cli) -> None:
    done = here("segment", "clip.mp4", "--outputt", "out")
    assert done.returncode == 2
    assert "--output" in done.stderr
