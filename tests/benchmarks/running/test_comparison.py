"""Finished runs side by side, from folders without their dataset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sampt.benchmarks.running.comparison import Comparison, differing, run_names, signed, write_comparison
from sampt.benchmarks.running.folder import open_run
from sampt.benchmarks.running.saved_runs import SavedRun, runs_in
from sampt.errors import DatasetError, EvaluationError

from .runs import Page, frame_scores, record

Scores = dict[str, float]


def make_run(path: Path, *seeds: Scores, split: str = "val", **changes: Any) -> Path:
    """A run whose sequences' J is given for each seed; F is half of it, so J&F is three quarters."""
    described = {
        "task": "vos",
        "dataset": {"name": "davis2017", "split": split, "options": {}, "root": "nowhere"},
        "config": {"tracker": {"name": "dis"}},
        "checkpoints": {},
        "seeds": list(range(len(seeds))),
        "protocol": "davis",
        "sequences": 3,
        "versions": {"sampt": "1"},
        **changes,
    }
    with open_run(path, described) as folder:
        for seed, scores in enumerate(seeds):
            for name, j in scores.items():
                made = frame_scores(name, [j, j, 0.0])  # the last frame does not count
                folder.add(record(name, seed, scores=made), {"00000.png": b""}, {})
    return path


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return make_run(tmp_path / "first", {"bear": 0.8, "camel": 0.4, "dog": 0.6})


def compared(tmp_path: Path, *runs: Path) -> Page:
    page = tmp_path / "comparison.html"
    write_comparison(page, Comparison.of([SavedRun(run) for run in runs]))
    return Page(page)


def test_measures_stand_side_by_side_with_their_spread_over_seeds(first: Path, tmp_path: Path) -> None:
    second = make_run(
        tmp_path / "second",
        *({"bear": j, "camel": j, "dog": j} for j in (0.4, 0.8)),
        config={"tracker": {"name": "pips"}},
    )
    made = compared(tmp_path, first, second)
    rows = {row[0]: row for row in made.rows[:3]}
    assert rows["run"][:3] == ["run", "J&F-Mean", "J-Mean"]
    assert rows["first"][1:3] == ["45.0", "60.0"]
    assert rows["second"][1:3] == ["45.0 ± 21.2", "60.0 ± 28.3"]
    assert rows["second"][-2:] == ["2", "4.00"]
    assert made.row("config.tracker.name") == ["dis", "pips"]
    assert made.row("seeds") == ["0", "0, 1"]
    assert "Software and hardware are the same." in made.text


def test_sequences_are_sorted_by_how_much_better_the_second_run_is(first: Path, tmp_path: Path) -> None:
    second = make_run(tmp_path / "second", {"bear": 0.6, "camel": 0.8, "dog": 0.6})
    made = compared(tmp_path, first, second)
    rows = [row for row in made.rows if row[0] in ("bear", "camel", "dog")]
    assert rows == [
        ["camel", "30.0", "60.0", "+30.0"],
        ["dog", "45.0", "45.0", "0.0"],
        ["bear", "60.0", "45.0", "−15.0"],
    ]
    assert made.rows[4] == ["second", "+5.0", "1", "1", "1"]
    assert "The settings are the same." in made.text


def test_only_common_sequences_count_and_the_others_are_named(first: Path, tmp_path: Path) -> None:
    """A sequence that is finished with one of two seeds is not finished."""
    second = make_run(tmp_path / "second", {"bear": 0.8, "camel": 0.4, "eel": 0.1}, {"bear": 0.8, "eel": 0.1})
    made = compared(tmp_path, first, second)
    assert "On the 1 sequence that all of them have finished" in made.text
    assert "not in first : eel" in made.text
    assert "not in second : camel, dog" in made.text
    assert [row[1] for row in made.rows[1:3]] == ["60.0", "60.0 ± 0.0"]


def test_three_runs_are_compared_with_the_first(first: Path, tmp_path: Path) -> None:
    others = [make_run(tmp_path / name, {"bear": j, "dog": 0.6}) for name, j in (("a", 0.4), ("b", 1.0))]
    made = compared(tmp_path, first, *others)
    (head,) = [row for row in made.rows if row[0] == "sequence"]
    assert head[-2:] == ["a − first", "b − first"]
    assert made.row("bear") == ["60.0", "30.0", "75.0", "−30.0", "+15.0"]


class TestRefused:
    def test_other_splits(self, first: Path, tmp_path: Path) -> None:
        other = make_run(tmp_path / "other", {"bear": 0.8}, split="train")
        with pytest.raises(EvaluationError, match=r"davis2017 val and .*other on davis2017 train"):
            compared(tmp_path, first, other)

    def test_the_same_run_twice(self, first: Path, tmp_path: Path) -> None:
        with pytest.raises(EvaluationError, match="first is given twice"):
            compared(tmp_path, first, first)

    def test_nothing_in_common(self, first: Path, tmp_path: Path) -> None:
        with pytest.raises(EvaluationError, match=r"in common .*second: eel"):
            compared(tmp_path, first, make_run(tmp_path / "second", {"eel": 0.8}))

    def test_no_scores(self, tmp_path: Path) -> None:
        runs = [make_run(tmp_path / name, {}) for name in "ab"]
        for run in runs:
            with open_run(run, json.loads((run / "run.json").read_text())) as folder:
                folder.add(record("bear", 0), {"00000.png": b""}, {})
        with pytest.raises(EvaluationError, match="no public annotations"):
            compared(tmp_path, *runs)

    @pytest.mark.parametrize(("task", "said"), [("interactive", "--compare"), ("ablate", "settings")])
    def test_runs_without_a_report(self, tmp_path: Path, task: str, said: str) -> None:
        run = make_run(tmp_path / "run", {"bear": 0.8}, task=task)
        with pytest.raises(EvaluationError, match=said):
            SavedRun(run)

    def test_a_run_that_needs_its_dataset(self, tmp_path: Path) -> None:
        dataset = {"name": "uvo", "split": "val", "options": {}, "root": "nowhere"}
        run = make_run(tmp_path / "run", {"bear": 0.8}, task="vis", dataset=dataset)
        with pytest.raises(DatasetError, match=r"nowhere.*--root"):
            SavedRun(run)


def test_a_run_without_its_dataset_has_a_report_without_pictures(first: Path) -> None:
    run = SavedRun(first)
    report = run.report()
    assert not run.has_frames and report.strip is None
    assert report.measures[0]["J&F-Mean"] == pytest.approx(0.45)
    assert not report.complete, "DAVIS 2017 has 30 sequences"
    with pytest.raises(DatasetError, match="--root"):
        run.write_overlays()


def test_a_sweep_stands_for_its_settings(tmp_path: Path) -> None:
    make_run(tmp_path / "sweep/few", {"bear": 0.8})
    described = {"task": "ablate", "config": {"settings": {"few points": "few"}}, "seeds": [0]}
    (tmp_path / "sweep/run.json").write_text(json.dumps(described))
    assert runs_in(tmp_path / "sweep") == [tmp_path / "sweep/few"]
    assert runs_in(tmp_path / "sweep/few") == [tmp_path / "sweep/few"]


def test_runs_are_named_by_as_much_of_their_path_as_tells_them_apart() -> None:
    assert run_names([Path("/a/x"), Path("/a/y")]) == ["x", "y"]
    assert run_names([Path("/a/x"), Path("/b/x")]) == ["a/x", "b/x"]


def test_settings_that_differ() -> None:
    runs = {
        "a": {"config": {"tracker": {"name": "dis", "options": {}}}, "dataset": {"root": "/x"}, "date": 1},
        "b": {
            "config": {"tracker": {"name": "raft", "options": {"iterations": 3}}},
            "dataset": {"root": "/y"},
        },
    }
    assert differing(runs, ("config", "dataset")) == {
        "config.tracker.name": ["dis", "raft"],
        "config.tracker.options.iterations": ["–", "3"],
    }


def test_differences_have_a_sign_unless_they_round_to_nothing() -> None:
    assert [signed(v) for v in (0.0123, -0.5, 0.0004, -0.0004, float("nan"))] == [
        "+1.2",
        "−50.0",
        "0.0",
        "0.0",
        "–",
    ]
