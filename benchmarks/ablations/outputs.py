"""Everything that is written about a finished sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sampt.atomic import replacing

from .plot import plot_sequences, plot_values
from .statistics import complete, mean_intervals, sequence_medians, summary
from .sweep import Setting
from .tables import write_tables


@dataclass(frozen=True)
class Written:
    """files: all that was written. left_out: sequences that some run lacks, which no table or plot counts."""

    files: tuple[Path, ...]
    left_out: tuple[str, ...]


def write_results(
    folder: Path, settings: Sequence[Setting], table: pd.DataFrame, measures: Sequence[str]
) -> Written:
    """Write ``runs.csv``, the tables, and the plots of the first measure into ``folder``, which exists.

    table: as ``statistics`` describes it; ``setting`` holds the settings' names.

    Raises:
        EvaluationError: there is nothing to compare. OutputError: a file cannot be written.
    """
    compared, left_out = complete(table)
    names = [setting.name for setting in settings]
    compared = compared.sort_values("setting", key=lambda column: column.map(names.index), kind="stable")
    with replacing(folder / "runs.csv") as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
    files = [
        folder / "runs.csv",
        *write_tables(folder, settings, summary(compared, measures), measures),
        *plot_sequences(settings, sequence_medians(compared, measures[0]), measures[0], folder / "sequences"),
        *plot_values(settings, mean_intervals(compared, measures[0]), measures[0], folder / "values"),
    ]
    return Written(tuple(files), tuple(left_out))
