"""``sampt ablate``: one configuration in many variants, each with several seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .dataset_options import dataset_options, sequence_progress
from .engine_options import EngineOptions, engine_options
from .model_options import ModelChoice, model_options
from .run_options import FAILED

if TYPE_CHECKING:
    import pandas as pd

    from sampt.benchmarks.ablations.outputs import Written
    from sampt.benchmarks.datasets.base import VosDataset, VosSequence


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
    again, the same command goes on where it was. Where some run fails, the others are done, and the exit code
    is 3.

    \b
    sampt ablate configs/ablations/points.yaml --dataset davis2016 --root DAVIS --seeds 3
    """
    from sampt.benchmarks.ablations.folder import open_sweep
    from sampt.benchmarks.ablations.outputs import remove_results, write_failures, write_results
    from sampt.benchmarks.ablations.sweep import read_sweep
    from sampt.benchmarks.datasets.base import DatasetChoice
    from sampt.benchmarks.datasets.registry import open_dataset, parse_options
    from sampt.benchmarks.running.folder import default_folder
    from sampt.benchmarks.running.models import shared
    from sampt.benchmarks.running.tasks import open_sequences, run_missing
    from sampt.benchmarks.vos.scores import VosScores, long_table
    from sampt.benchmarks.vos.worker import VosWorker
    from sampt.methods.registry import check

    workers = engine.choice
    sweep = read_sweep(file, model.config, model.chosen)
    settings = sweep.settings()
    configs = {s.slug: shared(replace(model.with_checkpoints(sweep.config(s)), seed=0)) for s in settings}
    for config in configs.values():
        check(config)
    choice = DatasetChoice(dataset, root.resolve(), split, parse_options(options))
    opened = open_dataset(choice.name, choice.root, choice.split, choice.options)
    found = open_sequences(opened, sequences)
    names, compared = tuple(found), _annotated(opened, found)
    about, runs = choice.describe(opened.split), seeds or sweep.seeds
    path = output or default_folder(f"{sweep.file.stem}-{opened.name}", opened.split)
    with open_sweep(path, settings, configs, about, range(runs), overwrite) as folders:
        remove_results(path)
        with sequence_progress("segmenting") as progress:
            failures = run_missing(
                names,
                folders,
                lambda: workers.make_workers(partial(VosWorker, choice), configs),
                strict=engine.strict,
                progress=progress,
            )
        failed = write_failures(path, settings, failures)
        _tell_failed(path, failed)
        scores = {s.name: VosScores.of(folders[s.slug], opened) for s in settings}
        for s in settings:
            scores[s.name].write(folders[s.slug], opened.split)
        written = write_results(path, settings, runs, compared, *long_table(scores))
    _tell(path, written)
    if failures:
        context.exit(FAILED)


def _annotated(dataset: VosDataset, sequences: Mapping[str, VosSequence]) -> tuple[str, ...]:
    """The sequences by which settings can be compared."""
    from sampt.benchmarks.vos.scoring import has_truth
    from sampt.errors import EvaluationError

    found = tuple(name for name, sequence in sequences.items() if has_truth(sequence))
    if not found:
        raise EvaluationError(
            f"{dataset.name} {dataset.split} has no public annotations of these sequences but the masks that "
            "are given, so settings cannot be compared by them: choose another --split or --dataset"
        )
    return found


def _tell_failed(path: Path, failed: pd.DataFrame) -> None:
    if failed.empty:
        return
    settings = "; ".join(failed["setting"].unique())
    click.echo(
        f"{len(failed)} failed, with the settings {settings}: {path / 'failures.csv'} says which and why; "
        "the same command tries them again.",
        err=True,
    )


def _tell(path: Path, written: Written) -> None:
    click.echo((path / "settings.md").read_text(encoding="utf-8"))
    if written.left_out:
        names = ", ".join(written.left_out)
        click.echo(f"Not counted, as a run has no score of them: {names}.", err=True)
    click.echo(f"Tables and plots: {path}", err=True)
