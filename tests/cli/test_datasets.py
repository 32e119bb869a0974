"""``sampt datasets`` and ``sampt prepare``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sampt.benchmarks.datasets.registry import DATASETS
from sampt.benchmarks.vis.datasets import VIS_DATASETS

from .conftest import Cli

ALL = {**DATASETS, **VIS_DATASETS}


def test_list_shows_every_dataset(here: Cli) -> None:
    done = here("datasets", "list")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    titles = [f"{name}: {info.title}" for name, info in ALL.items()]
    assert [line for line in lines if line in titles] == titles
    tasks = [line.split()[1] for line in lines if line.startswith("  task ")]
    assert tasks == ["vos"] * len(DATASETS) + ["vis"] * len(VIS_DATASETS)
    assert "resolution=auto|480p|Full-Resolution" in done.stdout


@pytest.mark.parametrize("name", ALL)
def test_a_miniature_is_whole(name: str, here: Cli, tmp_path: Path) -> None:
    done = here("datasets", "miniature", "--dataset", name, "--output", "mini", "--frames", 4)
    assert (done.returncode, done.stderr) == (0, "")
    assert "mini" in done.stdout and name in done.stdout
    done = here("datasets", "check", "--dataset", name, "--root", "mini")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    frames = 32 if name.startswith("youtubevos") else 8  # with those between the annotated ones
    assert lines[1:3] == ["  sequences          2", f"  frames      {frames:>8}"]
    assert lines[-1] == "Every file is there and can be read."
    assert any("published" in line for line in lines) == bool(ALL[name].published)


def test_check_lists_problems_of_videos_and_of_their_annotations(here: Cli, tmp_path: Path) -> None:
    here("datasets", "miniature", "--dataset", "uvo", "--output", "mini", "--frames", 4)
    frames, file = tmp_path / "mini/uvo_videos_dense_frames", "VideoDenseSet/UVO_video_val_dense.json"
    (frames / "-tin_boat01/1.png").unlink()
    cut = frames / "tin_cars-02/2.png"
    cut.write_bytes(cut.read_bytes()[:200])
    truth = json.loads((tmp_path / "mini" / file).read_text())
    truth["annotations"][1]["video_id"] = 7
    (tmp_path / "mini" / file).write_text(json.dumps(truth))
    done = here("datasets", "check", "--dataset", "uvo", "--root", "mini")
    assert done.returncode == 2
    problems = [line for line in done.stdout.splitlines() if line.startswith("Problem: ")]
    assert len(problems) == 3
    for problem, what in zip(problems, ("1.png", "2.png", "annotation 1: video_id 7"), strict=True):
        assert what in problem
    assert "mini has 3 problems" in done.stderr


def test_check_lists_problems_of_both_resolutions_and_exits_with_2(here: Cli, tmp_path: Path) -> None:
    here("datasets", "miniature", "--dataset", "davis2017", "--output", "mini")
    masks = tmp_path / "mini" / "Annotations"
    (masks / "Full-Resolution" / "tin-boat" / "00001.png").unlink()
    (masks / "480p" / "tin-cars" / "00004.png").write_bytes(b"cut")
    check = ("datasets", "check", "--dataset", "davis2017", "--root", "mini")
    done = here(*check)
    assert done.returncode == 2
    problems = [line for line in done.stdout.splitlines() if line.startswith("Problem: ")]
    assert len(problems) == 2
    assert "Full-Resolution/tin-boat/00001.png" in problems[0]
    assert "480p/tin-cars/00004.png" in problems[1]
    assert "mini has 2 problems" in done.stderr
    assert "Traceback" not in done.stderr
    (masks / "480p" / "tin-cars" / "00004.png").write_bytes(
        (masks / "480p" / "tin-cars" / "00003.png").read_bytes()
    )
    assert here(*check, "-d", "resolution=480p").returncode == 0


@pytest.mark.parametrize(
    ("name", "part", "inputs", "note"),
    [
        ("davis2017", "", ["Full-Resolution, longest side 1024", "480p (-d resolution=480p)"], ""),
        ("davis2016", "", ["1080p, longest side 1024", "480p (-d resolution=480p)"], ""),
        ("davis2017", "JPEGImages/Full-Resolution", ["480p (-d resolution=480p)"], "full resolution"),
        (
            "davis2017",
            "Annotations/Full-Resolution/tin-cars",
            ["480p (-d resolution=480p)"],
            "tin-cars is missing",
        ),
        ("youtubevos2019", "", ["all frames", "every fifth frame (-d all_frames=false)"], ""),
        (
            "youtubevos2019",
            "valid_all_frames",
            ["every fifth frame"],
            "valid_all_frames/JPEGImages is missing",
        ),
        ("youtubevos2019", "valid/JPEGImages", ["all frames (-d all_frames=true)"], ""),
        ("mose", "", [], ""),
    ],
)
def test_check_says_what_can_be_read(
    name: str, part: str, inputs: list[str], note: str, here: Cli, tmp_path: Path
) -> None:
    here("datasets", "miniature", "--dataset", name, "--output", "mini", "--frames", 4)
    if part:
        shutil.rmtree(tmp_path / "mini" / part)
    done = here("datasets", "check", "--dataset", name, "--root", "mini")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    shown = [line for line in lines if line.startswith(("  input ", "  or "))]
    assert len(shown) == len(inputs)
    assert all(text in line for text, line in zip(inputs, shown, strict=True))
    notes = [line for line in lines if "SAM-PT's published results" in line]
    assert len(notes) == bool(note)
    assert all(note in line for line in notes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dataset", "davis2018", "--root", "."], "did you mean 'davis201"),
        (["--dataset", "ytvis2020", "--root", "."], "did you mean 'ytvis20"),
        (["--dataset", "uvo", "--root", "."], "VideoDenseSet/UVO_video_val_dense.json"),
        (["--dataset", "mose", "--root", "."], "valid/JPEGImages and valid/Annotations"),
        (["--dataset", "mose", "--root", "nowhere"], "nowhere"),
        (["--dataset", "mose", "--root", ".", "--split", "val"], "'valid'"),
        (["--dataset", "davis2017", "--root", ".", "-d", "480p"], "KEY=VALUE"),
    ],
)
def test_check_of_what_is_not_there(options: list[str], message: str, here: Cli) -> None:
    done = here("datasets", "check", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_bdd100k_is_prepared_from_its_bitmasks(here: Cli, tmp_path: Path) -> None:
    here("datasets", "miniature", "--dataset", "bdd100k", "--output", "raw")
    done = here("prepare", "bdd100k", "--root", "raw", "--output", "set")
    assert done.returncode == 0, done.stderr
    assert "2 sequences with 4 objects, from 2 videos" in done.stdout
    done = here("datasets", "check", "--dataset", "bdd100k", "--root", "set")
    assert done.returncode == 0, done.stderr
    assert "  objects            4" in done.stdout.splitlines()


def test_preparing_a_wrong_folder_writes_nothing(here: Cli, tmp_path: Path) -> None:
    done = here("prepare", "bdd100k", "--root", ".", "--output", "set")
    assert done.returncode == 2
    assert "images/seg_track_20/val" in done.stderr
    assert not (tmp_path / "set").exists()
