"""A summary as the two CSV files that the official evaluation of DAVIS 2017 leaves."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..running.csv_files import write_csv
from .protocols import Summary


def write_davis_csvs(summary: Summary, folder: Path, split: str) -> tuple[Path, ...]:
    """Write ``global_results-SPLIT.csv`` and ``per-sequence_results-SPLIT.csv`` into an existing folder.

    The first is one row of headline measures, the second a row an object, named ``SEQUENCE_OBJECT``: J and F
    of "davis" as in the official file, every column of ``summary.table`` of another protocol. Numbers have
    three decimals, as the official ones.

    Args:
        split: its name, or the file that lists it.

    Returns:
        The two files.

    Raises:
        OutputError: they cannot be written.
    """
    table = summary.table
    names = [f"{sequence}_{id}" for sequence, id in zip(table["sequence"], table["object"], strict=True)]
    columns = ["J-Mean", "F-Mean"] if summary.protocol == "davis" else list(table.columns[2:])
    objects = table[columns].copy()
    objects.insert(0, "Sequence", names)
    whole = pd.DataFrame([summary.means])
    files = tuple(folder / f"{kind}_results-{Path(split).stem}.csv" for kind in ("global", "per-sequence"))
    for path, rows in zip(files, (whole, objects), strict=True):
        write_csv(path, rows, decimals=3)
    return files
