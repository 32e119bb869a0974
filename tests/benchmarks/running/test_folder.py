"""A run's folder: whole sequences or nothing, one run, one process."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sampt.benchmarks.running.folder import RunFolder, check_run, open_run
from sampt.benchmarks.running.record import SequenceRecord
from sampt.errors import EvaluationError, OutputError

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


def finished_with_one_seed(path: Path, names: tuple[str, ...]) -> None:
    with open_run(path, description()) as folder:
        for name in names:
            folder.add(make_record(name), {"00000.png": name.encode()}, {"3/00000.png": b"own"})
    (path / "global_results-val.csv").touch()


def test_a_run_with_one_seed_goes_on_with_more(tmp_path):
    """Its masks are then where they would be if all seeds had been there from the start."""
    run = tmp_path / "run"
    finished_with_one_seed(run, ("boat", "car"))
    with open_run(run, description(seeds=[0, 1])) as folder:
        assert folder.finished_of(0, ["boat", "car"]) == ["boat", "car"]
        assert folder.finished_of(1, ["boat", "car"]) == []
        assert folder.description["seeds"] == [0, 1]
    assert sorted(p.name for p in run.iterdir()) == ["overlapping", "records", "run.json", "seed-0"]
    assert (run / "seed-0/car/00000.png").read_bytes() == b"car"
    assert (run / "overlapping/seed-0/car/3/00000.png").read_bytes() == b"own"
    assert not (run / "overlapping/car").exists()


KILLED = """
import json, os, signal, sys
from pathlib import Path
from sampt.benchmarks.running.folder import RunFolder, check_run, open_run

path, description, left = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])

def hook(event, arguments):
    global left
    if event == "os.rename" and str(arguments[0]).endswith(tuple("abcd")):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
with open_run(path, description):
    pass
"""
"""Opens a run, and is killed before a sequence's folder is moved for the n-th time."""


@pytest.mark.parametrize("moves", [1, 2, 6, 8])  # of 4 folders of overlapping masks, then 4 of label maps
@pytest.mark.parametrize("then", [[0], [0, 1]])
def test_a_kill_while_masks_move_loses_nothing(moves, then, tmp_path):
    run, names = tmp_path / "run", ("a", "b", "c", "d")
    finished_with_one_seed(run, names)
    more = json.dumps(description(seeds=[0, 1]))
    done = subprocess.run([sys.executable, "-c", KILLED, str(run), more, str(moves)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(run.glob("seed-0/*"))) == max(0, moves - 5)
    with open_run(run, description(seeds=then)) as folder:
        assert folder.finished_of(0, names) == list(names)
        assert len(list(folder.overlapping(0).glob("[a-d]/3/00000.png"))) == 4
    assert len(list(run.rglob("00000.png"))) == 8
    assert (run / "seed-0").exists() == (then == [0, 1])


def test_a_run_with_several_seeds_goes_on_with_more(tmp_path):
    with open_run(tmp_path / "run", description(seeds=[0, 1])) as folder:
        folder.add(make_record("boat", seed=1), {"00000.png": b"mask"}, {})
    with open_run(tmp_path / "run", description(seeds=[0, 1, 2], versions={"sampt": "2"})) as folder:
        assert folder.finished(1, "boat")
        assert folder.description["seeds"] == [0, 1, 2]
        assert folder.description["versions"] == {"sampt": "1"}


@pytest.mark.parametrize(("before", "now"), [([3], [0, 1]), ([0, 1, 2], [0, 1]), ([0, 1], [1, 2, 3])])
def test_seeds_that_would_lose_results_are_refused(before, now, tmp_path):
    with open_run(tmp_path / "run", description(seeds=before)):
        pass
    with (
        pytest.raises(OutputError, match="seeds"),
        open_run(tmp_path / "run", description(seeds=now)),
    ):
        pass


def test_fewer_seeds_are_refused_with_the_number_that_is_there(tmp_path):
    with open_run(tmp_path / "run", description(seeds=[0, 1, 2])):
        pass
    for fewer in ([0], [0, 1]):
        with pytest.raises(OutputError, match=r"3 seeds.*give --seeds 3"):
            check_run(tmp_path / "run", description(seeds=fewer))


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


def test_a_folder_is_read_without_a_description_of_what_is_wanted(tmp_path):
    with open_run(tmp_path / "run", description(seeds=[0, 3])):
        pass
    assert RunFolder.existing(tmp_path / "run").seeds == (0, 3)
    with pytest.raises(EvaluationError, match=r"no run\.json"):
        RunFolder.existing(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(EvaluationError, match=r"run\.json is damaged"):
        RunFolder.existing(tmp_path)
