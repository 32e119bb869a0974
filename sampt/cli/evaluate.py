"""``sampt evaluate``: scores a folder of results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import RenderableType

from sampt._internal.console import result_console
from sampt._internal.files import check_file, check_parent, write_json
from sampt.benchmarks.datasets.base import VosDataset
from sampt.benchmarks.datasets.registry import open_dataset, parse_options
from sampt.benchmarks.metrics.davis_csv import write_davis_csvs
from sampt.benchmarks.metrics.protocols import summarise
from sampt.benchmarks.vos.evaluation import evaluate, evaluate_dataset

from .dataset_options import dataset_options, sequence_progress
from .score_tables import objects_table, summary_table


@click.command()
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of PNGs, output folder of `sampt segment`, or folder of such folders.",
)
@click.option(
    "--annotations",
    type=click.Path(path_type=Path),
    help="Folder of PNGs (palette, or 0 and 255), or folder of such folders, named like the results.",
)
@dataset_options()
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path),
    help="Also write every frame's scores to this file.",
)
@click.option(
    "--csv",
    "csv_folder",
    type=click.Path(path_type=Path),
    help="Also write global_results-SPLIT.csv and per-sequence_results-SPLIT.csv to this folder.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Number of processes."
)
def command(
    results: Path,
    annotations: Path | None,
    dataset: str | None,
    root: Path | None,
    split: str | None,
    options: tuple[str, ...],
    json_path: Path | None,
    csv_folder: Path | None,
    workers: int,
) -> None:
    """Score results with a dataset's own metrics, or against any annotations with those of DAVIS.

    J measures how well the masks overlap, F how well their contours agree, and J&F is the mean of both, all
    in per cent. DAVIS does not score the first and the last annotated frame.
    """
    if (annotations is None) == (dataset is None):
        raise click.UsageError("Give --annotations, or --dataset and --root.")
    if (dataset is None) != (root is None) or (dataset is None and (split or options or csv_folder)):
        raise click.UsageError("--dataset and --root go together; --split, -d and --csv belong to them.")
    if json_path:
        check_file(json_path)
    if csv_folder:
        check_parent(csv_folder)
    if annotations:
        _score_folders(results, annotations, json_path, workers)
    elif dataset and root:
        opened = open_dataset(dataset, root, split, parse_options(options))
        _score_dataset(opened, results, json_path, csv_folder, workers)


def _score_folders(results: Path, annotations: Path, json_path: Path | None, workers: int) -> None:
    with sequence_progress("scoring") as progress:
        evaluation = evaluate(results, annotations, workers=workers, progress=progress)
    _show(objects_table(evaluation.table, evaluation.means), evaluation.notes)
    if json_path:
        write_json(json_path, evaluation.as_dict())


def _score_dataset(
    dataset: VosDataset, results: Path, json_path: Path | None, csv_folder: Path | None, workers: int
) -> None:
    with sequence_progress("scoring") as progress:
        scores, notes = evaluate_dataset(dataset, results, workers=workers, progress=progress)
    summary = summarise(dataset.protocol, scores)
    notes += summary.notes
    _show(summary_table(summary), notes)
    if csv_folder:
        csv_folder.mkdir(exist_ok=True)
        write_davis_csvs(summary, csv_folder, dataset.split)
    if json_path:
        content = {
            "dataset": dataset.name,
            "split": dataset.split,
            "protocol": dataset.protocol,
            "means": _json_ready(summary.means),
            "objects": [_json_ready(row) for row in summary.table.to_dict("records")],
            "frames": [{"sequence": s.sequence, **s.to_json()} for s in scores],
            "notes": notes,
        }
        write_json(json_path, content)


def _json_ready(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A copy of ``row`` with None for NaN, which JSON does not have."""
    return {str(name): None if value != value else value for name, value in row.items()}


def _show(table: RenderableType, notes: Iterable[str]) -> None:
    result_console().print(table)
    for note in notes:
        click.echo(f"Note: {note}", err=True)
