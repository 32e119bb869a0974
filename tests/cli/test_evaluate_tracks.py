"""``sampt evaluate-tracks``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sampt.benchmarks.tracks.data import PickledVideos, write_tapvid_miniature
from sampt.benchmarks.tracks.evaluation import evaluate_tracks
from sampt.benchmarks.tracks.saved import save_truth
from sampt.cli import run
from sampt.synthetic.scene import SyntheticScene
from sampt.trackers.registry import create_tracker

from .conftest import Cli


def rows(stdout: str) -> list[list[str]]:
    lines = [line.split() for line in stdout.splitlines()]
    return [line for line in lines if line and not line[0].startswith("─")]


def test_trackers_on_a_pickle(sampt: Cli, tmp_path: Path) -> None:
    path = write_tapvid_miniature(tmp_path / "mini.pkl", "davis")
    trackers = ("lucas-kanade", "dis")
    chosen = [argument for name in trackers for argument in ("--tracker", name)]
    options = ("--queries", "strided", "--resolution", "original", "--json", "out.json")
    done = sampt("evaluate-tracks", *chosen, "--data", path, *options)
    assert done.returncode == 0, done.stderr

    expected = evaluate_tracks(
        {name: create_tracker(name) for name in trackers}, PickledVideos(path), "strided", None
    )
    means = 100 * expected.means
    lucas_kanade, dis = (means.loc[(name, "mini")].map("{:.1f}".format).tolist() for name in trackers)
    header, *table = rows(done.stdout)
    assert header == ["tracker", "mini"]
    assert table[:6] == [
        ["lucas-kanade", "AJ", lucas_kanade[0]],
        ["δ_avg", lucas_kanade[1]],
        ["OA", lucas_kanade[2]],
        ["dis", "AJ", dis[0]],
        ["δ_avg", dis[1]],
        ["OA", dis[2]],
    ]
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["settings"] == {"queries": "strided", "resolution": "original"}
    assert report["videos"] == expected.as_dict()["videos"]


def test_a_condition_of_the_generated_scenes(tmp_path: Path) -> None:
    command = ["-m", "sampt", "evaluate-tracks", "--condition", "slow"]
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    header, first, *_ = rows(done.stdout)
    assert header == ["tracker", "slow"]
    assert first[:2] == ["lucas-kanade", "AJ"]
    assert float(first[2]) > 50


def test_the_tracks_of_a_run(here: Cli, scene: SyntheticScene, clip: Path, tmp_path: Path) -> None:
    """A click on each object, among the points that the run adds, against the exact tracks of the clicks."""
    queries, _ = scene.sample_queries(1, np.random.default_rng(1))
    clicks = [f"{k + 1}:0:{x:g},{y:g}:+" for k, (_, x, y) in enumerate(queries)]
    points = [argument for click in clicks for argument in ("--point", click)]
    done = here("segment", clip, *points, "--no-overlay", "--max-frames", 5, "--output", "out")
    assert done.returncode == 0, done.stderr
    truth = scene.trajectories(queries)
    save_truth(tmp_path / "truth.npz", truth.xy, truth.visible, scene.size)
    done = here("evaluate-tracks", "--tracks", "out/trajectories.npz", "--truth", "truth.npz")
    assert done.returncode == 0, done.stderr
    header, _, delta, _, _ = rows(done.stdout)
    assert header == ["tracker", "truth"]
    assert float(delta[1]) > 50


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ((), "--synthetic"),
        (("--synthetic", "--data", "a.pkl"), "--data"),
        (("--tracks", "a.npz"), "--truth"),
        (("--tracks", "a.npz", "--truth", "b.npz", "--queries", "strided"), "--queries strided"),
        (("--data", "nowhere.pkl"), "nowhere.pkl"),
        (("--synthetic", "--tracker", "diss"), "'dis'"),
        (("--synthetic", "--json", "no/out.json"), "no/out.json"),
    ],
)
def test_what_makes_no_sense_is_refused(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate-tracks", *arguments]) == 2
    out, error = capsys.readouterr()
    assert sentence in error
    assert out == ""
