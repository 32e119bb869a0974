"""``sampt evaluate-vis``: scores results of video instance segmentation."""

from __future__ import annotations

from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sampt._internal.console import result_console
from sampt._internal.files import check_file, write_json
from sampt.benchmarks.metrics.ytvis import ABSENT, MEASURES
from sampt.benchmarks.running.charts import percent
from sampt.benchmarks.vis.annotations import read_annotations
from sampt.benchmarks.vis.evaluation import VisEvaluation, evaluate_vis

from .dataset_options import sequence_progress

_path = click.Path(path_type=Path)


@click.command()
@click.option("--results", type=_path, required=True, help="JSON file of masklets, from any method.")
@click.option("--annotations", type=_path, required=True, help="The dataset's JSON file.")
@click.option("--json", "json_path", type=_path, help="Also write the metrics to this file.")
@click.option("--class-agnostic", is_flag=True, help="Treat all objects as one category.")
def command(results: Path, annotations: Path, json_path: Path | None, class_agnostic: bool) -> None:
    """Score masklets as YouTube-VIS, OVIS and UVO do: average precision and recall over tubes.

    Both files are in the format of YouTube-VIS. AP and AR are means over IoU thresholds from 0.50 to 0.95
    and over categories; s, m and l are for objects of up to 128², up to 256², and more pixels. AR1, AR10 and
    AR100 count the best 1, 10 and 100 masklets per video. A metric without any object to score is -1 in the
    JSON file.

    \b
    sampt evaluate-vis --results results.json --annotations UVO_video_val_dense.json --json scores.json
    """
    if json_path:
        check_file(json_path)
    truth = read_annotations(annotations)
    with sequence_progress("scoring") as progress:
        evaluation = evaluate_vis(results, truth, class_agnostic=class_agnostic, progress=progress)
    _show(evaluation)
    if json_path:
        write_json(json_path, dict(evaluation.measures))


def _show(evaluation: VisEvaluation) -> None:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("category", no_wrap=True)
    for name in MEASURES:
        table.add_column(name, justify="right", no_wrap=True)
    rows = {**evaluation.categories, "all" if not evaluation.categories else "mean": evaluation.measures}
    for label, measures in rows.items():
        table.add_row(label, *(_percent(measures[name]) for name in MEASURES))
    result_console().print(table)


def _percent(value: float) -> str:
    return percent(None if value == ABSENT else value)
