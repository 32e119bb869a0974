"""``sampt evaluate --dataset``."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .clips import FRAMES, SHAPE, labels, save, save_clip
from .conftest import Cli


def on_dataset(here: Cli, tmp_path: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """``sampt evaluate`` of ``tmp_path/results`` on ``tmp_path/data``."""
    return here("evaluate", "--results", tmp_path / "results", "--root", tmp_path / "data", *arguments)


def cells(stdout: str) -> list[list[str]]:
    return [line.split() for line in stdout.splitlines() if line.strip()]


def save_dataset(root: Path, *names: str) -> None:
    """A generic dataset of the clip, under each of the names."""
    for name in names:
        save_clip(root / "Annotations" / name)
        save_frames(root / "JPEGImages" / name)


def save_frames(folder: Path) -> None:
    folder.mkdir(parents=True)
    for t in range(FRAMES):
        Image.new("RGB", SHAPE[::-1]).save(folder / f"{t:05d}.jpg")


def test_the_command_scores_a_dataset_and_writes_the_official_csvs(here: Cli, tmp_path: Path) -> None:
    save_dataset(tmp_path / "data", "bus", "car")
    for name, offset in (("bus", 0), ("car", 3)):
        save_clip(tmp_path / "results" / name, offset)
    json_path, folder = tmp_path / "scores.json", tmp_path / "csv"
    done = on_dataset(
        here, tmp_path, "--dataset", "generic", "--json", json_path, "--csv", folder, "--workers", "2"
    )
    assert done.returncode == 0, done.stderr
    assert [row[:2] + row[3:4] for row in cells(done.stdout) if row[0] in ("bus", "car")] == [
        ["bus", "1", "100.0"],
        ["bus", "2", "100.0"],
        ["car", "1", "60.0"],
        ["car", "2", "53.8"],
    ]
    written = json.loads(json_path.read_text())
    assert (written["dataset"], written["protocol"]) == ("generic", "davis")
    assert written["means"]["J-Mean"] == pytest.approx((2 + 9 / 15 + 7 / 13) / 4)
    assert written["objects"][2]["J-Mean"] == pytest.approx(9 / 15)
    assert written["frames"][2]["J"] == pytest.approx([9 / 15] * (FRAMES - 1))
    (rows,) = [path.read_text().splitlines() for path in folder.glob("per-sequence_results-*.csv")]
    assert [row.split(",")[:2] for row in rows] == [
        ["Sequence", "J-Mean"],
        ["bus_1", "1.000"],
        ["bus_2", "1.000"],
        ["car_1", "0.600"],
        ["car_2", "0.538"],
    ]


def test_the_command_names_the_objects_of_a_dataset_that_appear_too_late(here: Cli, tmp_path: Path) -> None:
    save_dataset(tmp_path / "data", "bus", "car")
    for t in range(FRAMES - 2):
        save(tmp_path / "data" / "Annotations" / "car" / f"{t:05d}.png", (labels(t) == 1).astype(np.uint8))
    for name in ("bus", "car"):
        save_clip(tmp_path / "results" / name)
    json_path = tmp_path / "scores.json"
    done = on_dataset(here, tmp_path, "--dataset", "generic", "--json", json_path)
    assert done.returncode == 0, done.stderr
    assert [row[:2] for row in cells(done.stdout) if row[0] in ("bus", "car")] == [
        ["bus", "1"],
        ["bus", "2"],
        ["car", "1"],
    ]
    (note,) = json.loads(json_path.read_text())["notes"]
    assert "car" in note and note.endswith(": 2.")
    assert done.stderr == f"Note: {note}\n"


def test_the_command_scores_youtube_vos_by_seen_and_unseen_categories(here: Cli, tmp_path: Path) -> None:
    objects = {
        object_id: {"category": category, "frames": [f"{t:05d}" for t in range(FRAMES)]}
        for object_id, category in (("1", "dog"), ("2", "flamingo"))
    }
    save_dataset(tmp_path / "data" / "train", "car")
    (tmp_path / "data" / "train" / "meta.json").write_text(
        json.dumps({"videos": {"car": {"objects": objects}}})
    )
    save_clip(tmp_path / "results" / "car", offset=3)
    done = on_dataset(here, tmp_path, "--dataset", "youtubevos2019", "--split", "train")
    assert done.returncode == 0, done.stderr
    rows = cells(done.stdout)
    assert rows[0][::2] == ["G", "J_seen", "J_unseen", "F_seen", "F_unseen"]
    assert rows[0][3:6:2] == ["60.0", "53.8"]
    assert [row[:2] + row[3:4] for row in rows[3:]] == [
        ["seen", "1", "60.0"],
        ["unseen", "1", "53.8"],
        ["dog", "1", "60.0"],
        ["flamingo", "1", "53.8"],
    ]


def test_measures_of_what_does_not_occur_are_null_in_the_json_file(here: Cli, tmp_path: Path) -> None:
    save_dataset(tmp_path / "data" / "val", "road")
    save_clip(tmp_path / "results" / "road")
    json_path = tmp_path / "scores.json"
    done = on_dataset(here, tmp_path, "--dataset", "bdd100k", "--json", json_path)
    assert done.returncode == 0, done.stderr
    assert ["non-visible", "frames", "0", "–", "–", "–"] in cells(done.stdout)
    means = json.loads(json_path.read_text())["means"]
    assert (means["J-Mean-Vis"], means["J-Mean-NonVis"], means["J-Mean-Medium"]) == (1, None, 1)


def test_the_command_names_the_sequences_of_a_dataset_that_have_no_results(here: Cli, tmp_path: Path) -> None:
    save_dataset(tmp_path / "data", "bus", "car")
    save_clip(tmp_path / "results" / "car")
    done = on_dataset(here, tmp_path, "--dataset", "generic")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and "1 of the 2 sequences" in done.stderr
