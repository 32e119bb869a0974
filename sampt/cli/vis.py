"""``sampt vis``: video instance segmentation of everything, from start to end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .dataset_options import dataset_options, sequence_progress
from .engine_options import EngineOptions, engine_options
from .model_options import ModelChoice, model_options
from .run_options import FAILED, check_logging, run_name, run_seeds

if TYPE_CHECKING:
    from sampt.benchmarks.datasets.base import DatasetChoice
    from sampt.benchmarks.running.folder import RunFolder
    from sampt.benchmarks.running.report import Report
    from sampt.benchmarks.running.wandb_log import Mode
    from sampt.benchmarks.vis.datasets import VisDataset
    from sampt.benchmarks.vis.masklets import VisSettings
    from sampt.benchmarks.vis.run import VisScores

    from ..config import Config


@click.command()
@dataset_options(required=True)
@click.option("--video", "videos", multiple=True, metavar="NAME", help="Only this one; may be repeated.")
@model_options
@click.option("--seeds", type=click.IntRange(min=1), default=1, help="So many runs, seeds 0, 1, … [1]")
@click.option(
    "--output", "-O", type=click.Path(path_type=Path), help="The run's folder [results/DATASET-SPLIT-CONFIG]."
)
@click.option("--overwrite", is_flag=True, help="Begin anew if the folder holds a run already.")
@engine_options
@click.option("--wandb", is_flag=True, help="Log the finished run to Weights & Biases.")
@click.option("--wandb-mode", type=click.Choice(["online", "offline"]), default="online", show_default=True)
@click.option(
    "--wandb-video", "shown", multiple=True, metavar="NAME", help="A video to log with its masklets."
)
@click.pass_context
def command(
    context: click.Context,
    dataset: str,
    root: Path,
    split: str | None,
    options: tuple[str, ...],
    videos: tuple[str, ...],
    model: ModelChoice,
    seeds: int,
    output: Path | None,
    overwrite: bool,
    engine: EngineOptions,
    wandb: bool,
    wandb_mode: Mode,
    shown: tuple[str, ...],
) -> None:
    """Find everything in the first frame of every video, and track it: UVO, YouTube-VIS 2019 and 2021, OVIS.

    Up to 100 masks of the first frame are each tracked to the end. The folder gets results.json in the format
    of YouTube-VIS, metrics.csv and report.html; scores do not regard categories. Besides a model's settings
    -o takes proposals.KEY (docs/proposals.md), redetect.every and redetect.overlap, proposal_score and
    objects_per_batch (docs/vis.md). Killed and started again, the same command goes on where it was. Where a
    video fails, the others are done, and the exit code is 3.

    \b
    sampt vis --dataset uvo --root UVOv1.0 --config configs/sam_pt.yaml
    sampt vis --dataset uvo --root UVOv1.0 --segmenter mobile-sam -o redetect.every=10
    """
    from functools import partial

    from sampt.benchmarks.datasets.base import DatasetChoice
    from sampt.benchmarks.datasets.registry import parse_options
    from sampt.benchmarks.datasets.sequences import check_name
    from sampt.benchmarks.running.folder import default_folder, open_run
    from sampt.benchmarks.running.report import write_report
    from sampt.benchmarks.running.tasks import check_sequences, run_missing
    from sampt.benchmarks.vis.datasets import open_vis_dataset
    from sampt.benchmarks.vis.run import VisScores, make_report, write_results
    from sampt.benchmarks.vis.worker import VisWorker

    settings, vis = _settings(model)
    all_seeds, workers = run_seeds(settings, seeds), engine.choice
    check_logging(wandb, wandb_mode, shown)
    choice = DatasetChoice(dataset, root.resolve(), split, parse_options(options))
    opened = open_vis_dataset(choice.name, choice.root, choice.split, choice.options)
    names = check_sequences(opened, videos)
    for name in shown:
        check_name(opened.name, name, names)
    path = output or default_folder(opened.name, opened.split, run_name(model, settings))
    described = _described(choice, opened, settings, vis, all_seeds)
    with open_run(path, described, overwrite) as folder:
        with sequence_progress("segmenting") as progress:
            failures = run_missing(
                names,
                {"": folder},
                lambda: workers.make_workers(partial(VisWorker, choice, vis), {"": settings}),
                strict=engine.strict,
                progress=progress,
            )
        results = write_results(folder, names)
        scores = VisScores.of(folder, opened, names)
        scores.write(folder)
        report = make_report(folder, opened, names, scores, failures)
        write_report(path / "report.html", report)
        if wandb:
            _log(folder, opened, report, shown, wandb_mode)
    _tell(scores, f"{len(names)} videos: {results[0]}; open {path / 'report.html'}")
    if failures:
        click.echo(f"{len(failures)} failed (see above); the same command tries them again.", err=True)
        context.exit(FAILED)


def _settings(model: ModelChoice) -> tuple[Config, VisSettings]:
    """The model's configuration, by default the paper's, and the settings that are not the model's."""
    from sampt.benchmarks.vis.settings import is_own, parse_vis_settings
    from sampt.benchmarks.vis.worker import vis_config

    own = [override for override in model.overrides if is_own(override)]
    model = replace(model, overrides=tuple(o for o in model.overrides if not is_own(o)))
    chosen = any(override.startswith("segmenter.name=") for override in model.chosen)
    if model.config is None and not chosen:
        model = replace(model, config="sam_pt")
    return vis_config(model.settings()), parse_vis_settings(own)


def _described(
    choice: DatasetChoice, dataset: VisDataset, settings: Config, vis: VisSettings, seeds: tuple[int, ...]
) -> dict[str, Any]:
    from sampt.benchmarks.running.description import describe
    from sampt.benchmarks.vis.settings import as_plain

    described = describe("vis", choice.describe(dataset.split), settings, seeds)
    described["config"] |= as_plain(vis)
    return described


def _tell(scores: VisScores, last: str) -> None:
    """The measures on stdout, mean ± standard deviation over seeds; then a last line on stderr."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from sampt.benchmarks.running.charts import percent_over_seeds

    console = Console()
    if not console.is_terminal:
        console.width = 160
    means = scores.means
    table = Table(box=SIMPLE_HEAD)
    for name in means.columns:
        table.add_column(name, justify="right", no_wrap=True)
    if scores.by_seed:
        table.add_row(*(percent_over_seeds(means[name].tolist()) for name in means.columns))
        console.print(table)
    click.echo(last, err=True)


def _log(folder: RunFolder, dataset: VisDataset, report: Report, shown: tuple[str, ...], mode: Mode) -> None:
    from tempfile import TemporaryDirectory

    from sampt.benchmarks.running.wandb_log import log_run
    from sampt.benchmarks.vis.pictures import masklet_video
    from sampt.benchmarks.vis.worker import MASKLETS

    first = folder.masks(folder.seeds[0])
    with TemporaryDirectory(prefix="sampt-") as temporary:
        done = [name for name in shown if (first / name).is_dir()]
        written = {name: Path(temporary) / f"{name}.mp4" for name in done}
        for name, path in written.items():
            masklet_video(dataset[name], first / name / MASKLETS, path)
        log_run(report, folder.path, mode=mode, videos=written)
