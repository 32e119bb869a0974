"""``sampt datasets``: lists datasets, checks one on disk, and writes miniatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from sampt._internal.names import plural
from sampt.benchmarks.datasets.check import DatasetCheck, check_dataset
from sampt.benchmarks.datasets.miniature import write_miniature
from sampt.benchmarks.datasets.registry import DATASETS, DatasetInfo, find_in, parse_options
from sampt.benchmarks.vis.check import check_vis_dataset
from sampt.benchmarks.vis.datasets import VIS_DATASETS
from sampt.benchmarks.vis.miniature import write_vis_miniature
from sampt.errors import DatasetError

from .dataset_options import dataset_options, sequence_progress
from .groups import Group


@dataclass(frozen=True)
class _Task:
    """What a kind of dataset is used for: the command that runs on it, its registry and its tools."""

    command: str
    datasets: Mapping[str, DatasetInfo[Any]]
    check: Callable[..., DatasetCheck]
    write_miniature: Callable[..., None]


_TASKS = (
    _Task("vos", DATASETS, check_dataset, write_miniature),
    _Task("vis", VIS_DATASETS, check_vis_dataset, write_vis_miniature),
)


def _find(name: str) -> tuple[_Task, DatasetInfo[Any]]:
    """The task and description of the dataset called ``name``.

    Raises:
        ConfigError: no dataset has that name.
    """
    info = find_in({name: info for task in _TASKS for name, info in task.datasets.items()}, name)
    return next(task for task in _TASKS if name in task.datasets), info


@click.group(cls=Group, no_args_is_help=True)
def command() -> None:
    """Datasets for video object segmentation (`sampt vos`) and video instance segmentation (`sampt vis`)."""


@command.command(name="list")
def list_() -> None:
    """Show the datasets, their splits and options, and where to get them."""
    for task in _TASKS:
        for name, info in task.datasets.items():
            click.echo(f"{name}: {info.title}")
            click.echo(f"  task     {task.command}")
            click.echo(f"  --split  {', '.join(info.splits)}{', or a list file' if info.any_split else ''}")
            for key, values in info.options.items():
                click.echo(f"  -d       {key}={'|'.join(values) or key.upper()}")
            click.echo(f"  licence  {info.licence}")
            click.echo(f"  from     {info.source}")
    click.echo("The first split and the first value of an option are the defaults.")
    click.echo("A task is the command that runs on a dataset; `sampt ablate` runs on those of `sampt vos`.")


@command.command()
@dataset_options(required=True)
def check(dataset: str, root: Path, split: str | None, options: tuple[str, ...]) -> None:
    """Read every file of a dataset, list what is missing or broken, and print counts.

    Exits with code 2 if something is missing or cannot be read. Counts that differ from the published ones
    are not an error, because part of a dataset can be used, too.
    """
    task, info = _find(dataset)
    with sequence_progress("checking") as progress:
        report = task.check(dataset, root, split, parse_options(options), progress=progress)
    _show(report)
    if report.problems:
        raise DatasetError(
            f"{root} has {plural(len(report.problems), 'problem')}, listed above: "
            f"repair the files, or get them again from {info.source}"
        )


def _show(report: DatasetCheck) -> None:
    click.echo(f"{report.dataset} {report.split}")
    for what in ("sequences", "frames", "annotations", "objects"):
        click.echo(f"  {what:<12}{getattr(report, what):>8}")
    for number, text in enumerate(report.inputs):
        click.echo(f"  {'or' if number else 'input':<12}{text}")
    for note in report.notes:
        click.echo(f"Note: {note}")
    for problem in report.problems:
        click.echo(f"Problem: {problem}")
    if not report.problems:
        click.echo("Every file is there and can be read.")


@command.command()
@click.option("--dataset", required=True, help="Dataset to imitate; `sampt datasets list` shows them.")
@click.option("--output", "-O", type=click.Path(path_type=Path), required=True, help="New folder to write.")
@click.option(
    "--frames", type=click.IntRange(min=4), default=8, show_default=True, help="Frames per sequence."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the generated scenes."
)
def miniature(dataset: str, output: Path, frames: int, seed: int) -> None:
    """Write a small generated dataset in the layout of a real one, to try commands on."""
    task, _ = _find(dataset)
    task.write_miniature(dataset, output, frames=frames, seed=seed)
    click.echo(f"{output} is a miniature of {dataset}: give it as --root")
