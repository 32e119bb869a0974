"""What ``sampt reproduce`` prints: the rows of the papers, and a finished row beside the published one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sampt._internal.console import result_console
from sampt.benchmarks.reproduce.catalogue import NOT_READ, Row, papers
from sampt.benchmarks.reproduce.needs import Needs, needs_of, notes_on

if TYPE_CHECKING:
    from sampt.benchmarks.reproduce.comparison import Compared
    from sampt.benchmarks.reproduce.running import Reproduced


def print_rows() -> None:
    """Print all rows by paper and table, with what each needs."""
    console = result_console()
    for paper in papers():
        for table, rows in paper.tables().items():
            needs = {row.name: needs_of(row) for row in rows}
            console.print(f"{paper.title}, {table}", style="bold")
            console.print(_listing(rows, needs))
            for note in notes_on(paper, table, needs):
                console.print(f"  {note}")
            console.print()
    console.print("* absent: `sampt weights download NAME` gets it, and so does the first run that needs it.")
    console.print(f"{NOT_READ}: the number is in no text that could be read; docs/published.md says which.")
    console.print("`sampt reproduce NAME --root FOLDER` runs a row.")


def _listing(rows: Sequence[Row], needs: Mapping[str, Needs]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for title in ("name", "row", "published", "run", "checkpoints", "runs here"):
        table.add_column(title, overflow="fold", no_wrap=title in ("name", "runs here"))
    for row in rows:
        checkpoints = (f"{name}{'' if here else '*'}" for name, here in needs[row.name].checkpoints.items())
        table.add_row(
            row.name,
            row.row,
            row.numbers,
            f"{row.run or '–'} {row.dataset} {row.split}",
            ", ".join(checkpoints) or "–",
            needs[row.name].answer,
        )
    return table


def print_row(row: Row, done: Reproduced, changed: Mapping[str, tuple[object, object]]) -> None:
    """Print a finished row beside the published one, and what keeps the two from being comparable."""
    console = result_console()
    for setting, measures in done.tables.items():
        console.print(f"{row.row}, {row.table}, {row.dataset} {row.split}{f': {setting}' if setting else ''}")
        console.print(_comparison(measures))
    if row.run == "interactive":
        _print_interactions(done)
    elif not done.tables:
        where = f"{row.dataset} {row.split}"
        click.echo(f"{where} has no public annotations; `sampt submission` packs the masks.", err=True)
    for note in _caveats(row, done, changed):
        click.echo(f"Note: {note}.", err=True)
    click.echo(f"Results: {done.done.folder}", err=True)


def _comparison(measures: Sequence[Compared]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for title in ("measure", "published", "ours", "difference", "within its ±"):
        table.add_column(title, justify="left" if title == "measure" else "right", no_wrap=True)
    for found in measures:
        table.add_row(
            found.measure,
            found.published or NOT_READ,
            found.ours,
            "–" if found.difference is None else f"{found.difference:+g}",
            {True: "yes", False: "no", None: "–"}[found.within],
        )
    return table


def _caveats(row: Row, done: Reproduced, changed: Mapping[str, tuple[object, object]]) -> list[str]:
    notes = []
    if changed:
        named = ", ".join(f"{key} is {used}, not {theirs}" for key, (used, theirs) in changed.items())
        notes.append(f"these settings differ from the published ones: {named}")
    if "tracker.name" not in changed and (differs := needs_of(row).differs):
        notes.append(f"the run {differs}")
    if done.partly:
        notes.append(f"published numbers are for the whole split, and this run covers only {done.partly}")
    return [*notes, *([row.note] if row.note else [])]


def _print_interactions(done: Reproduced) -> None:
    from sampt.benchmarks import InteractiveRun

    from .score_tables import interactions_table

    assert isinstance(done.done, InteractiveRun)
    if done.done.annotations:
        result_console().print(interactions_table(done.done.objects))
