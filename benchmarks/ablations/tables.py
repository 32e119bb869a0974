"""The tables of settings and measures: CSV for programs, Markdown for pages, LaTeX (booktabs) for papers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sampt._internal.files import replacing

from ..running import charts
from .sweep import Setting

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "–": "--",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
}


@dataclass(frozen=True)
class Sheet:
    """A table as text.

    Attributes:
        header: the column titles.
        rows: the cells of each row.
        labels: number of columns on the left that are labels; the others are numbers.
        bold: (row, column) of the best cells.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: int
    bold: frozenset[tuple[int, int]] = frozenset()

    def markdown(self) -> str:
        rule = ["---"] * self.labels + ["--:"] * (len(self.header) - self.labels)
        body = (
            [
                f"**{_markdown(text)}**" if (r, c) in self.bold else _markdown(text)
                for c, text in enumerate(row)
            ]
            for r, row in enumerate(self.rows)
        )
        lines = [list(map(_markdown, self.header)), rule, *body]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)

    def latex(self) -> str:
        """The table as a ``tabular``, which needs the package booktabs."""
        columns = "l" * self.labels + "r" * (len(self.header) - self.labels)
        body = (
            [
                f"\\textbf{{{_latex(text)}}}" if (r, c) in self.bold else _latex(text)
                for c, text in enumerate(row)
            ]
            for r, row in enumerate(self.rows)
        )
        header, *lines = (" & ".join(line) + r" \\" for line in [list(map(_latex, self.header)), *body])
        top, bottom = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule"], [r"\bottomrule", r"\end{tabular}"]
        return "\n".join([*top, header, r"\midrule", *lines, *bottom]) + "\n"


def settings_sheet(settings: Sequence[Setting], summary: pd.DataFrame, measures: Sequence[str]) -> Sheet:
    """A table with one row per setting: its labels, then mean ± deviation of each measure as percentages.

    The row with the highest first measure is bold.

    Args:
        settings: the settings.
        summary: the result of ``statistics.summary``.
        measures: names of the measures.
    """
    labels = tuple(settings[0].values)
    found = _of_settings(settings, summary)
    rows = tuple(
        (
            *map(label_text, setting.values.values()),
            *(charts.percent_with_deviation(*found.loc[setting.name, m]) for m in measures),
        )
        for setting in settings
    )
    best = _best([row[len(labels)] for row in rows])
    bold = frozenset((r, c) for r in best for c in range(len(labels) + len(measures)))
    return Sheet((*labels, *measures), rows, len(labels), bold)


def pivot_sheet(settings: Sequence[Setting], summary: pd.DataFrame, measure: str) -> Sheet:
    """A table with one axis down and one across: mean ± deviation of one measure, the best cell bold."""
    down, across = settings[0].values
    found = _of_settings(settings, summary)
    cells = {
        tuple(map(label_text, setting.values.values())): charts.percent_with_deviation(
            *found.loc[setting.name, measure]
        )
        for setting in settings
    }
    left = tuple(dict.fromkeys(first for first, _ in cells))
    columns = tuple(dict.fromkeys(second for _, second in cells))
    rows = tuple((first, *(cells[first, second] for second in columns)) for first in left)
    best = _best([text for row in rows for text in row[1:]])
    bold = frozenset((i // len(columns), 1 + i % len(columns)) for i in best)
    return Sheet((f"{measure}: {down} / {across}", *columns), rows, 1, bold)


def settings_frame(
    settings: Sequence[Setting], summary: pd.DataFrame, measures: Sequence[str]
) -> pd.DataFrame:
    """A table with one row per setting: name, labels, and each measure's mean and deviation in per cent."""
    found = _of_settings(settings, summary)
    rows = []
    for setting in settings:
        numbers: dict[str, float] = {}
        for measure in measures:
            mean, std = found.loc[setting.name, measure]
            numbers |= {measure: round(100 * mean, 4), f"{measure} std": round(100 * std, 4)}
        rows.append({"setting": setting.name} | dict(setting.values) | numbers)
    return pd.DataFrame(rows)


def write_tables(
    folder: Path, settings: Sequence[Setting], summary: pd.DataFrame, measures: Sequence[str]
) -> list[Path]:
    """Write ``settings.csv``, ``.md`` and ``.tex`` and, for two axes, ``pivot.md`` and ``.tex``.

    The pivot tables show the first measure. Each file is written whole or not at all.

    Raises:
        OutputError: a file cannot be written.
    """
    texts = {
        "settings.csv": settings_frame(settings, summary, measures).to_csv(index=False, lineterminator="\n")
    }
    sheets = {"settings": settings_sheet(settings, summary, measures)}
    if len(settings[0].values) == 2:
        sheets["pivot"] = pivot_sheet(settings, summary, measures[0])
    for name, sheet in sheets.items():
        texts |= {f"{name}.md": sheet.markdown(), f"{name}.tex": sheet.latex()}
    for name, text in texts.items():
        with replacing(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def label_text(label: Any) -> str:
    """A label as YAML writes it."""
    if label is None or isinstance(label, bool):
        return {None: "none", True: "true", False: "false"}[label]
    return str(label)


def _of_settings(settings: Sequence[Setting], summary: pd.DataFrame) -> pd.DataFrame:
    """The summary in the order of the settings, NaN for one without results."""
    return summary.reindex([setting.name for setting in settings])


def _best(texts: Iterable[str]) -> list[int]:
    """The indices of the highest mean as printed, several for a tie."""
    means = [-math.inf if text == charts.NOTHING else float(text.split()[0]) for text in texts]
    top = max(means)
    return [i for i, mean in enumerate(means) if mean == top and mean > -math.inf]


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_|<>])", r"\\\1", text)


def _latex(text: str) -> str:
    return "".join(_LATEX.get(mark, mark) for mark in text)
