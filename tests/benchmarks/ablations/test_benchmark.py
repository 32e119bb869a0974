"""A sweep called from Python."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sampt.benchmarks import DatasetChoice, run_sweep
from sampt.benchmarks.datasets.miniature import write_miniature
from sampt.errors import ConfigError, EvaluationError
from tests.cli.conftest import damage_frame

from .conftest import Read

SWEEP = """
base: quick
seeds: 2
overrides: {sampling.positive.name: random}
grid: {sampling.positive.points: [2, 6]}
"""


@pytest.fixture
def davis(tmp_path: Path) -> DatasetChoice:
    write_miniature("davis2017", tmp_path / "davis", frames=4)
    return DatasetChoice("davis2017", tmp_path / "davis")


def test_settings_are_compared_over_seeds(read: Read, davis: DatasetChoice, tmp_path: Path) -> None:
    done = run_sweep(read(SWEEP), davis, tmp_path / "run", sequences=["tin-boat"])
    assert list(done.means.index) == ["positive.points=2", "positive.points=6"]
    assert done.means["J&F-Mean", "mean"].between(0, 1).all()
    assert done.means["J&F-Mean", "std"].notna().all()
    assert done.failures.empty and not done.left_out
    assert done.markdown.startswith("| positive.points | J&F-Mean |")


def test_every_setting_can_be_adapted(read: Read, davis: DatasetChoice, tmp_path: Path) -> None:
    sweep = read(SWEEP)
    one = {"sequences": ["tin-boat"], "seeds": 1}
    run_sweep(sweep, davis, tmp_path / "run", **one, adapt=lambda c: replace(c, overlapping=True))
    assert (tmp_path / "run/positive.points=2/overlapping/tin-boat").is_dir()


def test_where_every_run_failed_the_file_of_failures_is_named(
    read: Read, davis: DatasetChoice, tmp_path: Path
) -> None:
    damage_frame(davis.root / "JPEGImages/Full-Resolution/tin-boat/00002.jpg")
    with pytest.raises(EvaluationError, match=r"failures\.csv"):
        run_sweep(read(SWEEP), davis, tmp_path / "run", sequences=["tin-boat"], seeds=1)
    assert (tmp_path / "run/failures.csv").is_file()


def test_a_part_with_a_wrong_option_is_refused(read: Read, davis: DatasetChoice, tmp_path: Path) -> None:
    sweep = read("{base: quick, settings: {odd: {tracker.options.patiance: 1}}}")
    with pytest.raises(ConfigError, match=r"'odd'.*patiance"):
        run_sweep(sweep, davis, tmp_path / "run")
    assert not (tmp_path / "run").exists()
