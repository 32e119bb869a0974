"""The methods of a worker share a sequence's embeddings, but only of the same frames."""

from __future__ import annotations

from pathlib import Path

import pytest

from sampt.benchmarks import DatasetChoice
from sampt.benchmarks.datasets.miniature import write_miniature
from sampt.benchmarks.running.tasks import SequenceTask, TaskResult
from sampt.benchmarks.vos.worker import VosWorker
from sampt.config import load_config

QUICK = load_config("quick", ["sampling.positive.points=4", "sampling.positive.name=random"])
SETTINGS = {
    "own size": QUICK,
    "half": load_config(QUICK, ["working_size.longest_side=80"]),
    "half, other points": load_config(QUICK, ["working_size.longest_side=80", "sampling.positive.points=5"]),
}


@pytest.fixture
def mose(tmp_path: Path) -> DatasetChoice:
    write_miniature("mose", tmp_path / "mose", frames=4)
    return DatasetChoice("mose", tmp_path / "mose")


def run(worker: VosWorker, setting: str) -> TaskResult:
    return worker(SequenceTask("1a2b3c4d", 0, setting))


def test_embeddings_are_shared_by_settings_of_one_working_size_only(mose: DatasetChoice) -> None:
    worker = VosWorker(mose, SETTINGS)
    done = {setting: run(worker, setting) for setting in SETTINGS}
    assert done["own size"].record.encoder["frames"] > 0
    assert done["half"].record.encoder["frames"] > 0
    assert done["half, other points"].record.encoder["frames"] == 0
    for setting, result in done.items():
        assert result.files == run(VosWorker(mose, {setting: SETTINGS[setting]}), setting).files
    assert done["half"].files != done["own size"].files
