"""The plots of a sweep: each setting over the sequences (SAM-PT, Fig. 10), a measure over a varied number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..running.figures import COLOURS, STYLE, save_figure
from .statistics import Floats
from .sweep import Setting
from .tables import label_text

DASHES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
FEW_SEQUENCES = 20
"""Maximum number of names that fit at a slant; more are vertical and smaller."""

WIDE_RANGE = 8
"""The ratio of the largest to the smallest number above which an axis is logarithmic."""


def plot_sequences(
    settings: Sequence[Setting], medians: pd.DataFrame, measure: str, stem: Path
) -> list[Path]:
    """Draw one line per setting over the sequences, with its interval as a band.

    Sequences are in the order of the first setting's medians.

    Args:
        settings: the settings.
        medians: the result of ``statistics.sequence_medians``.
        measure: name of the measure.
        stem: the path of the files without suffix.

    Returns:
        ``stem``.png and ``stem``.svg, or nothing if there are no medians.

    Raises:
        OutputError: a file cannot be written.
    """
    if medians.empty:
        return []
    rows = {str(name): group.set_index("sequence") for name, group in medians.groupby("setting", sort=False)}
    first = next(rows[setting.name] for setting in settings if setting.name in rows)
    order = list(dict.fromkeys([*first["value"].sort_values(kind="stable").index, *medians["sequence"]]))
    many = len(order) > FEW_SEQUENCES
    with mpl.rc_context(STYLE):
        size = (max(7.0, 3.5 + 0.17 * len(order)), max(5.0, 0.22 * len(settings)))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        for setting, look in zip(settings, _looks(settings), strict=True):
            if setting.name in rows:
                found = rows[setting.name].reindex(order)
                _line(
                    axes,
                    np.arange(len(order), dtype=float),
                    found,
                    setting.name,
                    look,
                    markersize=3 if many else 5,
                )
        axes.set_xticks(range(len(order)), order, fontsize=7 if many else 9)
        for label in axes.get_xticklabels():
            label.set(rotation=90 if many else 35, rotation_mode="anchor")
            label.set(ha="right", va="center" if many else "top")
        axes.margins(x=0.01 if many else 0.04)
        axes.set(ylabel=f"{measure} (%), median over runs, 95 % interval", xlabel="sequence")
        _legend(figure, axes)
        return save_figure(figure, stem)


def numeric_axis(settings: Sequence[Setting]) -> str | None:
    """The first axis with at least two labels, all of them numbers; None if there is none.

    Sweeps with more than two axes have none either, as there would be too many lines.
    """
    titles = list(settings[0].values)
    if len(titles) > 2:
        return None
    for title in titles:
        labels = [setting.values[title] for setting in settings]
        numbers = all(isinstance(label, int | float) and not isinstance(label, bool) for label in labels)
        if numbers and len(set(labels)) > 1:
            return title
    return None


def plot_values(settings: Sequence[Setting], intervals: pd.DataFrame, measure: str, stem: Path) -> list[Path]:
    """Draw a measure over the ``numeric_axis``, with one line for each label of the other axis.

    Args:
        settings: the settings.
        intervals: the result of ``statistics.mean_intervals``.
        measure: name of the measure.
        stem: the path of the files without suffix.

    Returns:
        ``stem``.png and ``stem``.svg, or nothing without such an axis.

    Raises:
        OutputError: a file cannot be written.
    """
    over = numeric_axis(settings)
    if over is None:
        return []
    other = next((title for title in settings[0].values if title != over), None)
    lines: dict[str, list[Setting]] = {}
    for setting in settings:
        if setting.name in intervals.index:
            lines.setdefault(label_text(setting.values[other]) if other else "", []).append(setting)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.0, 4.2), layout="constrained")
        axes = figure.subplots()
        for i, (label, members) in enumerate(lines.items()):
            members = sorted(members, key=lambda setting: float(setting.values[over]))
            x = np.array([float(setting.values[over]) for setting in members])
            rows = intervals.loc[[setting.name for setting in members]]
            _line(axes, x, rows, label, (i % len(COLOURS), i // len(COLOURS) % len(DASHES)), markersize=5)
        _scale(axes, sorted({setting.values[over] for setting in settings}))
        axes.set(xlabel=over, ylabel=f"{measure} (%), mean over runs, 95 % interval")
        if other:
            _legend(figure, axes, other)
        return save_figure(figure, stem)


def _looks(settings: Sequence[Setting]) -> list[tuple[int, int]]:
    """The colour and dash of each setting, by the labels of two axes if these are few, else in turn."""
    titles = list(settings[0].values)
    if len(titles) == 2:
        first, second = (
            list(dict.fromkeys(label_text(s.values[title]) for s in settings)) for title in titles
        )
        if len(first) <= len(COLOURS) and len(second) <= len(DASHES):
            labels = ([label_text(s.values[title]) for title in titles] for s in settings)
            return [(first.index(one), second.index(other)) for one, other in labels]
    return [(i % len(COLOURS), i // len(COLOURS) % len(DASHES)) for i in range(len(settings))]


def _line(
    axes: Axes, x: Floats, rows: pd.DataFrame, label: str, look: tuple[int, int], markersize: float
) -> None:
    """Draw values as percentages with the band of their intervals."""
    colour, dash = look
    axes.plot(
        x,
        100 * rows["value"].to_numpy(float),
        label=label,
        color=COLOURS[colour],
        linestyle=DASHES[dash],
        marker=MARKERS[(colour + dash) % len(MARKERS)],
        markersize=markersize,
        linewidth=1.4,
    )
    low, high = (100 * rows[end].to_numpy(float) for end in ("low", "high"))
    axes.fill_between(x, low, high, color=COLOURS[colour], alpha=0.15, linewidth=0)


def _scale(axes: Axes, values: list[int | float]) -> None:
    """Put ticks at the values, on a logarithmic scale if they are far apart."""
    positive = [value for value in values if value > 0]
    if values[0] >= 0 and positive[-1] > WIDE_RANGE * positive[0]:
        if values[0] > 0:
            axes.set_xscale("log", base=2)
        else:
            axes.set_xscale("symlog", base=2, linthresh=positive[0])
    axes.set_xticks(values, list(map(label_text, values)))
    axes.minorticks_off()


def _legend(figure: Figure, axes: Axes, title: str | None = None) -> None:
    lines = axes.get_lines()
    # Given explicitly, since names that begin with "_" would be left out.
    names = [str(line.get_label()) for line in lines]
    figure.legend(lines, names, loc="outside right upper", title=title, frameon=False, fontsize=9)
