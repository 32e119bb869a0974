"""The files that are written about a finished run of the interactive benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sampt._internal.files import read_json
from sampt.errors import EvaluationError

from ..running.csv_files import write_csv
from ..running.folder import RunFolder
from .walks import Annotation

CURVE = "curve.csv"

INTERACTIONS = "interactions.json"
"""The file in a sequence's results folder, a list of annotations."""


def read_interactions(folder: RunFolder, sequences: Sequence[str]) -> list[Annotation]:
    """The annotations of all objects of the finished sequences among ``sequences``, in that order."""
    seed = folder.seeds[0]
    files = [folder.masks(seed) / name / INTERACTIONS for name in folder.finished_of(seed, sequences)]
    again = "run the benchmark again with --overwrite"
    return [Annotation.from_json(a) for file in files for a in read_json(file, EvaluationError, again)]


def write_outputs(folder: RunFolder, annotations: Sequence[Annotation], others: Sequence[Path] = ()) -> None:
    """Write ``interactions.csv``, ``metrics.csv`` (one row per object), ``curve.csv`` and its plot.

    Args:
        folder: the run's folder.
        annotations: at least one.
        others: folders of other runs, whose curves are drawn beside this one's.

    Raises:
        EvaluationError: one of ``others`` has no curve.
        OutputError: a file cannot be written.
    """
    # Imported only now, because it imports matplotlib.
    from .curves import interaction_table, mean_curve, object_table, plot_curves

    for name, table in (
        ("interactions.csv", interaction_table(annotations)),
        ("metrics.csv", object_table(annotations)),
        (CURVE, mean_curve(annotations)),
    ):
        write_csv(folder.path / name, table, decimals=6)
    curves = {name: read_curve(path) for path, name in _names([folder.path, *others]).items()}
    plot_curves(curves, annotations, folder.path / "curve")


def _names(folders: Sequence[Path]) -> dict[Path, str]:
    """The names of curves by folder: its own name, with its parents' if two names are the same."""
    resolved = {folder.resolve() for folder in folders}
    depth = 1
    while len({path.parts[-depth:] for path in resolved}) < len(resolved):
        depth += 1
    return {folder: "/".join(folder.resolve().parts[-depth:]) for folder in folders}


def read_curve(folder: Path) -> pd.DataFrame:
    """The curve of a finished run.

    Raises:
        EvaluationError: the folder has no curve.
    """
    try:
        curve = pd.read_csv(folder / CURVE)
        return curve[["interactions_per_frame", "iou", "kept_iou"]]
    except (OSError, ValueError, KeyError) as error:
        raise EvaluationError(
            f"{folder / CURVE} is not the curve of a finished run: give the folder of one"
        ) from error
