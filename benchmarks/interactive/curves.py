"""IoU against interactions per frame (SAM-PT, Fig. 5), as tables and a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..running.figures import COLOURS, STYLE, save_figure
from .walks import Annotation

STEP = 0.02
"""Interactions per frame from one row of a curve to the next."""

_THIN_LINES = 100


def held(values: Sequence[float], frames: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values at ``x`` interactions per frame, given those after 0, 1, 2, …; each holds until the next."""
    done = np.floor(x * frames + 1e-9).astype(int)
    return np.asarray(np.array(values, np.float64)[np.minimum(done, len(values) - 1)], np.float64)


def mean_curve(annotations: Sequence[Annotation]) -> pd.DataFrame:
    """The mean curve over objects, from no interactions to the most per frame of any object.

    An object whose annotator has stopped keeps its last values. Columns are interactions_per_frame; iou,
    kept_iou (``Annotation.kept_ious``) and f, 0..1; and annotating, the share of objects whose annotator has
    not stopped.
    """
    most = max((len(a.interactions) / a.frames for a in annotations), default=0.0)
    x = STEP * np.arange(int(np.ceil(most / STEP - 1e-9)) + 1, dtype=np.float64)
    columns: dict[str, NDArray[np.float64]] = {
        "iou": np.mean([held(a.ious, a.frames, x) for a in annotations], 0),
        "kept_iou": np.mean([held(a.kept_ious, a.frames, x) for a in annotations], 0),
        "f": np.mean([held(a.fs, a.frames, x) for a in annotations], 0),
        "annotating": np.mean([x * a.frames + 1e-9 < len(a.interactions) for a in annotations], 0),
    }
    return pd.DataFrame({"interactions_per_frame": x.round(6), **columns})


def object_table(annotations: Sequence[Annotation]) -> pd.DataFrame:
    """A table with one row per object: the number of interactions, of each kind, and their results."""
    rows = []
    for a in annotations:
        best = int(np.argmax(a.ious))
        kinds = [f"{i.action} {i.sign}" for i in a.interactions]
        rows.append(
            {
                "sequence": a.sequence,
                "object": a.object_id,
                "frames": a.frames,
                "interactions": len(kinds),
                "interactions_per_frame": len(kinds) / a.frames,
                **{
                    f"{action}_{sign}": kinds.count(f"{action} {sign}")
                    for action in ("add", "remove")
                    for sign in ("positive", "negative")
                },
                "iou": a.ious[-1],
                "f": a.fs[-1],
                "kept_iou": a.kept_ious[-1],
                "best_iou": a.ious[best],
                "best_after": best,
            }
        )
    return pd.DataFrame(rows)


def interaction_table(annotations: Sequence[Annotation]) -> pd.DataFrame:
    """A table with one row per interaction, in order."""
    return pd.DataFrame(
        [
            {"sequence": a.sequence, "object": a.object_id, **vars(i)}
            for a in annotations
            for i in a.interactions
        ]
    )


def plot_curves(
    curves: Mapping[str, pd.DataFrame], annotations: Sequence[Annotation], stem: Path
) -> list[Path]:
    """Draw the mean ``kept_iou`` over interactions per frame, with one line per curve.

    Args:
        curves: the curves by label.
        annotations: each is a thin line behind the first curve, unless there are too many.
        stem: the path of the files without suffix.

    Returns:
        ``stem``.png and ``stem``.svg.

    Raises:
        OutputError: a file cannot be written.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = figure.subplots()
        for a in annotations if len(annotations) <= _THIN_LINES else ():
            x, y = np.arange(len(a.kept_ious)) / a.frames, 100 * np.array(a.kept_ious)
            axes.step(x, y, where="post", color="0.6", linewidth=0.6, alpha=0.5)
        longest = max(curve["interactions_per_frame"].iloc[-1] for curve in curves.values())
        for i, (label, curve) in enumerate(curves.items()):
            x = np.append(curve["interactions_per_frame"], longest)
            y = 100 * np.append(curve["kept_iou"], curve["kept_iou"].iloc[-1])
            axes.step(x, y, where="post", label=label, color=COLOURS[i % len(COLOURS)], linewidth=2)
        axes.set(xlabel="interactions per frame", ylabel="IoU (%), mean over objects", ylim=(0, 100))
        axes.set_xlim(left=0)
        if len(curves) > 1:
            axes.legend(frameon=False, loc="lower right")
        return save_figure(figure, stem)
