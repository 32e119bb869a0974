"""Tables as CSV files with the same bytes on every machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sampt._internal.files import replacing

if TYPE_CHECKING:
    import pandas as pd


def write_csv(path: Path, table: pd.DataFrame, decimals: int | None = None, index: str | None = None) -> None:
    """Write a table as a CSV file, whole or not at all.

    Args:
        path: the file.
        table: what to write.
        decimals: number of decimals of floats; None for as many as they have.
        index: name of the first column, for the table's index; None to leave that out.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as temporary:
        table.to_csv(
            temporary,
            index=index is not None,
            index_label=index,
            float_format=None if decimals is None else f"%.{decimals}f",
            lineterminator="\n",
        )
