"""The rows of the papers: everything that they name exists, and the page is made from them."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from sampt.benchmarks.ablations.sweep import packaged_ablations, read_sweep
from sampt.benchmarks.interactive.walks import Rules
from sampt.benchmarks.reproduce.catalogue import NOT_READ, Row, find_row, papers, read_config, rows
from sampt.benchmarks.reproduce.page import reproduce_page
from sampt.benchmarks.reproduce.plain import plain_command
from sampt.benchmarks.running.published import published_tables
from sampt.cli import sampt
from sampt.config.loading import packaged_configs
from sampt.errors import ConfigError

ROOT = Path(__file__).parent.parent.parent.parent
RUNNING = [row for row in rows() if row.run]


@pytest.mark.parametrize("row", RUNNING, ids=lambda row: row.name)
def test_what_a_row_runs_exists(row: Row) -> None:
    if row.run == "ablate":
        names = {setting.name for setting in read_sweep(row.config).settings()}
        assert row.settings.keys() <= names
        assert all(row.published(method) for method in row.settings.values())
    else:
        assert read_config(row.config, row.run).method == "sam-pt"
    assert Rules(**row.rules)


@pytest.mark.parametrize("row", RUNNING, ids=lambda row: row.name)
def test_the_plain_command_is_one_that_exists(row: Row, tmp_path: Path) -> None:
    program, name, *arguments = plain_command(row, str(tmp_path), ("--output", "out"))
    command = sampt.get_command(click.Context(sampt), name)
    assert program == "sampt" and command is not None
    context = command.make_context(name, arguments)
    assert (context.params["dataset"], context.params["split"]) == (row.dataset, row.split)
    for key, value in row.rules.items():
        assert context.params[key] == value


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_a_row_has_a_number_or_is_one_of_those_that_could_not_be_read(row: Row) -> None:
    unread = row.table in ("Table 2", "MOSE", "Figure 5", "Figure 6", "Figure 10")
    assert (row.numbers == NOT_READ) == unread
    found = row.published()
    if found is not None:
        assert found.setting == row.config, "the published row names another setting"


def test_every_published_row_of_ours_can_be_run() -> None:
    ours = {(row.paper, row.table, row.dataset, row.split, row.row) for row in RUNNING}
    ours |= {(r.paper, r.table, r.dataset, r.split, m) for r in RUNNING for m in r.settings.values()}
    for table in published_tables():
        for row in table.rows:
            known = (table.paper, table.table, table.dataset, table.split, row.method) in ours
            assert known == ("SAM-PT" in row.method), row.method


def test_every_packaged_setting_of_the_papers_is_used() -> None:
    used = {row.config for row in RUNNING}
    bases = {read_sweep(row.config).base for row in RUNNING if row.run == "ablate"}
    assert {name for name in packaged_configs() if "/" in name} <= used | bases
    assert set(packaged_ablations()) - used == {"points"}  # the measured example, which is no paper's


def test_rows_that_cannot_run_name_one_that_can() -> None:
    without = [row for row in rows() if not row.run]
    assert {row.row for row in without} == {"TapNet", "SuperGlue", "TAPIR", "PIPS++"}
    assert all(find_row(row.nearest).run and row.nearest in row.why_not for row in without)


def test_names_begin_with_the_paper() -> None:
    for paper in papers():
        assert all(row.name.startswith(f"{paper.name}_") for row in paper.rows)
    assert find_row("arxiv_table3_hq").numbers == "J&F 77.2 ± 0.5, J 74.7 ± 0.5, F 79.8 ± 0.4"
    with pytest.raises(ConfigError, match="did you mean 'arxiv_table3_hq'"):
        find_row("arxiv_table3_h")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"run": "voss"}, "not one of vos"),
        ({"config": ""}, "either a run with a config or a reason"),
        ({"reason": "why"}, "either a run with a config or a reason"),
        ({"rules": {"mode": "online"}}, "only interactive runs have rules"),
        ({"settings": {"a": "b"}}, "only sweeps have settings"),
        ({"dataset": "davis2018"}, "did you mean 'davis201"),
        ({"split": "vall"}, "did you mean 'val'"),
    ],
)
def test_a_mistake_in_the_catalogue_is_found(changes: dict[str, object], message: str) -> None:
    right = {"name": "x", "paper": "arxiv", "table": "Table 1", "row": "SAM-PT", "dataset": "davis2017"}
    right |= {"tracker": "pips", "run": "vos", "config": "sam_pt"}
    assert Row(**right).split == "val"  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        Row(**{**right, **changes})  # type: ignore[arg-type]


def test_the_page_is_made_from_the_rows() -> None:
    """If not: ``python -m sampt.benchmarks.reproduce.page docs/reproduce.md``."""
    page = (ROOT / "docs/reproduce.md").read_text(encoding="utf-8")
    assert page == reproduce_page()
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [row.name for row in rows()]
