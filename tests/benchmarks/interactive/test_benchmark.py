"""Simulated annotators in every video of a dataset, called from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from sampt.benchmarks import DatasetChoice, Rules, run_interactive_benchmark
from sampt.benchmarks.datasets.miniature import write_miniature
from sampt.errors import EvaluationError


@pytest.fixture
def davis(tmp_path: Path) -> DatasetChoice:
    write_miniature("davis2017", tmp_path / "davis", frames=4)
    return DatasetChoice("davis2017", tmp_path / "davis")


def test_annotators_keep_to_their_budget(davis: DatasetChoice, tmp_path: Path) -> None:
    done = run_interactive_benchmark(davis, "quick", tmp_path / "run", rules=Rules(budget=2))
    assert done.failures == {}
    assert done.objects["interactions"].between(1, 2).all()
    assert [(a.sequence, a.object_id) for a in done.annotations] == [
        ("tin-boat", 1),
        ("tin-cars", 1),
        ("tin-cars", 2),
    ]
    assert (done.folder / "curve.png").is_file()


def test_another_run_to_compare_with_is_looked_at_first(davis: DatasetChoice, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="nowhere"):
        run_interactive_benchmark(davis, "quick", tmp_path / "run", compare=[tmp_path / "nowhere"])
    assert not (tmp_path / "run").exists()
