"""JSON, lists and YAML that begin with a byte-order mark, as Windows' editors save them, and damaged ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sampt.benchmarks.datasets.miniature import write_miniature
from sampt.benchmarks.vis.miniature import write_vis_miniature

from .conftest import Cli


def mark(path: Path) -> Path:
    """Save a file again with the mark."""
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    return path


@pytest.fixture
def checked(here: Cli):
    def check(dataset: str, root: Path) -> str:
        done = here("datasets", "check", "--dataset", dataset, "--root", root)
        return done.stdout + done.stderr

    return check


@pytest.mark.parametrize(
    ("dataset", "pattern"), [("youtubevos2019", "meta.json"), ("davis2017", "val.txt"), ("uvo", "UVO*.json")]
)
def test_datasets(checked, tmp_path: Path, dataset: str, pattern: str) -> None:
    write = write_vis_miniature if dataset == "uvo" else write_miniature
    write(dataset, tmp_path / "data", frames=4)
    files = list((tmp_path / "data").rglob(pattern))
    assert files
    expected = checked(dataset, tmp_path / "data")
    assert "Every file is there" in expected
    for file in files:
        mark(file)
    assert checked(dataset, tmp_path / "data") == expected
    if pattern.endswith(".json"):
        for file in files:
            file.write_text(file.read_text(encoding="utf-8-sig")[:60])
        damaged = checked(dataset, tmp_path / "data")
        assert "malformed JSON" in damaged and any(str(file) in damaged for file in files)


def test_predictions(here: Cli, tmp_path: Path) -> None:
    write_vis_miniature("uvo", tmp_path / "uvo", frames=4)
    (truth,) = tmp_path.rglob("UVO_video_val_dense.json")
    keys = ("video_id", "category_id", "segmentations")
    annotations = json.loads(truth.read_text())["annotations"]
    exact = [{key: tube[key] for key in keys} | {"score": 1.0} for tube in annotations]
    (tmp_path / "results.json").write_text(json.dumps(exact))
    arguments = ("evaluate-vis", "--results", mark(tmp_path / "results.json"), "--annotations", mark(truth))
    done = here(*arguments)
    assert done.returncode == 0, done.stderr
    assert "100.0" in done.stdout


def test_points_sessions_and_configurations(here: Cli, clip: Path, tmp_path: Path) -> None:
    size = {"frames": 12, "height": 96, "width": 160}
    add = {"edit": "add-object", "object_id": 1, "name": None}
    point = {"edit": "add-point", "object_id": 1, "frame": 0, "x": 80, "y": 48, "positive": True}
    session = {"version": 1, "video": size, "edits": [add, point]}
    (tmp_path / "session.json").write_text(json.dumps(session))
    (tmp_path / "points.json").write_text('{"objects": [{"id": 1, "positive": [[80, 48]]}]}')
    (tmp_path / "points.txt").write_text("1\n0;80,48\n")
    (tmp_path / "quick.yaml").write_text("tracker: {name: dis}\nsegmenter: {name: grabcut}\n")
    few = ("--config", mark(tmp_path / "quick.yaml"), "--no-overlay")
    for option, name in (
        ("--session", "session.json"),
        ("--points", "points.json"),
        ("--points", "points.txt"),
    ):
        frames = () if option == "--session" else ("--max-frames", 1)
        done = here(
            "segment", clip, option, mark(tmp_path / name), *few, *frames, "-O", name.replace(".", "_")
        )
        assert done.returncode == 0, done.stderr
