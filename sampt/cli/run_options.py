"""What the commands that run a benchmark have in common: where it goes, how often, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sampt.errors import ConfigError

from .model_options import ModelChoice
from .option_groups import option_group

if TYPE_CHECKING:
    import pandas as pd

    from sampt.benchmarks.running.report import Report
    from sampt.benchmarks.running.wandb_log import Mode
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
    wandb_mode: Mode
    wandb_video: tuple[str, ...]

    def all_seeds(self, settings: Config) -> tuple[int, ...]:
        """So many seeds from 0, or the configuration's if there is one.

        Raises:
            ConfigError: there are several, and the configuration names one.
        """
        if self.seeds == 1:
            return (settings.seed,)
        if settings.seed:
            raise ConfigError(
                f"seed {settings.seed} and --seeds {self.seeds} contradict each other; give one of them"
            )
        return tuple(range(self.seeds))

    def check_logging(self, names: Sequence[str]) -> None:
        """Find out before a run whether it can be logged, with the videos that are chosen of ``names``.

        Raises:
            ConfigError: it cannot, or videos are chosen for a log that is not wanted.
            DatasetError: a chosen video is not among ``names``.
        """
        from sampt.benchmarks.datasets.sequences import check_name
        from sampt.benchmarks.running.wandb_log import require_wandb

        if self.wandb_video and not self.wandb:
            raise ConfigError("--wandb-video only makes sense with --wandb; give both or neither")
        if self.wandb:
            require_wandb(self.wandb_mode)
        for name in self.wandb_video:
            check_name("this run", name, names)

    def log(self, report: Report, folder: Path, write_video: Callable[[str, Path], None]) -> None:
        """Log a finished run, if that is wanted; ``write_video`` writes a sequence's overlay as MP4."""
        from tempfile import TemporaryDirectory

        from sampt.benchmarks.running.wandb_log import log_run

        if not self.wandb:
            return
        done = {record.sequence for record in report.records if record.seed == report.seeds[0]}
        with TemporaryDirectory(prefix="sampt-") as temporary:
            videos = {name: Path(temporary) / f"{name}.mp4" for name in self.wandb_video if name in done}
            for name, path in videos.items():
                write_video(name, path)
            log_run(report, folder, mode=self.wandb_mode, videos=videos)


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


def tell_means(means: pd.DataFrame) -> None:
    """Measures, a column each with a row a seed, on stdout: mean ± standard deviation over seeds."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from sampt.benchmarks.running.charts import percent_over_seeds

    if means.empty:
        return
    table = Table(box=SIMPLE_HEAD)
    table.add_column("measure")
    table.add_column("per cent", justify="right", no_wrap=True)
    for name, values in means.items():
        table.add_row(str(name), percent_over_seeds(values.tolist()))
    Console().print(table)


def exit_if_failed(context: click.Context, count: int) -> None:
    """Say that some failed, and leave with ``FAILED``; or do nothing."""
    if count:
        click.echo(f"{count} failed (see above); the same command tries them again.", err=True)
        context.exit(FAILED)
