"""``sampt vos``: a VOS benchmark from start to end."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .dataset_options import dataset_options, sequence_progress
from .engine_options import EngineOptions, engine_options
from .model_options import ModelChoice, model_options
from .run_options import FAILED, check_logging, run_name, run_seeds

if TYPE_CHECKING:
    from sampt.benchmarks.datasets.base import VosDataset
    from sampt.benchmarks.running.folder import RunFolder
    from sampt.benchmarks.running.report import Report
    from sampt.benchmarks.running.wandb_log import Mode
    from sampt.benchmarks.vos_run import VosScores


@click.command()
@dataset_options(required=True)
@click.option(
    "--sequence", "sequences", multiple=True, metavar="NAME", help="Only this one; may be repeated."
)
@model_options
@click.option("--seeds", type=click.IntRange(min=1), default=1, help="So many runs, seeds 0, 1, … [1]")
@click.option(
    "--output", "-O", type=click.Path(path_type=Path), help="The run's folder [results/DATASET-SPLIT-CONFIG]."
)
@click.option("--overwrite", is_flag=True, help="Begin anew if the folder holds a run already.")
@engine_options
@click.option("--wandb", is_flag=True, help="Log the finished run to Weights & Biases.")
@click.option("--wandb-mode", type=click.Choice(["online", "offline"]), default="online", show_default=True)
@click.option("--wandb-video", "videos", multiple=True, metavar="NAME", help="A sequence to log as a video.")
@click.pass_context
def command(
    context: click.Context,
    dataset: str,
    root: Path,
    split: str | None,
    options: tuple[str, ...],
    sequences: tuple[str, ...],
    model: ModelChoice,
    seeds: int,
    output: Path | None,
    overwrite: bool,
    engine: EngineOptions,
    wandb: bool,
    wandb_mode: Mode,
    videos: tuple[str, ...],
) -> None:
    """Run the method on every sequence of a dataset, and score it as the official tools do.

    Only points drawn from each object's first mask enter the method. The folder gets masks ready for
    submission, metrics.csv, the official CSVs and report.html. Killed and started again, the same command
    goes on where it was. Where a sequence fails, the others are done, and the exit code is 3.

    \b
    sampt vos --dataset davis2017 --root DAVIS --config configs/sam_pt.yaml --seeds 8
    """
    from sampt.benchmarks.datasets.base import DatasetChoice
    from sampt.benchmarks.datasets.registry import open_dataset, parse_options
    from sampt.benchmarks.datasets.sequences import check_name
    from sampt.benchmarks.running.description import describe
    from sampt.benchmarks.running.folder import default_folder, open_run
    from sampt.benchmarks.running.report import write_report
    from sampt.benchmarks.running.tasks import check_sequences, run_missing
    from sampt.benchmarks.vos import VosWorker, shared
    from sampt.benchmarks.vos_run import VosScores, make_report

    settings = model.settings()
    all_seeds, workers = run_seeds(settings, seeds), engine.choice
    check_logging(wandb, wandb_mode, videos)
    choice = DatasetChoice(dataset, root.resolve(), split, parse_options(options))
    opened = open_dataset(choice.name, choice.root, choice.split, choice.options)
    names = check_sequences(opened, sequences)
    for name in videos:
        check_name(opened.name, name, names)
    path = output or default_folder(opened.name, opened.split, run_name(model, settings))
    with open_run(
        path, describe("vos", choice.describe(opened.split), settings, all_seeds), overwrite
    ) as folder:
        with sequence_progress("segmenting") as progress:
            failures = run_missing(
                names,
                {"": folder},
                lambda: workers.make_workers(
                    partial(VosWorker, choice), {"": shared(settings) if seeds > 1 else settings}
                ),
                strict=engine.strict,
                progress=progress,
            )
        scores = VosScores.of(folder, opened, names)
        scores.write(folder, opened.split)
        report = make_report(folder, opened, names, scores, failures)
        write_report(path / "report.html", report)
        _tell(scores, f"{len(names)} sequences: {path}; open {path / 'report.html'}")
        if wandb:
            _log(folder, opened, report, videos, wandb_mode)
    if failures:
        click.echo(f"{len(failures)} failed (see above); the same command tries them again.", err=True)
        context.exit(FAILED)


def _tell(scores: VosScores, last: str) -> None:
    """The headline measures on stdout, mean ± standard deviation over seeds; then a last line on stderr."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from sampt.benchmarks.running.charts import percent_over_seeds

    if scores.by_seed:
        table = Table(box=SIMPLE_HEAD)
        table.add_column("measure")
        table.add_column("per cent", justify="right", no_wrap=True)
        for name, values in scores.means.items():
            table.add_row(str(name), percent_over_seeds(values.tolist()))
        Console().print(table)
    for note in scores.notes:
        click.echo(f"Note: {note}", err=True)
    click.echo(last, err=True)


def _log(folder: RunFolder, dataset: VosDataset, report: Report, videos: tuple[str, ...], mode: Mode) -> None:
    from tempfile import TemporaryDirectory

    from sampt.benchmarks.running.strips import overlay_video
    from sampt.benchmarks.running.wandb_log import log_run

    masks = folder.masks(folder.seeds[0])
    with TemporaryDirectory(prefix="sampt-") as temporary:
        done = [name for name in videos if (masks / name).is_dir()]
        written = {name: Path(temporary) / f"{name}.mp4" for name in done}
        for name, path in written.items():
            overlay_video(dataset[name], masks / name, path)
        log_run(report, folder.path, mode=mode, videos=written)
