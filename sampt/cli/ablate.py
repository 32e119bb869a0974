"""``sampt ablate``: one configuration in many variants, each with several seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sampt._internal.names import plural

from .dataset_options import dataset_options, sequence_progress
from .engine_options import EngineOptions, engine_options
from .model_options import ModelChoice, model_options
from .run_options import FAILED, run_folder, tell_finished

if TYPE_CHECKING:
    from sampt.benchmarks import SweepRun


@click.command()
@click.argument("file")
@dataset_options(required=True)
@click.option(
    "--sequence", "sequences", multiple=True, metavar="NAME", help="Run only this sequence; may be repeated."
)
@model_options
@click.option(
    "--seeds", type=click.IntRange(min=1), help="Number of seeds for each setting  [default: as in FILE]"
)
@click.option(
    "--output",
    "-O",
    type=click.Path(path_type=Path),
    help="Folder for the sweep  [default: results/FILE-DATASET-SPLIT]",
)
@click.option("--overwrite", is_flag=True, help="Start over if the folder already holds a sweep.")
@engine_options
@click.pass_context
def command(
    context: click.Context,
    file: str,
    dataset: str,
    root: Path,
    split: str | None,
    options: tuple[str, ...],
    sequences: tuple[str, ...],
    model: ModelChoice,
    seeds: int | None,
    output: Path | None,
    overwrite: bool,
    engine: EngineOptions,
) -> None:
    """Compare the settings of FILE, an ablation (docs/ablations.md), on a dataset.

    --config replaces the file's base configuration, and the other options change what all settings share.
    The runs of each setting go to a subfolder of the sweep's folder, in the layout of `sampt vos`. If the
    command is interrupted, running it again resumes the sweep. If a run fails, the others still finish, and
    the exit code is 3.

    \b
    sampt ablate configs/ablations/points.yaml --dataset davis2016 --root DAVIS --seeds 3
    """
    from sampt._internal.extras import require
    from sampt.benchmarks import DatasetChoice, run_sweep
    from sampt.benchmarks.ablations.sweep import read_sweep
    from sampt.benchmarks.datasets.registry import DATASETS, parse_options

    require("pandas", "matplotlib", "jinja2", purpose="sampt ablate")
    sweep = read_sweep(file, model.config, model.chosen)
    choice = DatasetChoice(dataset, root, split, parse_options(options))

    def announce() -> None:
        click.echo(f"Using the {plural(len(sweep.settings()), 'setting')} of {sweep.file}.", err=True)

    with sequence_progress("segmenting", announce) as progress:
        done = run_sweep(
            sweep,
            choice,
            output or run_folder(choice, DATASETS, before=sweep.file.stem),
            sequences=sequences,
            seeds=seeds,
            adapt=model.checked,
            engine=engine.engine,
            strict=engine.strict,
            overwrite=overwrite,
            progress=progress,
        )
    _tell(done)
    if not done.failures.empty:
        context.exit(FAILED)


def _tell(done: SweepRun) -> None:
    if not done.failures.empty:
        settings = "; ".join(done.failures["setting"].unique())
        click.echo(
            f"{len(done.failures)} failed, with the settings {settings}: {done.folder / 'failures.csv'} says "
            "which and why; run the same command again to retry them.",
            err=True,
        )
    click.echo(done.markdown)
    if done.left_out:
        click.echo(
            f"Not counted, because some run has no score for them: {', '.join(done.left_out)}.", err=True
        )
    if done.was_finished:
        tell_finished(plural(len(done.settings), "setting"), done.folder / "settings.md")
    else:
        click.echo(f"Tables and plots: {done.folder}", err=True)
