"""The published results: a digit read wrongly would show."""

from __future__ import annotations

import pytest

from sampt.benchmarks.datasets.registry import DATASETS
from sampt.benchmarks.running.published import (
    PublishedRow,
    PublishedTable,
    published,
    published_tables,
    same_measure,
)
from sampt.benchmarks.vis.datasets import VIS_DATASETS

from .runs import page, report

ROWS = [(table, row) for table in published_tables() for row in table.rows]

QUOTED = "as quoted by the project; not checked against the PDF's text"


def number(value: str) -> float:
    return float(value.split(" ± ")[0])


@pytest.mark.parametrize("table", published_tables(), ids=lambda t: f"{t.title}, {t.dataset}")
def test_a_table_says_what_it_is_and_where_it_was_read(table: PublishedTable) -> None:
    assert table.paper in ("arxiv", "wacv", "repository") and table.table and table.rows
    assert table.split in {**DATASETS, **VIS_DATASETS}[table.dataset].splits
    assert table.read or table.source == QUOTED
    assert table in published(table.dataset, table.split)
    methods = [row.method for row in table.rows]
    assert len(methods) == len(set(methods))


@pytest.mark.parametrize(("table", "row"), ROWS, ids=lambda x: getattr(x, "method", None))
def test_a_row_is_complete_and_plausible(table: PublishedTable, row: PublishedRow) -> None:
    assert row.values and row.values.keys() <= set(table.measures)
    assert row.source == table.source
    least = 1 if table.dataset == "uvo" else 10
    assert all(least < number(value) < 95 for value in row.values.values())


def test_recall_is_above_precision_and_rises_with_size() -> None:
    for table in published("uvo", "val"):
        for row in table.rows:
            recall, *by_size, precision = map(number, row.values.values())
            assert recall > precision
            assert not by_size or min(by_size) < recall < max(by_size)


def test_means_of_j_and_f_fit_together() -> None:
    """0.11: the three are rounded one by one."""
    complete = [row for table, row in ROWS if {"J&F-Mean", "J-Mean", "F-Mean"} == row.values.keys()]
    assert len(complete) > 20
    for row in complete:
        both, j, f = (number(row.values[f"{name}-Mean"]) for name in ("J&F", "J", "F"))
        assert both == pytest.approx((j + f) / 2, abs=0.11)


def test_g_is_the_mean_of_its_four_measures() -> None:
    complete = [row for table, row in ROWS if table.dataset == "youtubevos2018" and len(row.values) == 5]
    assert len(complete) > 10
    for row in complete:
        g, *parts = map(number, row.values.values())
        assert g == pytest.approx(sum(parts) / 4, abs=0.11)


def test_the_same_run_has_the_same_number_in_every_table() -> None:
    """Except for the repository's table, which averages a different number of runs."""
    found: dict[tuple[str, ...], set[str]] = {}
    for table, row in ROWS:
        if row.setting and table.paper != "repository":
            first = next(iter(row.values.values())).split(" ± ")[0]
            found.setdefault((table.paper, row.setting, table.dataset, table.split), set()).add(first)
    assert all(len(numbers) == 1 for numbers in found.values()), found


@pytest.mark.parametrize(
    ("dataset", "split", "setting", "values"),
    [
        ("davis2016", "val", "paper/arxiv_sam_pt", ["83.1", "83.0", "83.0"]),
        ("davis2016", "val", "paper/arxiv_sam_pt_reinit", ["80.2"]),
        ("davis2017", "test-dev", "paper/arxiv_sam_pt", ["62.7"]),
        ("davis2017", "test-dev", "paper/arxiv_sam_pt_reinit", ["61.5"]),
        ("davis2016", "val", "paper/wacv_sam_pt", ["84.3"]),
        ("davis2017", "val", "paper/wacv_sam_pt", ["79.4"]),
        ("davis2017", "val", "paper/wacv_mobile_sam", ["71.4"]),
        ("davis2017", "val", "paper/wacv_light_hq_sam", ["72.2"]),
        ("davis2017", "val", "paper/wacv_sam_vit_b", ["73.7"]),
        ("davis2017", "val", "paper/wacv_sam_vit_l", ["77.5"]),
        ("davis2017", "val", "paper/wacv_sam_vit_h", ["77.6"]),
        ("youtubevos2018", "valid", "paper/wacv_sam_pt", ["76.2"]),
        ("bdd100k", "val", "paper/wacv_bdd100k", ["81.0"]),
        ("uvo", "val", "paper/wacv_uvo", ["29.5", "25.3", "39.0", "44.1", "5.8"]),
    ],
)
def test_what_is_only_quoted_is_marked(dataset: str, split: str, setting: str, values: list[str]) -> None:
    """Written out once more here on purpose."""
    rows = [row for t in published(dataset, split) if not t.read for row in t.rows if row.setting == setting]
    assert rows and all(list(row.values.values()) == values for row in rows)


def test_methods_of_others_have_no_setting() -> None:
    for _, row in ROWS:
        assert "SAM-PT" in row.method or not row.setting


def test_a_source_that_is_no_address_is_not_a_link(tmp_path) -> None:
    made = page(tmp_path, report(dataset="bdd100k"))
    assert f"SAM-PT's paper, WACV 2025, BDD100K ({QUOTED})" in made.text
    assert QUOTED not in made.attributes("a", "href")


def test_nothing_is_published_for_other_splits() -> None:
    assert published("davis2017", "train") == ()


def test_measure_names_are_matched_loosely_but_not_confused() -> None:
    assert same_measure("J&F", "J&F-Mean")
    assert same_measure("J_seen", "J-Seen")
    assert not same_measure("J-Mean", "J&F-Mean")
    assert not same_measure("J-Mean", "J-Recall")
    assert not same_measure("AR1", "AR100") and not same_measure("AP", "AP50")


def test_a_report_shows_each_measure_beside_its_own(tmp_path) -> None:
    means = {"AP": 0.05, "AP50": 0.1, "AR1": 0.02, "AR10": 0.2, "AR100": 0.3, "ARs": 0.2, "ARm": 0.4}
    made = page(tmp_path, report(dataset="uvo", measures={0: means}))
    (head,) = [row for row in made.rows if row[:2] == ["method", "AP"]]
    ours = dict(zip(head[1:], made.row("this run"), strict=True))
    assert (ours["AR100"], "AR1" in ours) == ("30.0", False)
