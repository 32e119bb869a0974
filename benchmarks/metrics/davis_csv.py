"""A summary as the two CSV files that the official evaluation of DAVIS 2017 writes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..running.csv_files import write_csv
from .protocols import Summary


def write_davis_csvs(summary: Summary, folder: Path, split: str) -> tuple[Path, ...]:
    """Write ``global_results-SPLIT.csv`` and ``per-sequence_results-SPLIT.csv`` into an existing folder.

    The first is one row of headline measures. The second has one row per object, named ``SEQUENCE_OBJECT``:
    for "davis" J and F as in the official file, for other protocols every column of ``summary.table``. As in
    the official files, numbers have three decimals.

    Args:
        summary: what to write.
        folder: an existing folder.
        split: name of the split, or the file that lists it.

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
