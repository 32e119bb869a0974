"""What the commands that run a benchmark have in common: where it goes, how often, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from sampt._internal.names import plural
from sampt.errors import ConfigError

from .model_options import ModelChoice
from .option_groups import option_group

if TYPE_CHECKING:
    from sampt.benchmarks import BenchmarkRun, DatasetChoice, WandbLog
    from sampt.benchmarks.datasets.registry import DatasetInfo
    from sampt.config import Config

FAILED = 3
"""Exit code when some sequences failed, and the others are done."""


@dataclass(frozen=True)
class RunOptions:
    """What ``--seeds``, ``--output``, ``--overwrite`` and the options of Weights & Biases say."""

    seeds: int
    output: Path | None
    overwrite: bool
    wandb: bool
    wandb_mode: Literal["online", "offline"]
    wandb_video: tuple[str, ...]

    @property
    def wandb_log(self) -> WandbLog | None:
        """How to log the finished run, if that is wanted.

        Raises:
            ConfigError: videos are chosen for a log that is not wanted.
        """
        from sampt.benchmarks import WandbLog

        if self.wandb_video and not self.wandb:
            raise ConfigError("--wandb-video only makes sense with --wandb; give both or neither")
        return WandbLog(self.wandb_mode, self.wandb_video) if self.wandb else None


_OPTIONS = (
    click.option("--seeds", type=click.IntRange(min=1), default=1, help="So many runs, seeds 0, 1, … [1]"),
    click.option(
        "--output",
        "-O",
        type=click.Path(path_type=Path),
        help="The run's folder [results/DATASET-SPLIT-CONFIG].",
    ),
    click.option("--overwrite", is_flag=True, help="Begin anew if the folder holds a run already."),
    click.option("--wandb", is_flag=True, help="Log the finished run to Weights & Biases."),
    click.option(
        "--wandb-mode", type=click.Choice(["online", "offline"]), default="online", show_default=True
    ),
    click.option("--wandb-video", multiple=True, metavar="NAME", help="One to log as a video."),
)


run_options = option_group("run", RunOptions, _OPTIONS)
"""Gives a command these options as one argument, ``run``."""


def run_name(model: ModelChoice, settings: Config) -> str:
    """What to call a run, after what was asked for."""
    return Path(model.config).stem if model.config else f"{settings.tracker.name}-{settings.segmenter.name}"


def run_folder(
    dataset: DatasetChoice, known: Mapping[str, DatasetInfo[Any]], after: str = "", before: str = ""
) -> Path:
    """Where a run goes without ``--output``: results/BEFORE-DATASET-SPLIT-AFTER.

    known: datasets of the run's kind.

    Raises:
        ConfigError: the dataset is none of them.
    """
    from sampt.benchmarks.datasets.registry import find_in

    split = dataset.split or find_in(known, dataset.name).splits[0]  # which may be the path of a list
    return Path("results") / "-".join(filter(None, (before, dataset.name, Path(split).stem, after)))


def tell_run(done: BenchmarkRun, noun: str, place: Path) -> None:
    """Measures on stdout; on stderr, what could not be scored, and where results are.

    noun: what the run is made of, "sequence" or "video". place: of the results.
    """
    from sampt._internal.console import result_console

    from .score_tables import means_table

    if not done.means.empty:
        result_console().print(means_table(done.means))
    for note in done.notes:
        click.echo(f"Note: {note}", err=True)
    finished = f"{done.finished} of {plural(done.total, noun)}"
    click.echo(f"{finished}: {place}; open {done.folder / 'report.html'}", err=True)


def exit_if_failed(context: click.Context, count: int) -> None:
    """Say that some failed, and leave with ``FAILED``; or do nothing."""
    if count:
        click.echo(f"{count} failed (see above); the same command tries them again.", err=True)
        context.exit(FAILED)
