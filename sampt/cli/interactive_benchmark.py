"""``sampt interactive-benchmark``: simulated annotators correct points in every video of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from sampt._internal.names import counted

from .dataset_options import dataset_options, sequence_progress
from .engine_options import EngineOptions, engine_options
from .model_options import ModelChoice, model_options
from .run_options import exit_if_failed

if TYPE_CHECKING:
    from sampt.benchmarks.interactive.walks import Annotation


@click.command()
@dataset_options(required=True)
@click.option(
    "--sequence", "sequences", multiple=True, metavar="NAME", help="Only this one; may be repeated."
)
@model_options
@click.option(
    "--mode",
    type=click.Choice(["online", "offline"]),
    default="online",
    show_default=True,
    help="One walk through the video, or walks with rising targets.",
)
@click.option(
    "--target",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.95,
    show_default=True,
    help="The IoU that is good enough.",
)
@click.option(
    "--actions", type=click.IntRange(min=1), default=3, show_default=True, help="At most, a frame and walk."
)
@click.option(
    "--budget", type=click.IntRange(min=1), default=300, show_default=True, help="At most, an object."
)
@click.option(
    "--no-tracking", "tracking", flag_value=False, default=True, help="A point counts in its frame only."
)
@click.option(
    "--compare",
    "others",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Draw the curve of another run beside this one's; may be repeated.",
)
@click.option(
    "--output", "-O", type=click.Path(path_type=Path), help="The run's folder [results/DATASET-SPLIT-MODE]."
)
@click.option("--overwrite", is_flag=True, help="Begin anew if the folder holds a run already.")
@engine_options
@click.pass_context
def command(
    context: click.Context,
    dataset: str,
    root: Path,
    split: str | None,
    options: tuple[str, ...],
    sequences: tuple[str, ...],
    model: ModelChoice,
    mode: Literal["online", "offline"],
    target: float,
    actions: int,
    budget: int,
    tracking: bool,
    others: tuple[Path, ...],
    output: Path | None,
    overwrite: bool,
    engine: EngineOptions,
) -> None:
    """Let simulated annotators, who know the truth, add and remove points until masks are good enough.

    Each object is annotated by itself, from nothing. The folder gets every interaction, a row an object, and
    the curve of IoU against interactions per frame with its plot; docs/interactive.md tells the rules. Killed
    and started again, the same command goes on where it was. Where a sequence fails, the others are done, and
    the exit code is 3.

    \b
    sampt interactive-benchmark --dataset davis2017 --root DAVIS --segmenter hq-sam-vit-h --mode offline
    """
    chosen = model.settings()  # first: what follows imports torch
    from functools import partial

    from sampt.benchmarks.datasets.base import DatasetChoice
    from sampt.benchmarks.datasets.registry import open_dataset, parse_options
    from sampt.benchmarks.interactive.outputs import read_annotations, read_curve, write_outputs
    from sampt.benchmarks.interactive.walks import Rules
    from sampt.benchmarks.interactive.worker import InteractiveWorker, interactive_config
    from sampt.benchmarks.running.description import describe
    from sampt.benchmarks.running.folder import default_folder, open_run
    from sampt.benchmarks.running.models import shared
    from sampt.benchmarks.running.tasks import open_sequences, run_missing
    from sampt.methods.registry import describe as describe_model

    settings = interactive_config(chosen)
    rules = Rules(mode, target, actions, budget, tracking)
    workers = engine.choice
    choice = DatasetChoice(dataset, root.resolve(), split, parse_options(options))
    opened = open_dataset(choice.name, choice.root, choice.split, choice.options)
    names = tuple(open_sequences(opened, sequences))
    for other in others:
        read_curve(other)
    path = output or default_folder(opened.name, opened.split, mode if tracking else f"{mode}-untracked")
    described = describe("interactive", choice.describe(opened.split), settings, (settings.seed,))
    described["config"]["annotator"] = asdict(rules)
    make_worker = partial(InteractiveWorker, choice, rules)
    with open_run(path, described, overwrite) as folder:
        model.announce(describe_model(settings))
        with sequence_progress("annotating") as progress:
            failures = run_missing(
                names,
                {"": folder},
                lambda: workers.make_workers(make_worker, {"": shared(settings)}),
                strict=engine.strict,
                progress=progress,
            )
        annotations = read_annotations(folder, opened.names)
        if annotations:
            write_outputs(folder, annotations, others)
            _tell(annotations)
    click.echo(f"{counted(len(annotations), 'object')}: {path}", err=True)
    exit_if_failed(context, len(failures))


def _tell(annotations: Sequence[Annotation]) -> None:
    """A row an object and their mean on stdout."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from sampt.benchmarks.interactive.curves import object_table

    rows = object_table(annotations)
    table = Table(box=SIMPLE_HEAD)
    for name in ("sequence", "object", "frames", "interactions", "a frame", "IoU", "F"):
        table.add_column(name, justify="left" if name == "sequence" else "right", no_wrap=True)
    for row in rows.to_dict("records"):
        table.add_row(
            row["sequence"],
            *(str(row[name]) for name in ("object", "frames", "interactions")),
            f"{row['interactions_per_frame']:.2f}",
            *(f"{100 * row[name]:.1f}" for name in ("iou", "f")),
        )
    table.add_section()
    mean = rows[["interactions", "interactions_per_frame", "iou", "f"]].mean()
    table.add_row(
        "mean",
        *("", "", f"{mean['interactions']:.1f}", f"{mean['interactions_per_frame']:.2f}"),
        *(f"{100 * mean[name]:.1f}" for name in ("iou", "f")),
    )
    console = Console()
    if not console.is_terminal:
        console.width = 120
    console.print(table)
