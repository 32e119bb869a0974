"""Options and messages that the commands that run a benchmark share."""

from __future__ import annotations

import shlex
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
"""Exit code if some sequences failed while the others finished."""


@dataclass(frozen=True)
class RunOptions:
    """Values of ``--seeds``, ``--output``, ``--overwrite`` and the options for Weights & Biases."""

    seeds: int
    output: Path | None
    overwrite: bool
    wandb: bool
    wandb_mode: Literal["online", "offline"]
    wandb_video: tuple[str, ...]

    @property
    def wandb_log(self) -> WandbLog | None:
        """How to log the finished run; None without ``--wandb``.

        Raises:
            ConfigError: ``--wandb-video`` is given without ``--wandb``.
        """
        from sampt.benchmarks import WandbLog

        if self.wandb_video and not self.wandb:
            raise ConfigError("--wandb-video needs --wandb; give both or neither")
        return WandbLog(self.wandb_mode, self.wandb_video) if self.wandb else None


_OPTIONS = (
    click.option(
        "--seeds",
        type=click.IntRange(min=1),
        default=1,
        help="Number of seeds; they are 0, 1, …  [default: 1]",
    ),
    click.option(
        "--output",
        "-O",
        type=click.Path(path_type=Path),
        help="Folder for the run  [default: results/DATASET-SPLIT-CONFIG]",
    ),
    click.option("--overwrite", is_flag=True, help="Start over if the folder already holds a run."),
    click.option("--wandb", is_flag=True, help="Log the finished run to Weights & Biases."),
    click.option(
        "--wandb-mode", type=click.Choice(["online", "offline"]), default="online", show_default=True
    ),
    click.option(
        "--wandb-video",
        multiple=True,
        metavar="NAME",
        help="Also log the masks of this sequence as a video; may be repeated.",
    ),
)


run_options = option_group("run", RunOptions, _OPTIONS)
"""Decorator that gives a command these options as one argument, ``run``."""


def run_name(model: ModelChoice, settings: Config) -> str:
    """Name of a run: its configuration's, or its tracker's and segmenter's."""
    return Path(model.config).stem if model.config else f"{settings.tracker.name}-{settings.segmenter.name}"


def run_folder(
    dataset: DatasetChoice, known: Mapping[str, DatasetInfo[Any]], after: str = "", before: str = ""
) -> Path:
    """Folder of a run without ``--output``: results/BEFORE-DATASET-SPLIT-AFTER.

    Args:
        dataset: the dataset of the run.
        known: the datasets that this kind of run can use.
        after: end of the name; left out if empty.
        before: start of the name; left out if empty.

    Raises:
        ConfigError: the dataset is not one of ``known``.
    """
    from sampt.benchmarks.datasets.registry import find_in

    split = dataset.split or find_in(known, dataset.name).splits[0]  # which may be the path of a list
    return Path("results") / "-".join(filter(None, (before, dataset.name, Path(split).stem, after)))


def tell_run(done: BenchmarkRun, noun: str, place: Path) -> None:
    """Print metrics on stdout; on stderr, what could not be scored, and where the results are.

    Args:
        done: the finished run.
        noun: what the run consists of, "sequence" or "video".
        place: path of the results.
    """
    from sampt._internal.console import result_console

    from .score_tables import means_table

    if not done.means.empty:
        result_console().print(means_table(done.means))
    for note in done.notes:
        click.echo(f"Note: {note}", err=True)
    if done.was_finished:
        tell_finished(_summary(done, noun), done.folder / "report.html")
    else:
        finished = f"{done.finished} of {plural(done.total, noun)}"
        click.echo(f"{finished}: {place}; open {done.folder / 'report.html'}", err=True)
    if done.offline:
        command = shlex.join(["wandb", "sync", str(done.offline)])
        click.echo(f"W&B's files are in {done.offline}; to upload them: {command}", err=True)


def tell_finished(what: str, page: Path) -> None:
    """Say on stderr that a run was finished before, so that nothing had to be done.

    Args:
        what: the results in a few words.
        page: the file that shows them.
    """
    click.echo(f"Already finished: {what}; see {page}; --overwrite starts over", err=True)


def _summary(done: BenchmarkRun, noun: str) -> str:
    """Such as ``20 sequences with 3 seeds, J&F 59.9 ± 0.3``."""
    from sampt.benchmarks.running.charts import percent_over_seeds

    parts = [plural(done.total, noun)]
    if done.finished < done.total:
        parts = [f"{done.finished} of {plural(done.total, noun)}"]
    if len(done.report.seeds) > 1:
        parts[0] += f" with {len(done.report.seeds)} seeds"
    for name in done.report.measure_names[:1]:
        value = percent_over_seeds(done.report.over_seeds(name))
        parts.append(f"{name.removesuffix('-Mean')} {value}")
    return ", ".join(parts)


def exit_if_failed(context: click.Context, count: int) -> None:
    """Exit with ``FAILED`` and a message if any sequence failed."""
    if count:
        click.echo(f"{count} failed (see above); run the same command again to retry them.", err=True)
        context.exit(FAILED)
