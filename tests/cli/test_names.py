"""Names that are not UTF-8, as old archives leave them: a command works, or refuses before any work."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from sampt.benchmarks.datasets.miniature import write_miniature

from .conftest import Cli

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names have to be text here")

POINT = ("--point", "1:0:80,48:+")
BAD = os.fsdecode(b"s\xe9q")
REFUSED = "has bytes that are not UTF-8; rename it"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    write_miniature("generic", tmp_path / "data", frames=4)
    return tmp_path / "data"


def rename_sequence(root: Path, name: str) -> None:
    for folder in (root / "JPEGImages", root / "Annotations"):
        next(folder.iterdir()).rename(folder / name)


def rename_frame(root: Path) -> None:
    for folder in (root / "JPEGImages", root / "Annotations"):
        for frame in next(folder.iterdir()).glob("00001.*"):
            frame.rename(frame.with_stem(BAD))


@pytest.mark.parametrize("command", ["segment", "track"])
def test_a_video_and_a_results_folder(here: Cli, clip: Path, tmp_path: Path, command: str) -> None:
    video = tmp_path / f"{BAD}.mp4"
    video.write_bytes(clip.read_bytes())
    done = here(command, video, *POINT, "--max-frames", 2, "--output", tmp_path / BAD)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / BAD / "trajectories.npz").is_file()


@pytest.mark.parametrize(
    "command",
    [
        ("vos", "--output", "run"),
        ("datasets", "check"),
        ("evaluate", "--results", "data/Annotations"),
    ],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize("spoil", [lambda root: rename_sequence(root, BAD), rename_frame])
def test_a_dataset(here: Cli, dataset: Path, tmp_path: Path, command: tuple[str, ...], spoil) -> None:
    spoil(dataset)
    done = here(*command, "--dataset", "generic", "--root", dataset)
    assert done.returncode == 2, done.stderr
    assert REFUSED in done.stdout + done.stderr
    assert not (tmp_path / "run").exists()


def test_a_datasets_folder(here: Cli, dataset: Path, tmp_path: Path) -> None:
    root = dataset.rename(tmp_path / BAD)
    done = here("vos", "--dataset", "generic", "--root", root, "--output", "run")
    assert done.returncode == 2
    assert REFUSED in done.stderr


def test_the_folder_of_a_run(here: Cli, dataset: Path, tmp_path: Path) -> None:
    done = here("vos", "--dataset", "generic", "--root", dataset, "--output", tmp_path / BAD)
    assert done.returncode == 2
    assert REFUSED in done.stderr
    assert not (tmp_path / BAD).exists()


def test_results_and_annotations_without_a_dataset(here: Cli, dataset: Path, tmp_path: Path) -> None:
    rename_sequence(dataset, BAD)
    masks = dataset / "Annotations"
    done = here("evaluate", "--results", masks, "--annotations", masks, "--json", "scores.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "scores.json").read_text())["objects"][0]["sequence"] == BAD
