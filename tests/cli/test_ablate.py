"""``sampt ablate``: a small sweep, crashes, failures, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from sampt.benchmarks.datasets.miniature import write_miniature
from sampt.benchmarks.running.folder import open_run
from sampt.cli import run as run_here

from .conftest import Cli, damage_frame

SWEEP = """
base: quick
seeds: 2
overrides: {sampling.positive.name: random}
grid:
  sampling.positive.points: [2, 6]
  sampling.negative.points: [8]
"""

FEW, MANY = SLUGS = ("positive.points=2-negative.points=8", "positive.points=6-negative.points=8")
NAMES = [slug.replace("-", ", ") for slug in SLUGS]

BESIDE = {
    "run.json",
    "runs.csv",
    *(f"{table}.{suffix}" for table in ("settings", "pivot") for suffix in ("md", "tex")),
    "settings.csv",
    *(f"{plot}.{suffix}" for plot in ("sequences", "values") for suffix in ("png", "svg")),
}
"""What lies in a finished sweep's folder beside the settings' own."""


@pytest.fixture(scope="module")
def davis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("davis")
    write_miniature("davis2017", folder, frames=4)
    return folder


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sweep") / "mine.yaml"
    file.write_text(SWEEP)
    return file


@pytest.fixture(scope="module")
def whole(davis: Path, sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep that nothing disturbed; not to be changed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    arguments = ("ablate", sweep, "--dataset", "davis2017", "--root", davis, "--output", folder)
    done = subprocess.run(
        [sys.executable, "-m", "sampt", *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.stdout.startswith("| positive.points | negative.points | J&F-Mean |")
    assert "failed" not in done.stderr and "tin-boat" not in done.stderr
    return folder


def results(sweep: Path) -> dict[str, bytes]:
    """All that must not depend on how often a sweep was interrupted."""
    return {
        str(file.relative_to(sweep)): file.read_bytes()
        for pattern in ("**/*.png", "**/*.csv", "*.svg", "*.md", "*.tex")
        for file in sweep.glob(pattern)
    }


class TestWhole:
    def test_a_folder_a_setting_beside_tables_and_plots(self, whole):
        assert {path.name for path in whole.iterdir()} == BESIDE | set(SLUGS)
        for slug in SLUGS:
            assert len(list((whole / slug).glob("seed-[01]/tin-*/0000[0-3].png"))) == 16

    def test_the_table_is_of_the_runs_own_scores(self, whole):
        rows = pd.read_csv(whole / "settings.csv").set_index("setting")
        assert list(rows.index) == NAMES
        for name, slug in zip(NAMES, SLUGS, strict=True):
            means = pd.read_csv(whole / slug / "metrics.csv").groupby("seed")["J&F-Mean"].mean()
            assert rows.loc[name, "J&F-Mean"] == pytest.approx(100 * means.mean(), abs=1e-3)
            assert rows.loc[name, "J&F-Mean std"] == pytest.approx(100 * means.std(), abs=1e-3)

    def test_more_points_are_better(self, whole):
        few, many = pd.read_csv(whole / "settings.csv")["J&F-Mean"]
        assert many > few + 10

    def test_the_sweep_tells_which_setting_is_where(self, whole):
        described = json.loads((whole / "run.json").read_text())
        assert (described["task"], described["seeds"]) == ("ablate", [0, 1])
        assert described["config"]["settings"] == dict(zip(NAMES, SLUGS, strict=True))

    @pytest.mark.parametrize("sequence", ["tin-boat", "tin-cars"])
    def test_frames_are_encoded_once_for_all_settings_and_seeds(self, whole, sequence):
        records = [
            json.loads((whole / slug / f"records/{seed}/{sequence}.json").read_text())
            for slug in SLUGS
            for seed in (0, 1)
        ]
        assert [record["encoder"]["frames"] for record in records] == [4, 0, 0, 0]


def test_killed_and_started_again_it_ends_as_if_nothing_had_happened(
    here: Cli, davis, sweep, whole, tmp_path
):
    command = ("ablate", sweep, "--dataset", "davis2017", "--root", davis, "--output", "run")
    first, until = (tmp_path / "run" / slug / "seed-0/tin-boat" for slug in SLUGS)
    process = subprocess.Popen(
        [sys.executable, "-m", "sampt", *map(str, command)],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not until.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert until.exists() and not (tmp_path / "run/runs.csv").exists()
    written = first.stat().st_mtime_ns
    done = here(*command)
    assert done.returncode == 0, done.stderr
    assert first.stat().st_mtime_ns == written
    assert results(tmp_path / "run") == results(whole)
    assert not list((tmp_path / "run").rglob(".*"))


def test_with_one_seed_and_then_with_two_it_is_the_same_and_then_finished(
    here: Cli, davis, sweep, whole, tmp_path
):
    command = ("ablate", sweep, "--dataset", "davis2017", "--root", davis, "--output", "run")
    assert here(*command, "--seeds", 1).returncode == 0
    record = tmp_path / "run" / FEW / "records/0/tin-boat.json"
    written = record.stat().st_mtime_ns
    assert here(*command).returncode == 0
    assert record.stat().st_mtime_ns == written
    assert results(tmp_path / "run") == results(whole)
    again = here(*command)
    assert (again.returncode, again.stderr.count("\n")) == (0, 1)
    assert again.stderr.startswith("Already finished: 2 settings; see run/settings.md; --overwrite")


def test_begun_anew_nothing_of_the_old_sweep_is_left(here: Cli, davis, whole, tmp_path):
    """The new one has one axis, whose values are no numbers: no pivot, and one plot less."""
    shutil.copytree(whole, tmp_path / "run")
    (tmp_path / "run/failures.csv").write_text("old")
    (tmp_path / "other.yaml").write_text("{base: quick, settings: {run.json: {sampling.positive.points: 2}}}")
    arguments = ("--dataset", "davis2017", "--root", davis, "--sequence", "tin-boat", "--output", "run")
    done = here("ablate", "other.yaml", *arguments, "--overwrite")
    assert done.returncode == 0, done.stderr
    gone = {"pivot.md", "pivot.tex", "values.png", "values.svg"}
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert {name for name in left if not name.startswith("run.json-")} == BESIDE - gone
    assert len(list((tmp_path / "run").glob("run.json-*/tin-boat/*.png"))) == 4


def test_a_failing_sequence_is_named_and_the_others_are_compared(here: Cli, davis, sweep, whole, tmp_path):
    """A frame is damaged in the middle, which only decoding finds."""
    shutil.copytree(davis, tmp_path / "data")
    damage_frame(tmp_path / "data/JPEGImages/Full-Resolution/tin-boat/00003.jpg")
    done = here("ablate", sweep, "--dataset", "davis2017", "--root", "data", "--output", "run")
    assert (done.returncode, "Traceback" in done.stderr) == (3, False), done.stderr
    assert "4 failed" in done.stderr and f"{NAMES[0]}; {NAMES[1]}" in done.stderr
    assert done.stderr.splitlines()[-2].endswith(": tin-boat.")
    failures = pd.read_csv(tmp_path / "run/failures.csv")
    assert list(zip(failures["setting"], failures["seed"], strict=True)) == [
        (name, seed) for name in NAMES for seed in (0, 1)
    ]
    assert set(failures["sequence"]) == {"tin-boat"}
    assert failures["error"].str.contains("00003.png").all()
    expected = pd.read_csv(whole / "runs.csv").query("sequence == 'tin-cars'").reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "run/runs.csv"), expected)
    assert (tmp_path / "run/settings.md").is_file()


class TestBadInput:
    """All of it is found before work starts."""

    @pytest.fixture
    def refused(self, davis, sweep, tmp_path, monkeypatch, capfd):
        """The message by which a command is refused, in an empty folder; the last of equal options counts."""
        monkeypatch.chdir(tmp_path)

        def refused(*arguments: object, file: Path = sweep, output: str | None = "run") -> str:
            options = ["--dataset", "davis2017", "--root", davis, *(["--output", output] if output else [])]
            code = run_here([str(a) for a in ("ablate", file, *options, *arguments)])
            out, err = capfd.readouterr()
            assert (code, out) == (2, "")
            assert err.startswith("Error: ") and err.count("\n") == 1
            return str(err)

        return refused

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("{base: quick, grid: {prompting.refinement: [1]}}", "'prompting.refinements'"),
            ("{base: quick, settings: {a: {}, b: {}}}", "'a' and 'b'"),
            ("{base: quick, gird: {}}", "gird"),
            ("{base: quick, grid: {segmenter.name: [sam-vit-b]}, overrides: {", "is not valid YAML"),
        ],
    )
    def test_a_file_that_makes_no_sense(self, refused, tmp_path, text, said):
        file = tmp_path / "wrong.yaml"
        file.write_text(text)
        message = refused(file=file)
        assert "wrong.yaml" in message and said in message
        assert not (tmp_path / "run").exists()

    def test_no_such_ablation(self, refused):
        assert "'points'" in refused(file=Path("pionts"))

    def test_what_is_varied_cannot_be_fixed(self, refused):
        assert "sampling.positive.points" in refused("-o", "sampling.positive.points=3")

    def test_sequences_without_public_truth(self, refused, tmp_path):
        message = refused("--split", "test-dev")
        assert "davis2017 test-dev" in message and "--split" in message
        assert not (tmp_path / "run").exists()

    def test_an_unknown_sequence(self, refused):
        assert "bear" in refused("--sequence", "bear")

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (("--seeds", "1"), "2 seeds, more than the 1 asked for: give --seeds 2"),
            (("--tracker", "lucas-kanade"), "config.tracker.name is dis there and lucas-kanade here"),
        ],
    )
    def test_the_folder_of_a_sweep_with_other_options(self, refused, whole, tmp_path, change, said):
        shutil.copytree(whole, tmp_path / "run")
        before = results(tmp_path / "run")
        message = refused(*change)
        assert said in message and "--overwrite" in message
        assert results(tmp_path / "run") == before

    def test_the_folder_of_a_sweep_of_other_settings(self, refused, whole, tmp_path):
        shutil.copytree(whole, tmp_path / "run")
        before = results(tmp_path / "run")
        file = tmp_path / "other.yaml"
        file.write_text(SWEEP.replace("[2, 6]", "[2, 9]"))
        message = refused(file=file)
        assert f"config.settings.{NAMES[1]} is {MANY} there and None here" in message
        assert results(tmp_path / "run") == before

    def test_the_folder_of_a_single_run(self, refused, whole, tmp_path):
        shutil.copytree(whole / FEW, tmp_path / "run")
        assert "task is vos there and ablate here" in refused()
        assert (tmp_path / "run/seed-0/tin-boat").is_dir() and not (tmp_path / "run" / FEW).exists()

    def test_a_folder_that_another_process_is_at(self, refused, whole, tmp_path):
        shutil.copytree(whole, tmp_path / "run")
        with open_run(tmp_path / "run", json.loads((whole / "run.json").read_text())):
            assert "another process" in refused()

    def test_the_folder_is_named_after_the_list_that_a_split_is(self, refused, tmp_path):
        write_miniature("generic", tmp_path / "data", frames=6)
        theirs = tmp_path / "results/mine-generic-late/thesis.tex"
        theirs.parent.mkdir(parents=True)
        theirs.write_text("years of work")
        dataset = ("--dataset", "generic", "--root", "data", "--split", "data/ImageSets/late.txt")
        message = refused(*dataset, output=None)
        assert "mine-generic-late" in message and "thesis.tex" in message
