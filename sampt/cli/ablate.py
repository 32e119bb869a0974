"""``sampt ablate``: one configuration in many variants, each with several seeds."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .dataset_options import dataset_options, sequence_progress
from .engine_options import EngineOptions, engine_options
from .model_options import ModelChoice, model_options
from .vos import FAILED

if TYPE_CHECKING:
    from sampt.benchmarks.ablations.outputs import Written


@click.command()
@click.argument("file")
@dataset_options(required=True)
@click.option(
    "--sequence", "sequences", multiple=True, metavar="NAME", help="Only this one; may be repeated."
)
@model_options
@click.option("--seeds", type=click.IntRange(min=1), help="So many runs of each setting [as in FILE].")
@click.option(
    "--output", "-O", type=click.Path(path_type=Path), help="The sweep's folder [results/FILE-DATASET-SPLIT]."
)
@click.option("--overwrite", is_flag=True, help="Begin anew if the folder holds a sweep already.")
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

    --config replaces the file's base, and the other options change what all settings share. Every setting's
    runs go to a folder of their own inside the sweep's, as `sampt vos` would leave them. Killed and started
    again, the same command goes on where it was.

    \b
    sampt ablate configs/ablations/points.yaml --dataset davis2016 --root DAVIS --seeds 3
    """
    from sampt.benchmarks.ablations.outputs import write_results
    from sampt.benchmarks.ablations.sweep import read_sweep
    from sampt.benchmarks.datasets.base import DatasetChoice
    from sampt.benchmarks.datasets.registry import open_dataset, parse_options
    from sampt.benchmarks.running.description import describe
    from sampt.benchmarks.running.folder import open_run
    from sampt.benchmarks.running.tasks import check_sequences, run_missing
    from sampt.benchmarks.vos import VosWorker
    from sampt.benchmarks.vos_run import VosScores, long_table

    sweep = read_sweep(file, model.config, model.chosen)
    settings = sweep.settings()
    configs = {s.slug: replace(model.with_checkpoints(sweep.config(s)), seed=0) for s in settings}
    choice = DatasetChoice(dataset, root, split, parse_options(options))
    opened = open_dataset(choice.name, choice.root, choice.split, choice.options)
    names = check_sequences(opened, sequences)
    about, all_seeds = choice.describe(opened.split), tuple(range(seeds or sweep.seeds))
    path = output or Path("results") / f"{sweep.file.stem}-{opened.name}-{opened.split}"
    with ExitStack() as stack:
        folders = {
            slug: stack.enter_context(
                open_run(path / slug, describe("vos", about, config, all_seeds), overwrite)
            )
            for slug, config in configs.items()
        }
        with sequence_progress("segmenting") as progress:
            failures = run_missing(
                names,
                folders,
                lambda: engine.choice.make_workers(partial(VosWorker, choice), configs),
                strict=engine.strict,
                progress=progress,
            )
        scores = {s.name: VosScores.of(folders[s.slug], opened, names) for s in settings}
        for s in settings:
            scores[s.name].write(folders[s.slug], opened.split)
        written = write_results(path, settings, *long_table(scores))
    _tell(path, written)
    if failures:
        click.echo(f"{len(failures)} runs failed (see above); the same command tries them again.", err=True)
        context.exit(FAILED)


def _tell(path: Path, written: Written) -> None:
    click.echo((path / "settings.md").read_text(encoding="utf-8"))
    if written.left_out:
        names = ", ".join(written.left_out)
        click.echo(f"Not counted, as a run lacks them: {names}.", err=True)
    click.echo(f"Tables and plots: {path}", err=True)
