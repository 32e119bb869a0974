"""A VOS benchmark called from Python."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sampt.benchmarks import DatasetChoice, Engine, run_vos
from sampt.benchmarks.datasets.miniature import write_miniature
from sampt.config import load_config
from sampt.errors import ConfigError, DatasetError, OutputError, VideoError
from tests.cli.conftest import damage_frame

QUICK = load_config("quick", ["sampling.positive.points=4", "sampling.positive.name=random"])


@pytest.fixture
def davis(tmp_path: Path) -> DatasetChoice:
    write_miniature("davis2017", tmp_path / "davis", frames=4)
    return DatasetChoice("davis2017", tmp_path / "davis")


def test_a_run_is_scored_and_tells_where_its_files_are(davis: DatasetChoice, tmp_path: Path) -> None:
    steps = []
    done = run_vos(davis, QUICK, tmp_path / "run", seeds=2, progress=lambda *step: steps.append(step))
    assert done.failures == {}
    assert (done.finished, done.total) == (2, 2)
    assert steps == [(n, 4) for n in range(5)]
    assert list(done.means.index) == [0, 1]
    written = pd.read_csv(done.folder / "metrics.csv").groupby("seed")["J&F-Mean"].mean()
    assert done.means["J&F-Mean"].tolist() == pytest.approx(written.tolist(), abs=1e-6)
    assert set(done.report.per_sequence) == {"tin-boat", "tin-cars"}
    assert (done.folder / "report.html").is_file()


def test_a_second_call_only_does_what_is_missing(davis: DatasetChoice, tmp_path: Path) -> None:
    part = run_vos(davis, QUICK, tmp_path / "run", sequences=["tin-boat"])
    assert part.finished == 1
    steps = []
    whole = run_vos(davis, QUICK, tmp_path / "run", progress=lambda *step: steps.append(step))
    assert whole.finished == 2
    assert steps == [(1, 2), (2, 2)]


def test_a_failure_is_told_and_the_others_are_done(davis: DatasetChoice, tmp_path: Path) -> None:
    damage_frame(davis.root / "JPEGImages/Full-Resolution/tin-boat/00002.jpg")
    done = run_vos(davis, QUICK, tmp_path / "run")
    ((task, reason),) = done.failures.items()
    assert (task.sequence, task.seed) == ("tin-boat", 0)
    assert "00002.png" in reason
    assert done.finished == 1
    with pytest.raises(VideoError, match=r"00002\.png"):
        run_vos(davis, QUICK, tmp_path / "run", strict=True)


def test_two_processes_share_the_work(davis: DatasetChoice, tmp_path: Path) -> None:
    alone = run_vos(davis, QUICK, tmp_path / "alone")
    shared = run_vos(davis, QUICK, tmp_path / "shared", engine=Engine(workers=2))
    pd.testing.assert_frame_equal(shared.means, alone.means)


class TestRefused:
    """Nothing is written."""

    def test_an_unknown_sequence(self, davis: DatasetChoice, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="bear"):
            run_vos(davis, QUICK, tmp_path / "run", sequences=["bear"])
        assert not (tmp_path / "run").exists()

    def test_several_seeds_and_one_of_its_own(self, davis: DatasetChoice, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"\b5\b.*--seeds 2"):
            run_vos(davis, load_config(QUICK, ["seed=5"]), tmp_path / "run", seeds=2)
        assert not (tmp_path / "run").exists()

    def test_a_folder_of_other_files(self, davis: DatasetChoice, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="davis"):
            run_vos(davis, QUICK, tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["davis"]

    def test_an_address_without_a_cluster(self) -> None:
        with pytest.raises(ConfigError, match="--engine ray"):
            Engine(address="auto")
