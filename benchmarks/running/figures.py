"""The style of all plots, and how they are saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from sampt._internal.files import replacing

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, which colour-blind people can tell apart, without yellow, which fades on white."""

STYLE: Any = {
    "svg.hashsalt": "sampt",  # the same file each time
    "text.parse_math": False,  # names may contain dollar signs
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
}


def save_figure(figure: Figure, stem: Path) -> list[Path]:
    """Write ``stem``.png and ``stem``.svg, the same bytes each time.

    Returns:
        The two files.

    Raises:
        OutputError: a file cannot be written.
    """
    paths = [stem.with_name(stem.name + suffix) for suffix in (".png", ".svg")]
    for path in paths:
        metadata = {"Date": None} if path.suffix == ".svg" else None
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=150, metadata=metadata)
    return paths
