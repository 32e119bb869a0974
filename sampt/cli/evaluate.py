"""``sampt evaluate``: J, F and J&F of a folder of results."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from sampt.benchmarks.evaluation import MEASURES, Evaluation, evaluate

from ..atomic import replacing
from ..errors import OutputError

_WIDTH = 120
"""Columns of the table where no terminal says how many fit, so that no name is cut in a log file."""

_HEADERS = dict(zip(MEASURES, ("J&F", "J", "recall", "decay", "F", "recall", "decay"), strict=True))


@click.command()
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    required=True,
    help="A folder of PNGs, an output folder of `sampt segment`, or a folder of such folders.",
)
@click.option(
    "--annotations",
    type=click.Path(path_type=Path),
    required=True,
    help="A folder of PNGs (palette, or 0 and 255), or a folder of such folders, named as the results are.",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path),
    help="Also write every frame's scores to this file.",
)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes to use.")
def command(results: Path, annotations: Path, json_path: Path | None, workers: int) -> None:
    """Score results against annotations with the measures of DAVIS.

    J is how well the masks overlap, F how well their contours agree, J&F the mean of both; all in per cent.
    The first and the last annotated frame are not scored.
    """
    if json_path and not json_path.resolve().parent.is_dir():
        raise OutputError(f"cannot write {json_path}: make the folder {json_path.parent} first")
    status = Console(stderr=True)
    columns = (TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=status, transient=True, disable=not status.is_terminal) as bar:
        task = bar.add_task("", total=None)
        evaluation = evaluate(
            results,
            annotations,
            workers=workers,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH
    console.print(_table(evaluation))
    for note in evaluation.notes:
        status.print(f"Note: {note}", markup=False, highlight=False, soft_wrap=True)
    if json_path:
        _write(json_path, evaluation)


def _table(evaluation: Evaluation) -> Table:
    """A row an object and a row of means, in per cent; the objects' ids only where a sequence has several."""
    several = len({scores.sequence for scores in evaluation.objects}) < len(evaluation.objects)
    table = Table(box=SIMPLE_HEAD, show_footer=True)
    table.add_column("sequence", f"mean of {len(evaluation.objects)}", no_wrap=True)
    if several:
        table.add_column("object", justify="right")
    for name, mean in evaluation.means.items():
        table.add_column(_HEADERS[name], _percent(mean), justify="right", no_wrap=True)
    for scores in evaluation.objects:
        label = [scores.sequence, str(scores.object_id)] if several else [scores.sequence]
        table.add_row(*label, *map(_percent, scores.measures.values()))
    return table


def _percent(value: float) -> str:
    return f"{round(100 * value, 1) + 0.0:.1f}"  # + 0.0 turns -0.0 into 0.0


def _write(path: Path, evaluation: Evaluation) -> None:
    """Write JSON; the file appears whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(
            json.dumps(evaluation.as_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
