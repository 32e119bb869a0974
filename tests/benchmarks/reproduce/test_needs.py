"""What a row needs, and what is missing here."""

from __future__ import annotations

from pathlib import Path

import pytest

from sampt.benchmarks.reproduce.catalogue import find_row, papers
from sampt.benchmarks.reproduce.needs import needs_of, notes_on
from sampt.weights.registry import CHECKPOINTS


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of weights."""
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path))
    monkeypatch.delenv("SAMPT_OFFLINE", raising=False)
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def test_checkpoints_are_here_or_absent(home: Path) -> None:
    row = find_row("arxiv_table3_sam_pt")
    assert needs_of(row).checkpoints == {"pips": False, "sam-vit-h": False}
    assert (needs_of(row).answer, needs_of(row).missing) == ("after download", ["pips", "sam-vit-h"])
    for name in ("pips", "sam-vit-h"):
        with (home / CHECKPOINTS[name].file).open("wb") as file:
            file.truncate(CHECKPOINTS[name].size or 1)
    assert (needs_of(row).answer, needs_of(row).missing) == ("yes", [])


def test_without_a_network_absent_weights_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPT_OFFLINE", "1")
    needs = needs_of(find_row("arxiv_table3_sam_pt"))
    assert needs.answer == "no" and "SAMPT_OFFLINE" in needs.problem


def test_a_sweep_needs_the_parts_of_all_settings() -> None:
    assert set(needs_of(find_row("repository_segmenters")).checkpoints) == {
        *("pips", "sam-vit-h", "sam-vit-l", "sam-vit-b", "hq-sam-vit-h", "hq-sam-light", "mobile-sam")
    }
    assert set(needs_of(find_row("arxiv_table2_refinements")).checkpoints) == {"pips", "sam-vit-h"}
    trackers = set(needs_of(find_row("wacv_table2_trackers")).checkpoints)
    assert trackers > {"raft-large", "pips", "sam-vit-h"}


def test_a_row_without_a_run_says_why() -> None:
    needs = needs_of(find_row("wacv_table2_tapir"))
    assert needs.answer == "no" and not needs.checkpoints
    assert needs.problem.endswith("the nearest row is wacv_table2_trackers")


def test_another_tracker_than_the_papers_is_named() -> None:
    assert needs_of(find_row("arxiv_table3_sam_pt")).differs == ""
    row = find_row("wacv_table1_davis2017")
    (config,) = row.configs()
    differs = needs_of(row).differs
    assert (config.tracker.name == "cotracker1") == (differs == "")
    assert not differs or config.tracker.name in differs


def test_notes_name_the_methods_of_others_and_group_rows() -> None:
    arxiv, _, wacv = papers()
    table = {row.name: needs_of(row) for row in arxiv.tables()["Table 6"]}
    assert notes_on(arxiv, "Table 6", table) == [
        "methods of others, not run here: TAM, Mask2Former VIS, ROVIS"
    ]
    table = {row.name: needs_of(row) for row in wacv.tables()["Table 3"]}
    assert all(note.startswith("all: ") for note in notes_on(wacv, "Table 3", table))
