"""``sampt vis``: video instance segmentation of everything, from start to end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sampt._internal.names import counted

from .dataset_options import dataset_options, sequence_progress
from .engine_options import EngineOptions, engine_options
from .model_options import ModelChoice, model_options
from .run_options import RunOptions, exit_if_failed, run_name, run_options, tell_means

if TYPE_CHECKING:
    from sampt.benchmarks.vis.settings import VisConfig

PAPER, SAM = "sam_pt_uvo", "sam_uvo"
"""The configuration that the paper uses for this task, and what it is with the fast tracker."""


@click.command()
@dataset_options(required=True)
@click.option("--video", "videos", multiple=True, metavar="NAME", help="Only this one; may be repeated.")
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
    videos: tuple[str, ...],
    model: ModelChoice,
    run: RunOptions,
    engine: EngineOptions,
) -> None:
    """Find everything in the first frame of every video, and track it: UVO, YouTube-VIS 2019 and 2021, OVIS.

    Up to 100 masks of the first frame are each tracked to the end. The folder gets results.json in the format
    of YouTube-VIS, metrics.csv and report.html; scores do not regard categories. Besides a model's settings
    --config and -o take proposals.KEY (docs/proposals.md), redetect.every and redetect.overlap,
    proposal_score and objects_per_batch (docs/vis.md). Killed and started again, the same command goes on
    where it was. Where a video fails, the others are done, and the exit code is 3.

    \b
    sampt vis --dataset uvo --root UVOv1.0 --config sam_pt_uvo
    sampt vis --dataset uvo --root UVOv1.0 --segmenter mobile-sam -o redetect.every=10
    """
    from functools import partial

    from sampt.benchmarks.datasets.base import DatasetChoice
    from sampt.benchmarks.datasets.registry import parse_options
    from sampt.benchmarks.running.description import describe
    from sampt.benchmarks.running.folder import default_folder, open_run
    from sampt.benchmarks.running.models import shared
    from sampt.benchmarks.running.report import write_report
    from sampt.benchmarks.running.tasks import open_sequences, run_missing
    from sampt.benchmarks.vis.datasets import open_vis_dataset
    from sampt.benchmarks.vis.pictures import masklet_video
    from sampt.benchmarks.vis.run import VisScores, make_report, write_results
    from sampt.benchmarks.vis.worker import MASKLETS, VisWorker
    from sampt.methods.registry import describe as describe_model

    settings = _settings(model)
    seeds, workers = run.all_seeds(settings), engine.choice
    choice = DatasetChoice(dataset, root.resolve(), split, parse_options(options))
    opened = open_vis_dataset(choice.name, choice.root, choice.split, choice.options)
    opened.check_truth()
    names = tuple(open_sequences(opened, videos))
    run.check_logging(names)
    path = run.output or default_folder(opened.name, opened.split, run_name(model, settings))
    described = describe("vis", choice.describe(opened.split), settings, seeds)
    with open_run(path, described, run.overwrite) as folder:
        model.announce(describe_model(settings), SAM)
        with sequence_progress("segmenting") as progress:
            failures = run_missing(
                names,
                {"": folder},
                lambda: workers.make_workers(partial(VisWorker, choice, settings), {"": shared(settings)}),
                strict=engine.strict,
                progress=progress,
            )
        results = write_results(folder, opened)
        scores = VisScores.of(folder, opened)
        scores.write(folder)
        report = make_report(folder, opened, scores, failures)
        write_report(path / "report.html", report)
        tell_means(scores.means)
        finished = f"{report.covered} of {counted(len(opened.names), 'video')}"
        click.echo(f"{finished}: {results[0]}; open {path / 'report.html'}", err=True)
        first = folder.masks(seeds[0])
        run.log(report, path, lambda name, file: masklet_video(opened[name], first / name / MASKLETS, file))
    exit_if_failed(context, len(failures))


def _settings(model: ModelChoice) -> VisConfig:
    """The configuration, by default the paper's."""
    from sampt.benchmarks.vis.settings import VisConfig
    from sampt.benchmarks.vis.worker import vis_config

    chosen = any(override.startswith("segmenter.name=") for override in model.chosen)
    if model.config is None and not chosen:
        model = replace(model, config=PAPER)
    settings = model.settings(SAM, VisConfig)
    assert isinstance(settings, VisConfig)
    return vis_config(settings)
