"""``sampt interactive-benchmark``: simulated annotators correct points in every video of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from sampt._internal.names import plural

from .dataset_options import dataset_options, sequence_progress
from .engine_options import EngineOptions, engine_options
from .model_options import ModelChoice, model_options
from .run_options import exit_if_failed, run_folder, tell_finished

if TYPE_CHECKING:
    from sampt.benchmarks import InteractiveRun


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
    help="online: one pass through the video; offline: several passes with rising targets.",
)
@click.option(
    "--target",
    type=click.FloatRange(0, 1, min_open=True),
    help="IoU at which a mask is good enough  [default: 0.95, or 1 with --no-tracking]",
)
@click.option(
    "--actions",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Maximum actions per frame per pass.",
)
@click.option(
    "--budget",
    type=click.IntRange(min=1),
    help="Maximum actions per object  [default: 300, or all that --actions allows with --no-tracking]",
)
@click.option(
    "--no-tracking", "tracking", flag_value=False, default=True, help="Use each point in its own frame only."
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
    "--output",
    "-O",
    type=click.Path(path_type=Path),
    help="The run's folder  [default: results/DATASET-SPLIT-MODE]",
)
@click.option("--overwrite", is_flag=True, help="Start over if the folder already contains a run.")
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
    target: float | None,
    actions: int,
    budget: int | None,
    tracking: bool,
    others: tuple[Path, ...],
    output: Path | None,
    overwrite: bool,
    engine: EngineOptions,
) -> None:
    """Let simulated annotators, who know the truth, add and remove points until masks are good enough.

    Each object is annotated separately, starting from nothing. The output folder contains every interaction,
    a table with one row per object, and the curve of IoU against interactions per frame with its plot;
    docs/interactive.md explains the rules. After a crash, the same command resumes the run. If a sequence
    fails, the others are still completed, and the exit code is 3.

    \b
    sampt interactive-benchmark --dataset davis2017 --root DAVIS --config paper/wacv_interactive --actions 4
    """
    from sampt._internal.extras import require
    from sampt.benchmarks import DatasetChoice, Rules, run_interactive_benchmark
    from sampt.benchmarks.datasets.registry import DATASETS, parse_options

    require("pandas", "matplotlib", "jinja2", purpose="sampt interactive-benchmark")
    settings = model.settings()
    choice = DatasetChoice(dataset, root, split, parse_options(options))
    with sequence_progress("annotating", lambda: model.announce(settings)) as progress:
        done = run_interactive_benchmark(
            choice,
            settings,
            output or run_folder(choice, DATASETS, mode if tracking else f"{mode}-untracked"),
            rules=Rules(mode, target, actions, budget, tracking),
            sequences=sequences,
            compare=others,
            engine=engine.engine,
            strict=engine.strict,
            overwrite=overwrite,
            progress=progress,
        )
    if done.annotations:
        _tell(done)
    objects = plural(len(done.annotations), "object")
    if done.was_finished:
        tell_finished(objects, done.folder / "curve.png")
    else:
        click.echo(f"{objects}: {done.folder}", err=True)
    exit_if_failed(context, len(done.failures))


def _tell(done: InteractiveRun) -> None:
    from sampt._internal.console import result_console

    from .score_tables import interactions_table

    result_console().print(interactions_table(done.objects))
