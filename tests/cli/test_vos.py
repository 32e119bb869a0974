"""``sampt vos``: miniatures of all datasets, crashes, engines, failures."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sampt.benchmarks.datasets.miniature import miniature_names, write_miniature
from sampt.benchmarks.datasets.registry import open_dataset

from .conftest import Cli, damage_frame

QUICK = ("-o", "sampling.positive.points=4", "-o", "sampling.positive.name=random")


@pytest.fixture(scope="module")
def davis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("davis")
    write_miniature("davis2017", folder, frames=5)
    return folder


def results(run: Path) -> dict[str, bytes]:
    """All that must not depend on how often a run was interrupted, or on who did the work."""
    return {
        str(file.relative_to(run)): file.read_bytes()
        for pattern in ("**/*.png", "**/*.csv")
        for file in run.glob(pattern)
    }


@pytest.mark.parametrize("name", miniature_names())
def test_every_dataset_from_one_command(name, here: Cli, tmp_path):
    write_miniature(name, tmp_path / "data", frames=4)
    done = here("vos", "--dataset", name, "--root", "data", "--output", "run", *QUICK)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    dataset = open_dataset(name, tmp_path / "data")
    for sequence in map(dataset.__getitem__, dataset.names):
        folder = tmp_path / "run" / sequence.name
        saved = [sequence.frames[position] for position in sequence.saved]
        assert sorted(p.name for p in folder.iterdir()) == sorted(f"{p.stem}.png" for p in saved)
        for position in sequence.saved:
            with Image.open(folder / f"{sequence.frames[position].stem}.png") as image:
                assert image.mode == "P"
                labels = np.asarray(image)
            given = [id for id, first in sequence.appearances.items() if first == position]
            assert set(np.unique(labels)) - {0} <= {
                k for k, p in sequence.appearances.items() if p <= position
            }
            for id in given:
                assert ((labels == id) == (sequence.labels(position) == id)).all()
    run = json.loads((tmp_path / "run/run.json").read_text())
    assert run["dataset"]["name"] == name
    assert run["versions"]["sampt"] and run["hardware"] and run["seeds"] == [0]
    assert "<title" in (tmp_path / "run/report.html").read_text()


@pytest.fixture(scope="module")
def whole(davis: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed, of two seeds; not to be changed."""
    folder = tmp_path_factory.mktemp("whole")
    arguments = ("vos", "--dataset", "davis2017", "--root", davis, "--output", folder / "run", "--seeds", 2)
    done = subprocess.run(
        [sys.executable, "-m", "sampt", *map(str, (*arguments, *QUICK))],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert "J&F-Mean" in done.stdout
    return folder / "run"


def test_scores_are_those_of_evaluate(here: Cli, davis, whole, tmp_path):
    ours = whole / "seed-0"
    here("evaluate", "--results", ours, "--dataset", "davis2017", "--root", davis, "--csv", tmp_path)
    for name in ("global_results-val.csv", "per-sequence_results-val.csv"):
        assert (tmp_path / name).read_bytes() == (ours / name).read_bytes()
    metrics = pd.read_csv(whole / "metrics.csv")
    assert metrics[["seed", "sequence", "object"]].notna().all(axis=None)
    assert metrics["J&F-Mean"].between(0.2, 1).all()


def test_seeds_differ_and_are_averaged(whole):
    assert set(pd.read_csv(whole / "metrics.csv")["seed"]) == {0, 1}
    masks = [b"".join(f.read_bytes() for f in sorted(whole.glob(f"seed-{n}/*/*.png"))) for n in (0, 1)]
    assert masks[0] != masks[1]
    assert "±" in (whole / "report.html").read_text()


def test_seeds_share_embeddings(whole):
    records = [json.loads((whole / f"records/{n}/tin-boat.json").read_text()) for n in (0, 1)]
    assert records[0]["encoder"]["frames"] > 0
    assert records[1]["encoder"]["frames"] == 0


class TestInterrupted:
    @pytest.mark.slow
    def test_killed_and_started_again_it_ends_as_if_nothing_had_happened(
        self, sampt: Cli, davis, whole, tmp_path
    ):
        command = ("vos", "--dataset", "davis2017", "--root", davis, "--seeds", 2, "--output", "run", *QUICK)
        run = tmp_path / "run"
        self.start_and_kill(*command, until=run / "seed-1/tin-boat", folder=tmp_path)
        first = run / "records/0/tin-boat.json"
        assert not (run / "metrics.csv").exists()
        written = first.stat().st_mtime_ns
        done = sampt(*command)
        assert done.returncode == 0, done.stderr
        assert first.stat().st_mtime_ns == written
        assert results(run) == results(whole)
        assert not list(run.glob(".*")) + list(run.glob("*/.*"))

    @staticmethod
    def start_and_kill(*arguments: object, until: Path, folder: Path) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "sampt", *map(str, arguments)],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 120
        while not until.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        assert until.exists()
        process.send_signal(signal.SIGKILL)
        process.wait()

    def test_a_finished_run_is_only_reported_again(self, here: Cli, davis, whole, tmp_path):
        shutil.copytree(whole, tmp_path / "run")
        before = {file: file.stat().st_mtime_ns for file in tmp_path.glob("run/seed-*/*/*.png")}
        (tmp_path / "run/report.html").unlink()
        command = ("vos", "--dataset", "davis2017", "--root", davis, "--seeds", 2, "--output", "run", *QUICK)
        done = here(*command)
        assert done.returncode == 0
        (said,) = done.stderr.splitlines()
        assert said.startswith("Already finished: 2 sequences with 2 seeds, J&F ")
        assert f"see {Path('run/report.html')}; --overwrite" in said
        assert {file: file.stat().st_mtime_ns for file in before} == before
        assert (tmp_path / "run/report.html").exists()

    def test_of_a_finished_run_a_part_again_changes_nothing(self, here: Cli, davis, whole, tmp_path):
        shutil.copytree(whole, tmp_path / "run")
        part = ("--sequence", "tin-boat", "--seeds", 2, "--output", "run")
        done = here("vos", "--dataset", "davis2017", "--root", davis, *part, *QUICK)
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith("Already finished: 2 sequences with 2 seeds")
        assert results(tmp_path / "run") == results(whole)
        assert "tin-cars" in (tmp_path / "run/report.html").read_text()


def test_a_run_with_one_seed_goes_on_with_a_second(here: Cli, davis, whole, tmp_path):
    command = ("vos", "--dataset", "davis2017", "--root", davis, "--output", "run", *QUICK)
    assert here(*command).returncode == 0
    record = tmp_path / "run/records/0/tin-boat.json"
    written = record.stat().st_mtime_ns
    done = here(*command, "--seeds", 2)
    assert done.returncode == 0, done.stderr
    assert record.stat().st_mtime_ns == written
    assert results(tmp_path / "run") == results(whole)
    fewer = here(*command)
    assert (fewer.returncode, "give --seeds 2" in fewer.stderr) == (2, True)


@pytest.mark.parametrize(
    "engine",
    ["local", pytest.param("ray", marks=[pytest.mark.slow, pytest.mark.xdist_group("ray")])],
)
def test_all_engines_give_the_same(engine, whole, sampt: Cli, davis, tmp_path):
    if engine == "ray":
        pytest.importorskip("ray")
    arguments = ("--dataset", "davis2017", "--root", davis, "--output", "run", "--seeds", 2)
    done = sampt("vos", *arguments, *QUICK, "--engine", engine, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert results(tmp_path / "run") == results(whole)


class TestFailures:
    """A frame is damaged in the middle, which only decoding finds."""

    @pytest.fixture
    def broken(self, tmp_path) -> Path:
        write_miniature("davis2017", tmp_path / "data", frames=4)
        damage_frame(tmp_path / "data/JPEGImages/Full-Resolution/tin-boat/00002.jpg")
        return tmp_path / "data"

    def test_one_failing_sequence_is_reported_and_the_others_done(self, broken, sampt: Cli, tmp_path):
        done = sampt("vos", "--dataset", "davis2017", "--root", broken, "--output", "run", *QUICK)
        assert done.returncode == 3
        assert "tin-boat, seed 0 failed" in done.stderr and "00002.png" in done.stderr
        assert (tmp_path / "run/tin-cars").is_dir() and not (tmp_path / "run/tin-boat").exists()
        assert "00002.png" in (tmp_path / "run/report.html").read_text()

    def test_strict_stops_at_it(self, broken, here: Cli, tmp_path):
        done = here("vos", "--dataset", "davis2017", "--root", broken, "--output", "run", "--strict", *QUICK)
        assert (done.returncode, done.stderr.count("\n")) == (2, 2)  # what is used, and the error
        assert "00002.png" in done.stderr
        assert not (tmp_path / "run/tin-cars").exists()


class TestBadInput:
    """All of it is found before work starts."""

    def refused(self, here: Cli, davis: Path, *arguments: object, **kwargs: object) -> str:
        done = here("vos", "--dataset", "davis2017", "--root", davis, "--output", "run", *arguments)
        assert done.returncode == 2, done.stderr
        *before, message = done.stderr.splitlines()
        assert message.startswith("Error: ") and all(line.startswith("Using ") for line in before)
        return message

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("-o", "seed=5", "--seeds", 2), "seed 5 and --seeds 2"),
            (("--address", "auto"), "--engine ray"),
            (("--wandb-video", "tin-boat"), "--wandb"),
            (("--wandb", "--wandb-mode", "online"), "wandb login"),
        ],
    )
    def test_options_that_contradict_each_other(self, here: Cli, davis, options, said, tmp_path, monkeypatch):
        if "--wandb" in options:
            pytest.importorskip("wandb")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("WANDB_API_KEY", raising=False)
        assert said in self.refused(here, davis, *options)

    def test_a_sequence_with_the_name_of_a_run_s_own_file(self, here: Cli, tmp_path):
        write_miniature("generic", tmp_path / "data", frames=4)
        for folder in ("JPEGImages", "Annotations"):
            first = sorted((tmp_path / "data" / folder).iterdir())[0]
            first.rename(first.with_name("records"))
        done = here("vos", "--dataset", "generic", "--root", "data", "--output", "run")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "records" in done.stderr and not (tmp_path / "run").exists()

    def test_a_wrong_root(self, here: Cli, tmp_path):
        assert "JPEGImages" in self.refused(here, tmp_path)

    def test_an_unknown_sequence(self, here: Cli, davis):
        assert "bear" in self.refused(here, davis, "--sequence", "bear")

    def test_a_sequence_without_its_annotation(self, here: Cli, tmp_path):
        write_miniature("davis2017", tmp_path / "data", frames=4)
        (tmp_path / "data/Annotations/480p/tin-cars/00000.png").unlink()
        message = self.refused(here, tmp_path / "data")
        assert "tin-cars" in message
        assert not (tmp_path / "run").exists()

    def test_half_a_download(self, here: Cli, tmp_path):
        write_miniature("davis2017", tmp_path / "data", frames=4)
        frame = tmp_path / "data/JPEGImages/480p/tin-cars/00003.jpg"
        frame.write_bytes(frame.read_bytes()[:2000])
        assert "00003.jpg" in self.refused(here, tmp_path / "data")

    def test_sizes_that_differ(self, here: Cli, tmp_path):
        write_miniature("davis2017", tmp_path / "data", frames=4)
        file = tmp_path / "data/Annotations/480p/tin-cars/00000.png"
        with Image.open(file) as image:
            image.resize((10, 10)).save(file)
        assert "00000.png" in self.refused(here, tmp_path / "data")

    def test_the_folder_of_another_run(self, here: Cli, davis, whole, tmp_path):
        shutil.copytree(whole, tmp_path / "run")
        before = results(tmp_path / "run")
        assert "config.tracker.name" in self.refused(
            here, davis, "--seeds", 2, "--tracker", "lucas-kanade", *QUICK
        )
        assert results(tmp_path / "run") == before

    def test_a_checkpoint_that_is_not_there(self, here: Cli, davis):
        message = self.refused(here, davis, "--segmenter", "mobile-sam", "--segmenter-checkpoint", "none.pt")
        assert "none.pt" in message

    def test_no_ray_cluster_there(self, here: Cli, davis):
        pytest.importorskip("ray")
        message = self.refused(here, davis, "--engine", "ray", "--address", "127.0.0.1:1", *QUICK)
        assert "127.0.0.1:1" in message


def test_overlapping_masks_lie_apart(here: Cli, davis, tmp_path):
    arguments = ("--dataset", "davis2017", "--root", davis, "--sequence", "tin-cars", "--output", "run")
    done = here("vos", *arguments, "-o", "overlapping=true", *QUICK)
    assert done.returncode == 0, done.stderr
    sequence = open_dataset("davis2017", davis)["tin-cars"]
    own = tmp_path / "run/overlapping/tin-cars"
    assert sorted(p.name for p in own.iterdir()) == sorted(map(str, sequence.appearances))
    assert {p.suffix for p in (tmp_path / "run/tin-cars").iterdir()} == {".png"}


def test_weights_and_biases_offline(sampt: Cli, davis, tmp_path):
    pytest.importorskip("wandb")
    arguments = ("--dataset", "davis2017", "--root", davis, "--output", "run", "--wandb", *QUICK)
    done = sampt(
        "vos", *arguments, "--wandb-mode", "offline", "--wandb-video", "tin-boat", HOME=str(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    (logged,) = (tmp_path / "run").glob("wandb/offline-run-*/*.wandb")
    command = done.stderr.splitlines()[-1].partition("to upload them: ")[2].split()
    assert command[:2] == ["wandb", "sync"]
    assert (tmp_path / command[2]).samefile(logged.parent)
