"""The files that are written about a finished sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..running.csv_files import write_csv
from ..running.tasks import SequenceTask
from .plot import plot_sequences, plot_values
from .statistics import complete, mean_intervals, sequence_medians, summary
from .sweep import SWEEP_FILES, Setting
from .tables import write_tables


@dataclass(frozen=True)
class Comparison:
    """The comparison of a sweep's settings.

    Attributes:
        files: the files that were written.
        means: one row per setting, from ``statistics.summary``.
        left_out: sequences that some run lacks, which are left out of all tables and plots.
    """

    files: tuple[Path, ...]
    means: pd.DataFrame
    left_out: tuple[str, ...]


def remove_comparison(folder: Path) -> None:
    """Remove what was written about an earlier state of the sweep, or about another one.

    Raises:
        OSError: a file cannot be removed.
    """
    for name in SWEEP_FILES:
        (folder / name).unlink(missing_ok=True)


def write_comparison(
    folder: Path,
    settings: Sequence[Setting],
    seeds: int,
    sequences: Sequence[str],
    table: pd.DataFrame,
    measures: Sequence[str],
) -> Comparison:
    """Write ``runs.csv``, the tables, and the plots of the first measure.

    Args:
        folder: an existing folder.
        settings: the settings to compare.
        seeds: expected number of runs of each setting.
        sequences: expected sequences of each run.
        table: the scores, as ``statistics`` describes them; ``setting`` contains the settings' names.
        measures: names of the measures, the most important first.

    Raises:
        EvaluationError: no sequence is in every run; ``runs.csv`` is written nevertheless.
        OutputError: a file cannot be written.
    """
    write_csv(folder / "runs.csv", table)
    compared, left_out = complete(table, sequences, len(settings) * seeds)
    names = [setting.name for setting in settings]
    compared = compared.sort_values("setting", key=lambda column: column.map(names.index), kind="stable")
    means = summary(compared, measures)
    files = [
        folder / "runs.csv",
        *write_tables(folder, settings, means, measures),
        *plot_sequences(settings, sequence_medians(compared, measures[0]), measures[0], folder / "sequences"),
        *plot_values(settings, mean_intervals(compared, measures[0]), measures[0], folder / "values"),
    ]
    return Comparison(tuple(files), means, tuple(left_out))


def write_failures(
    folder: Path, settings: Sequence[Setting], failures: Mapping[SequenceTask, str]
) -> pd.DataFrame:
    """Write ``failures.csv`` if there are any: columns ``setting``, ``seed``, ``sequence``, ``error``.

    Args:
        folder: an existing folder.
        settings: all settings.
        failures: the tasks, whose settings are slugs, and why they failed.

    Returns:
        The table.

    Raises:
        OutputError: the file cannot be written.
    """
    names = {setting.slug: setting.name for setting in settings}
    order = list(names)
    tasks = sorted(failures, key=lambda task: (order.index(task.setting), task.seed, task.sequence))
    rows = [(names[task.setting], task.seed, task.sequence, failures[task]) for task in tasks]
    table = pd.DataFrame(rows, columns=["setting", "seed", "sequence", "error"])
    if rows:
        write_csv(folder / "failures.csv", table)
    return table
