"""``sampt datasets`` and ``sampt prepare``."""

from __future__ import annotations

from pathlib import Path

import pytest

from sampt.benchmarks.datasets.registry import DATASETS

from .conftest import Cli


def test_list_shows_every_dataset(sampt: Cli) -> None:
    done = sampt("datasets", "list")
    assert done.returncode == 0, done.stderr
    titles = [f"{name}: {info.title}" for name, info in DATASETS.items()]
    assert [line for line in done.stdout.splitlines() if line in titles] == titles
    assert "resolution=480p|Full-Resolution" in done.stdout


@pytest.mark.parametrize("name", DATASETS)
def test_a_miniature_is_whole(name: str, here: Cli, tmp_path: Path) -> None:
    done = here("datasets", "miniature", "--dataset", name, "--output", "mini", "--frames", 4)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"mini is a miniature of {name}" in done.stdout
    done = here("datasets", "check", "--dataset", name, "--root", "mini")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1:3] == ["  sequences          2", "  frames             8"]
    assert lines[-1] == "Every file is there and can be read."
    assert any("published" in line for line in lines) == bool(DATASETS[name].published)


def test_check_lists_problems_and_exits_with_2(sampt: Cli, tmp_path: Path) -> None:
    sampt("datasets", "miniature", "--dataset", "davis2017", "--output", "mini")
    masks = tmp_path / "mini" / "Annotations" / "Full-Resolution"
    (masks / "tin-boat" / "00001.png").unlink()
    (masks / "tin-cars" / "00004.png").write_bytes(b"cut")
    done = sampt("datasets", "check", "--dataset", "davis2017", "--root", "mini")
    assert done.returncode == 0, done.stdout
    full = ("--dataset", "davis2017", "--root", "mini", "-d", "resolution=Full-Resolution")
    done = sampt("datasets", "check", *full)
    assert done.returncode == 2
    problems = [line for line in done.stdout.splitlines() if line.startswith("Problem: ")]
    assert len(problems) == 2
    assert "tin-boat/00001.png is missing" in problems[0]
    assert "tin-cars/00004.png cannot be read" in problems[1]
    assert "mini has 2 problems, listed above" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dataset", "davis2018", "--root", "."], "did you mean 'davis201"),
        (["--dataset", "mose", "--root", "."], "lacks valid/JPEGImages and valid/Annotations"),
        (["--dataset", "mose", "--root", "nowhere"], "nowhere is no folder"),
        (["--dataset", "mose", "--root", ".", "--split", "val"], "did you mean 'valid'"),
        (["--dataset", "davis2017", "--root", ".", "-d", "480p"], "KEY=VALUE"),
    ],
)
def test_check_of_what_is_not_there(options: list[str], message: str, here: Cli) -> None:
    done = here("datasets", "check", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_bdd100k_is_prepared_from_its_bitmasks(sampt: Cli, tmp_path: Path) -> None:
    sampt("datasets", "miniature", "--dataset", "bdd100k", "--output", "raw")
    done = sampt("prepare", "bdd100k", "--root", "raw", "--output", "set")
    assert done.returncode == 0, done.stderr
    assert "2 sequences with 4 objects, from 2 videos" in done.stdout
    done = sampt("datasets", "check", "--dataset", "bdd100k", "--root", "set")
    assert done.returncode == 0, done.stderr
    assert "  objects            4" in done.stdout.splitlines()


def test_preparing_a_wrong_folder_writes_nothing(sampt: Cli, tmp_path: Path) -> None:
    done = sampt("prepare", "bdd100k", "--root", ".", "--output", "set")
    assert done.returncode == 2
    assert "lacks images/seg_track_20/val" in done.stderr
    assert not (tmp_path / "set").exists()
