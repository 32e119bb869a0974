"""``comparison.html``, a page that shows runs on the same dataset side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from sampt._internal.names import first_few
from sampt.errors import EvaluationError

from . import charts
from .folder import flattened
from .pages import write_page
from .report import RunReport
from .saved_runs import SavedRun

MACHINE = ("versions", "git", "hardware")
"""The keys of run.json about software and hardware."""
SETTINGS = ("config", "checkpoints", "dataset", "seeds")
"""The keys of run.json about what was asked for."""


@dataclass(frozen=True)
class Comparison:
    """Runs on the same split of a dataset, compared on the sequences that all of them have finished.

    Attributes:
        reports: the reports by the runs' names, of these sequences only. The first run is the one that the
            others are compared with.
        missing: run → sequences that another run has finished with all seeds, and this one has not.
    """

    reports: Mapping[str, RunReport]
    missing: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, runs: Sequence[SavedRun]) -> Comparison:
        """The comparison of several runs.

        Raises:
            EvaluationError: they are of different datasets or splits, one is given twice, they have no
                finished sequence in common, or have no scores.
        """
        first = runs[0]
        names = run_names([run.path for run in runs])
        for run in runs[1:]:
            ours, theirs = (_kind(one) for one in (first, run))
            if ours != theirs:
                raise EvaluationError(
                    f"{first.path} is a run on {ours} and {run.path} on {theirs}: compare runs on the same "
                    "split of the same dataset"
                )
        every = tuple(dict.fromkeys(name for run in runs for name in run.finished))
        common = [name for name in every if all(name in run.finished for run in runs)]
        if not common:
            some = "; ".join(
                f"{name}: {first_few(run.finished) or 'nothing'}"
                for name, run in zip(names, runs, strict=True)
            )
            raise EvaluationError(f"the runs have no finished sequence in common ({some}): finish them first")
        reports = {name: run.report(common) for name, run in zip(names, runs, strict=True)}
        if not all(report.scored for report in reports.values()):
            raise EvaluationError(
                f"{_kind(first)} has no public annotations, so its runs have no scores to compare"
            )
        missing = {
            name: tuple(sequence for sequence in every if sequence not in run.finished)
            for name, run in zip(names, runs, strict=True)
        }
        return cls(reports, {name: lacking for name, lacking in missing.items() if lacking})

    @property
    def sequences(self) -> tuple[str, ...]:
        """The sequences that have a score in every run, in the dataset's order."""
        first, *others = (report.scores for report in self.reports.values())
        return tuple(name for name in first if all(name in scores for scores in others))

    def differences(self, run: str) -> dict[str, float]:
        """Sequence → score of a run minus that of the first one, in 0..1; NaN if one of them is."""
        first = next(iter(self.reports.values()))
        return {name: self.reports[run].scores[name] - first.scores[name] for name in self.sequences}


def write_comparison(path: Path, comparison: Comparison) -> None:
    """Write the page, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_page(path, "comparison.html.jinja", _content(comparison))


def run_names(folders: Sequence[Path]) -> list[str]:
    """The names of runs: their folders', with the folders above if two are the same.

    Raises:
        EvaluationError: a folder is given twice.
    """
    resolved = [folder.resolve() for folder in folders]
    for k, folder in enumerate(resolved):
        if folder in resolved[:k]:
            raise EvaluationError(f"{folders[k]} is given twice: give different runs to compare")
    depth = 1
    while len({path.parts[-depth:] for path in resolved}) < len(resolved):
        depth += 1
    return ["/".join(path.parts[-depth:]) for path in resolved]


def _kind(run: SavedRun) -> str:
    what = "" if run.run["task"] == "vos" else " (sampt vis)"
    return f"{run.choice.name} {run.choice.split}{what}"


def _content(comparison: Comparison) -> dict[str, Any]:
    """The values for the template, with numbers as text."""
    reports = comparison.reports
    first, *others = reports
    measures = list(dict.fromkeys(name for report in reports.values() for name in report.measure_names))
    runs = {name: report.run for name, report in reports.items()}
    return {
        "first": first,
        "report": reports[first],
        "names": list(reports),
        "others": others,
        "measures": measures,
        "rows": {name: _measures(report, measures) for name, report in reports.items()},
        "changes": {name: _change(comparison.differences(name)) for name in others},
        "sequences": _sequences(comparison),
        "compared": len(reports[first].scores),
        "missing": comparison.missing,
        "settings": differing(runs, SETTINGS),
        "machines": differing(runs, MACHINE),
    }


def _measures(report: RunReport, measures: Sequence[str]) -> list[str]:
    """A run's cells: its measures, number of seeds, and frames per second."""
    values = [charts.percent_over_seeds(report.over_seeds(name)) for name in measures]
    return [*values, str(len(report.seeds)), charts.frames_per_second(report.records)]


def _change(differences: Mapping[str, float]) -> dict[str, str]:
    """How a run's sequences differ from the first run's, as a mean and three counts."""
    known = [value for value in differences.values() if not math.isnan(value)]
    shown = [round(1000 * value) for value in known]
    return {
        "mean": signed(fmean(known)) if known else charts.NOTHING,
        "better": str(sum(value > 0 for value in shown)),
        "equal": str(sum(value == 0 for value in shown)),
        "worse": str(sum(value < 0 for value in shown)),
    }


def _sequences(comparison: Comparison) -> list[dict[str, Any]]:
    """One row per sequence, the largest gain of the second run first: scores, then differences."""
    differences = {name: comparison.differences(name) for name in list(comparison.reports)[1:]}
    order = charts.ranked(next(iter(differences.values())))
    return [
        {
            "name": sequence,
            "scores": [charts.percent(report.scores[sequence]) for report in comparison.reports.values()],
            "differences": [signed(values[sequence]) for values in differences.values()],
        }
        for sequence in order
    ]


def signed(value: float) -> str:
    """A difference of means in 0..1 in percentage points, with a sign unless it rounds to 0."""
    if math.isnan(value):
        return charts.NOTHING
    text = charts.percent(abs(value))
    return text if text == "0.0" else ("+" if value > 0 else "−") + text


def differing(runs: Mapping[str, Mapping[str, Any]], keys: Sequence[str]) -> dict[str, list[str]]:
    """Key of run.json → its values in all runs, for the keys that differ; the dataset's folder may.

    Args:
        runs: run → contents of its run.json.
        keys: which of its keys to compare, with all that is below them.
    """
    flat = [flattened({key: run[key] for key in keys if key in run}) for run in runs.values()]
    found = {}
    for key in dict.fromkeys(key for values in flat for key in values):
        values = [each.get(key) for each in flat]
        # A part without options lacks their keys, so an empty mapping says nothing.
        if key != "dataset.root" and {} not in values and any(value != values[0] for value in values):
            found[key] = [charts.NOTHING if value is None else _text(value) for value in values]
    return found


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
