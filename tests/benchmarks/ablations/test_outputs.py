"""All files of a sweep: that they are there, say the same each time, and leave nothing unsaid."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sampt.benchmarks.ablations.outputs import remove_comparison, write_comparison, write_failures
from sampt.benchmarks.ablations.sweep import SWEEP_FILES
from sampt.benchmarks.running.tasks import SequenceTask
from sampt.errors import EvaluationError

from .conftest import long_table, settings_of

SETTINGS = settings_of(points=[1, 4], sampler=["$a$", "_b"])
SEEDS = 3
SEQUENCES = ("a", "b", "c", "d")


@pytest.fixture
def table() -> pd.DataFrame:
    runs = np.random.default_rng(0).random((len(SETTINGS), SEEDS, len(SEQUENCES)))
    return long_table({s.name: r.tolist() for s, r in zip(SETTINGS, runs, strict=True)})


def test_every_file_is_there_and_named(table, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("default", ResourceWarning)  # whatever is collected meanwhile is not ours
        written = write_comparison(tmp_path, SETTINGS, SEEDS, SEQUENCES, table, ["J&F"])
    assert sorted(written.files) == sorted(tmp_path.iterdir())
    assert {path.suffix for path in written.files} == {".csv", ".md", ".tex", ".png", ".svg"}
    for name in ("sequences.png", "values.png"):
        with Image.open(tmp_path / name) as image:
            assert len(image.convert("RGB").getcolors(image.width * image.height)) > 50


def test_the_same_results_are_the_same_files(table, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        shuffled = table.sample(frac=1, random_state=0)
        written = write_comparison(tmp_path / name, SETTINGS, SEEDS, SEQUENCES, shuffled, ["J&F"])
    for path in written.files:
        assert path.read_bytes() == (tmp_path / "one" / path.name).read_bytes(), path.name


def test_settings_are_in_the_sweeps_order_and_all_in_the_legend(table, tmp_path):
    write_comparison(tmp_path, SETTINGS, SEEDS, SEQUENCES, table[::-1], ["J&F"])
    text = (tmp_path / "sequences.svg").read_text()
    found = re.findall(r"<!-- (points=.*?) -->", text)
    assert found == [s.name for s in SETTINGS]
    values = (tmp_path / "values.svg").read_text()
    assert "<!-- _b -->" in values and "<!-- $a$ -->" in values


def test_sequences_left_out_are_told(table, tmp_path):
    """One run lacks d, and all lack e."""
    written = write_comparison(tmp_path, SETTINGS, SEEDS, (*SEQUENCES, "e"), table.drop(index=3), ["J&F"])
    assert written.left_out == ("d", "e")
    assert "d" not in re.findall(r"<!-- (\w) -->", (tmp_path / "sequences.svg").read_text())


def test_what_cannot_be_compared_is_kept_all_the_same(table, tmp_path):
    finished = table[table["setting"] != SETTINGS[0].name]
    with pytest.raises(EvaluationError, match="no sequence"):
        write_comparison(tmp_path, SETTINGS, SEEDS, SEQUENCES, finished, ["J&F"])
    assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]
    assert len(pd.read_csv(tmp_path / "runs.csv")) == len(finished)


def test_failures_are_told_by_setting_and_seed(tmp_path):
    """In the order of the settings, whichever came first."""
    first, second = SETTINGS[:2]
    failures = {
        SequenceTask("b", 1, second.slug): "a frame is broken",
        SequenceTask("b", 1, first.slug): "a frame is broken",
        SequenceTask("c", 0, first.slug): "ValueError('x, y')",
    }
    told = write_failures(tmp_path, SETTINGS, failures)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "failures.csv"), told)
    assert told.to_numpy().tolist() == [
        [first.name, 0, "c", "ValueError('x, y')"],
        [first.name, 1, "b", "a frame is broken"],
        [second.name, 1, "b", "a frame is broken"],
    ]


def test_without_failures_nothing_is_written(tmp_path):
    assert write_failures(tmp_path, SETTINGS, {}).empty
    assert not list(tmp_path.iterdir())


def test_removing_leaves_what_is_not_written_about_a_sweep(table, tmp_path):
    write_comparison(tmp_path, SETTINGS, SEEDS, SEQUENCES, table, ["J&F"])
    write_failures(tmp_path, SETTINGS, {SequenceTask("a", 0, SETTINGS[0].slug): "broken"})
    assert {path.name for path in tmp_path.iterdir()} <= set(SWEEP_FILES)
    (tmp_path / "notes.md").write_text("mine")
    remove_comparison(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.md"]
