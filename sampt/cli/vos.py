"""``sampt vos``: a VOS benchmark from start to end."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from sampt._internal.names import counted

from .dataset_options import dataset_options, sequence_progress
from .engine_options import EngineOptions, engine_options
from .model_options import ModelChoice, model_options
from .run_options import RunOptions, exit_if_failed, run_name, run_options, tell_means


@click.command()
@dataset_options(required=True)
@click.option(
    "--sequence", "sequences", multiple=True, metavar="NAME", help="Only this one; may be repeated."
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

    Only points drawn from each object's first mask enter the method. The folder gets masks ready for
    submission, metrics.csv, the official CSVs and report.html. Killed and started again, the same command
    goes on where it was. Where a sequence fails, the others are done, and the exit code is 3.

    \b
    sampt vos --dataset davis2017 --root DAVIS --config configs/sam_pt.yaml --seeds 8
    """
    settings = model.settings()  # first: what follows imports torch
    from sampt.benchmarks.datasets.base import DatasetChoice
    from sampt.benchmarks.datasets.registry import open_dataset, parse_options
    from sampt.benchmarks.running.description import describe
    from sampt.benchmarks.running.folder import default_folder, open_run
    from sampt.benchmarks.running.models import shared
    from sampt.benchmarks.running.report import write_report
    from sampt.benchmarks.running.strips import overlay_video
    from sampt.benchmarks.running.tasks import open_sequences, run_missing
    from sampt.benchmarks.vos.scores import VosScores, make_report
    from sampt.benchmarks.vos.worker import VosWorker
    from sampt.methods.registry import describe as describe_model

    seeds, workers = run.all_seeds(settings), engine.choice
    choice = DatasetChoice(dataset, root.resolve(), split, parse_options(options))
    opened = open_dataset(choice.name, choice.root, choice.split, choice.options)
    names = tuple(open_sequences(opened, sequences))
    run.check_logging(names)
    path = run.output or default_folder(opened.name, opened.split, run_name(model, settings))
    described = describe("vos", choice.describe(opened.split), settings, seeds)
    with open_run(path, described, run.overwrite) as folder:
        model.announce(describe_model(settings))
        with sequence_progress("segmenting") as progress:
            failures = run_missing(
                names,
                {"": folder},
                lambda: workers.make_workers(
                    partial(VosWorker, choice), {"": shared(settings) if len(seeds) > 1 else settings}
                ),
                strict=engine.strict,
                progress=progress,
            )
        scores = VosScores.of(folder, opened)
        scores.write(folder, opened.split)
        report = make_report(folder, opened, scores, failures)
        write_report(path / "report.html", report)
        tell_means(scores.means)
        for note in scores.notes:
            click.echo(f"Note: {note}", err=True)
        finished = f"{report.covered} of {counted(len(opened.names), 'sequence')}"
        click.echo(f"{finished}: {path}; open {path / 'report.html'}", err=True)
        masks = folder.masks(seeds[0])
        run.log(report, path, lambda name, file: overlay_video(opened[name], masks / name, file))
    exit_if_failed(context, len(failures))
