"""``sampt vos``: runs and scores a benchmark of video object segmentation."""

from __future__ import annotations

from pathlib import Path

import click

from .dataset_options import dataset_options, sequence_progress
from .engine_options import EngineOptions, engine_options
from .model_options import ModelChoice, model_options
from .run_options import RunOptions, exit_if_failed, run_folder, run_name, run_options, tell_run


@click.command()
@dataset_options(required=True)
@click.option(
    "--sequence", "sequences", multiple=True, metavar="NAME", help="Run only this sequence; may be repeated."
)
@model_options
@run_options
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
    run: RunOptions,
    engine: EngineOptions,
) -> None:
    """Run the method on every sequence of a dataset, and score it as the official tools do.

    The method sees only points that are sampled from each object's first mask. Writes masks ready for
    submission, metrics.csv, the official CSVs and report.html. If the command is interrupted, running it
    again resumes it. If a sequence fails, the others still finish, and the exit code is 3.

    \b
    sampt vos --dataset davis2017 --root DAVIS --config configs/sam_pt.yaml --seeds 8
    """
    from sampt._internal.extras import require
    from sampt.benchmarks import DatasetChoice, run_vos
    from sampt.benchmarks.datasets.registry import DATASETS, parse_options

    require("pandas", "matplotlib", "jinja2", purpose="sampt vos")
    settings = model.settings()
    choice = DatasetChoice(dataset, root, split, parse_options(options))
    with sequence_progress("segmenting", lambda: model.announce(settings)) as progress:
        done = run_vos(
            choice,
            settings,
            run.output or run_folder(choice, DATASETS, run_name(model, settings)),
            sequences=sequences,
            seeds=run.seeds,
            engine=engine.engine,
            strict=engine.strict,
            overwrite=run.overwrite,
            wandb=run.wandb_log,
            progress=progress,
        )
    tell_run(done, "sequence", done.folder)
    exit_if_failed(context, len(done.failures))
