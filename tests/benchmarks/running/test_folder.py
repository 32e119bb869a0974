"""A run's folder: whole sequences or nothing, one run, one process."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from sampt.benchmarks.running.folder import open_run
from sampt.benchmarks.running.record import SequenceRecord
from sampt.errors import OutputError

from .runs import record as make_record


def description(**changes: Any) -> dict[str, Any]:
    plain = {
        "task": "vos",
        "dataset": {"name": "davis2017", "split": "val", "root": "/data"},
        "config": {"tracker": {"name": "dis", "options": {}}},
        "checkpoints": {},
        "seeds": [0],
        "versions": {"sampt": "1"},
    }
    return plain | changes


def test_a_sequence_is_finished_when_its_masks_are_there(tmp_path):
    with open_run(tmp_path / "run", description()) as folder:
        assert not folder.finished(0, "boat")
        folder.add(make_record("boat"), {"00000.png": b"mask"}, {})
        assert folder.finished(0, "boat")
        assert (tmp_path / "run/boat/00000.png").read_bytes() == b"mask"
        assert folder.records(0, ["boat", "car"]) == [SequenceRecord.read(folder.record_file(0, "boat"))]


def test_seeds_have_folders_of_their_own(tmp_path):
    with open_run(tmp_path / "run", description(seeds=[0, 1])) as folder:
        folder.add(make_record("boat", seed=1), {"00000.png": b"mask"}, {"3/00000.png": b"own"})
        assert folder.finished(1, "boat") and not folder.finished(0, "boat")
    assert (tmp_path / "run/seed-1/boat/00000.png").is_file()
    assert (tmp_path / "run/overlapping/seed-1/boat/3/00000.png").read_bytes() == b"own"


def test_it_is_found_again(tmp_path):
    with open_run(tmp_path / "run", description()) as folder:
        folder.add(make_record("boat"), {"00000.png": b"mask"}, {})
    moved = {"name": "davis2017", "split": "val", "root": "/elsewhere"}
    with open_run(tmp_path / "run", description(dataset=moved)) as folder:
        assert folder.finished(0, "boat")
        assert folder.description["dataset"]["root"] == "/data"


def test_what_a_killed_process_left_is_removed(tmp_path):
    with open_run(tmp_path / "run", description()):
        (tmp_path / "run/.boat.partial").mkdir()
    with open_run(tmp_path / "run", description()) as folder:
        assert not (tmp_path / "run/.boat.partial").exists()
        assert not folder.finished(0, "boat")


def test_a_record_without_masks_is_not_finished(tmp_path):
    with open_run(tmp_path / "run", description()) as folder:
        folder.add(make_record("boat"), {"00000.png": b"mask"}, {})
        shutil.rmtree(tmp_path / "run/boat")
        assert not folder.finished(0, "boat")


def test_another_run_is_refused_by_what_differs(tmp_path):
    with open_run(tmp_path / "run", description()):
        pass
    other = description(config={"tracker": {"name": "pips", "options": {}}})
    with (
        pytest.raises(OutputError, match=r"config\.tracker\.name.*\bdis\b.*\bpips\b"),
        open_run(tmp_path / "run", other),
    ):
        pass


def test_a_run_with_several_seeds_goes_on_with_more(tmp_path):
    with open_run(tmp_path / "run", description(seeds=[0, 1])) as folder:
        folder.add(make_record("boat", seed=1), {"00000.png": b"mask"}, {})
    with open_run(tmp_path / "run", description(seeds=[0, 1, 2], versions={"sampt": "2"})) as folder:
        assert folder.finished(1, "boat")
        assert folder.description["seeds"] == [0, 1, 2]
        assert folder.description["versions"] == {"sampt": "1"}


@pytest.mark.parametrize(("before", "now"), [([0], [0, 1]), ([0, 1, 2], [0, 1]), ([0, 1], [1, 2, 3])])
def test_seeds_that_would_lose_results_are_refused(before, now, tmp_path):
    with open_run(tmp_path / "run", description(seeds=before)):
        pass
    with (
        pytest.raises(OutputError, match="seeds"),
        open_run(tmp_path / "run", description(seeds=now)),
    ):
        pass


def test_other_files_are_not_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    for overwrite in (False, True):
        with (
            pytest.raises(OutputError, match=r"thesis\.tex"),
            open_run(tmp_path, description(), overwrite),
        ):
            pass
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_overwrite_removes_the_run_and_nothing_else(tmp_path):
    with open_run(tmp_path / "run", description()) as folder:
        folder.add(make_record("boat"), {"00000.png": b"mask"}, {})
    (tmp_path / "run/notes.txt").write_text("mine")
    with open_run(tmp_path / "run", description(seeds=[7]), overwrite=True) as folder:
        assert not folder.finished(7, "boat")
        assert not (tmp_path / "run/boat").exists()
    assert (tmp_path / "run/notes.txt").read_text() == "mine"


def test_one_process_at_a_time(tmp_path):
    with (
        open_run(tmp_path / "run", description()),
        pytest.raises(OutputError, match="another process"),
        open_run(tmp_path / "run", description()),
    ):
        pass


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"task": "vos"})])
def test_a_damaged_description_is_named(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(OutputError, match=r"run\.json"), open_run(tmp_path, description()):
        pass


def test_other_versions_are_warned_of(tmp_path, caplog):
    with open_run(tmp_path / "run", description()):
        pass
    with (
        caplog.at_level(logging.WARNING),
        open_run(tmp_path / "run", description(versions={"sampt": "2"})),
    ):
        pass
    (warning,) = caplog.messages
    assert str(tmp_path / "run") in warning


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    Path(tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputError, match="file/run"),
        open_run(tmp_path / "file/run", description()),
    ):
        pass
