"""``report.html``, a self-contained page with everything worth knowing about a run."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sampt._internal.names import plural
from sampt.errors import SamptError

from ..datasets.base import SequenceDataset
from . import charts
from .description import has_settings_of
from .folder import RunFolder, flattened
from .frame_scores import frame_scores
from .pages import embedded, write_page
from .published import PublishedTable, published, same_measure
from .record import SequenceRecord
from .sequence_table import anchor, sequence_table
from .tasks import SequenceTask

if TYPE_CHECKING:
    from .strips import StripFrame

logger = logging.getLogger(__name__)

NONE = "none"
"""The text shown for a setting that is not set."""

SHOWN = 3
"""Number of the best, and of the worst, sequences that are shown."""

MOST_DOUBTS = 200
"""Maximum number of doubtful stretches that are listed."""

SUMMARY_KEYS = {
    "tracker": "tracker.name",
    "segmenter": "segmenter.name",
    "positive points": "sampling.positive.points",
    "sampled by": "sampling.positive.name",
    "negative points": "sampling.negative.points",
    "refinements": "prompting.refinements",
    "reinitialisation": "reinit.strategy",
}
"""The parts of the configuration shown at the top of the page."""


@dataclass(frozen=True)
class RunReport:
    """Everything that the page shows about a finished run.

    Attributes:
        title: title of the page, usually the run's name.
        dataset: name of the dataset on the command line, such as "davis2017".
        split: name of the split, such as "val".
        protocol: how results are scored, such as "davis".
        seeds: the run's seeds.
        run: the contents of ``run.json``. Every key is shown; "config" also gives the summary of the
            configuration, and "date" is shown under the title.
        records: the records of all finished sequences with all seeds.
        measures: seed → official name → mean over the set, 0..1, the most important first; empty without
            ground truth.
        per_sequence: sequence → official name → mean over seeds, 0..1, the most important first.
        failures: sequence → what went wrong.
        strip: makes a sequence's frames with masks; None for a page without pictures.
        complete: whether the run covers the whole split, so that published numbers are comparable.
        notes: sentences about how the run differs from published ones, shown above their numbers.
        overlays: sequence → video of its masks over the frames, if it was written.
    """

    title: str
    dataset: str
    split: str
    protocol: str
    seeds: Sequence[int]
    run: Mapping[str, Any]
    records: Sequence[SequenceRecord]
    measures: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    per_sequence: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    strip: Callable[[str], Sequence[StripFrame]] | None = None
    complete: bool = True
    notes: Sequence[str] = ()
    overlays: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def of_run(
        cls,
        folder: RunFolder,
        dataset: SequenceDataset[Any],
        failures: Mapping[SequenceTask, str],
        **more: Any,
    ) -> RunReport:
        """The report on everything that this process or an earlier one has finished of a run.

        Args:
            folder: the run's folder.
            dataset: the dataset it ran on.
            failures: the tasks that failed in this process, and why.
            more: the fields that depend on the kind of benchmark.
        """
        records = [record for seed in folder.seeds for record in folder.records(seed, dataset.names)]
        overlays = {record.sequence: folder.overlay(record.sequence) for record in records}
        return cls(
            title=folder.path.resolve().name,
            dataset=dataset.name,
            split=dataset.split,
            seeds=folder.seeds,
            run=folder.description,
            records=records,
            overlays={name: video for name, video in overlays.items() if video.is_file()},
            failures={str(task): why for task, why in failures.items()},
            **more,
        )

    @property
    def scored(self) -> bool:
        return bool(self.measures)

    @property
    def covered(self) -> int:
        """The number of sequences that are finished with at least one seed."""
        return len({record.sequence for record in self.records})

    @property
    def measure_names(self) -> tuple[str, ...]:
        """The names of the whole set's measures, in order."""
        return tuple(dict.fromkeys(name for means in self.measures.values() for name in means))

    def over_seeds(self, measure: str) -> list[float]:
        """The measure's values for the seeds that have it."""
        return [means[measure] for means in self.measures.values() if measure in means]

    @property
    def scores(self) -> dict[str, float]:
        """The most important measure of every sequence."""
        return {name: next(iter(values.values())) for name, values in self.per_sequence.items() if values}

    @property
    def score_name(self) -> str:
        """The name of the measure in ``scores``."""
        return next((next(iter(values)) for values in self.per_sequence.values() if values), "")


def write_report(path: Path, report: RunReport) -> None:
    """Write the page, whole or not at all; it loads nothing from elsewhere, but links to videos, if any.

    Pictures that cannot be made are replaced by the reason.

    Raises:
        OutputError: the file cannot be written.
    """
    write_page(path, "report.html.jinja", _content(report, path))


def _content(report: RunReport, page: Path) -> dict[str, Any]:
    """The values for the template, with numbers as text."""
    galleries = _galleries(report)
    pictured = [shown["name"] for gallery in galleries.values() for shown in gallery if shown["frames"]]
    scores = frame_scores(report.records)
    return {
        "report": report,
        "date": str(report.run.get("date", "")),
        "configuration": _configuration(report.run.get("config", {})),
        "figures": _figures(report),
        "preview": any(record.quality == "preview" for record in report.records),
        "summary": _summary(report),
        "seed_rows": {
            seed: [charts.percent(means.get(name)) for name in report.measure_names]
            for seed, means in report.measures.items()
        },
        "seed_mean": [charts.percent_over_seeds(report.over_seeds(name)) for name in report.measure_names],
        "facts": _facts(report.run),
        "galleries": galleries,
        "stages": charts.stages(report.records),
        "speed": charts.frames_per_second(report.records),
        "seconds": charts.duration(sum(map(charts.wall_seconds, report.records))),
        "encoded": charts.encodings(report.records),
        "sequences": sequence_table(report.records, report.per_sequence, report.overlays, pictured, page),
        "frame_scores": embedded(scores) if scores else "",
        "doubts": _doubts(report.records),
        "details": _details(report.run),
    }


def _doubts(records: Sequence[SequenceRecord]) -> list[dict[str, Any]]:
    """The stretches that a person should check first: rows of the first seed, the longest first."""
    first = records[0].seed if records else 0
    rows = [
        {"sequence": record.sequence, **vars(doubt), "probability": charts.percent(doubt.probability)}
        for record in records
        if record.seed == first
        for doubt in record.doubts
    ]
    return sorted(rows, key=lambda row: -row["frames"])[:MOST_DOUBTS]


def _configuration(config: Mapping[str, Any]) -> dict[str, str]:
    flat = _texts(config)
    return {label: flat[key] for label, key in SUMMARY_KEYS.items() if key in flat}


def _figures(report: RunReport) -> list[tuple[str, str]]:
    """The few numbers at the top of the page."""
    figures = [
        (name, charts.percent_over_seeds(report.over_seeds(name))) for name in _leading(report.measure_names)
    ]
    total = max(report.covered, report.run.get("sequences", 0))
    figures.append(("sequences", f"{report.covered} of {total}" if report.covered < total else str(total)))
    if len(report.seeds) > 1:
        figures.append(("seeds", str(len(report.seeds))))
    figures.append(("frames/s", charts.frames_per_second(report.records)))
    if report.failures:
        figures.append(("failed", str(len(report.failures))))
    return figures


def _facts(run: Mapping[str, Any]) -> str:
    """What was read of the dataset by the run's options, and the seeds: "resolution 480p, 8 seeds"."""
    dataset = {key: value for key, value in run.get("dataset", {}).items() if key not in _NAMES}
    facts = [
        f"{key.removeprefix('options.')} {value}" for key, value in _texts(dataset).items() if value != NONE
    ]
    return ", ".join([*facts, plural(len(run.get("seeds", ())), "seed")]) if facts else ""


_NAMES = ("name", "split", "root")
"""The keys of a dataset's description that are shown elsewhere, or do not matter."""


def _leading(names: Sequence[str]) -> list[str]:
    """The measures to show at the top: the first one, and the means that it consists of."""
    return [names[i] for i in range(len(names)) if i == 0 or names[i].endswith("Mean")][:3]


def _summary(report: RunReport) -> dict[str, Any]:
    """The run beside published results: columns, our row, and one group of rows per published table."""
    tables = published(report.dataset, report.split)
    columns = _leading(report.measure_names)
    for measure in (measure for table in tables for measure in table.measures):
        if not any(same_measure(measure, column) for column in columns):
            columns.append(
                next((name for name in report.measure_names if same_measure(name, measure)), measure)
            )
    ours = [charts.percent_over_seeds(report.over_seeds(column)) for column in columns]
    groups = [group for table in tables for group in _groups(table, columns, report.run)]
    return {"columns": columns, "ours": ours, "groups": groups, "tables": tables}


def _groups(table: PublishedTable, columns: Sequence[str], run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The zero-shot rows of a published table, then the others."""
    groups = []
    for zero_shot, label in ((True, "zero-shot"), (False, "trained on video segmentation data")):
        rows = []
        for row in (row for row in table.rows if row.zero_shot == zero_shot):
            values = [
                next((v for m, v in row.values.items() if same_measure(m, column)), charts.NOTHING)
                for column in columns
            ]
            setting = getattr(row, "setting", None)
            rows.append(
                {
                    "method": row.method,
                    "cells": values,
                    "same": bool(setting and has_settings_of(run, setting)),
                }
            )
        if rows:
            groups.append({"title": table.title, "label": label, "zero_shot": zero_shot, "rows": rows})
    return groups


def _galleries(report: RunReport) -> dict[str, list[dict[str, Any]]]:
    """The sequences with pictures by heading: the best and worst, or a few without ground truth."""
    if report.strip is None:
        return {}
    if not report.scores:
        names = list(dict.fromkeys(record.sequence for record in report.records))
        return {"Sequences": [_shown(report, name) for name in names[: 2 * SHOWN]]}
    order = charts.ranked(report.scores)
    count = min(SHOWN, max(1, len(order) // 2))
    galleries = {"Best sequences": order[:count], "Worst sequences": order[count:][-count:][::-1]}
    return {
        heading: [_shown(report, name) for name in names] for heading, names in galleries.items() if names
    }


def _shown(report: RunReport, name: str) -> dict[str, Any]:
    assert report.strip is not None
    score = charts.percent(report.scores[name]) if name in report.scores else ""
    shown: dict[str, Any] = {
        "name": name,
        "anchor": anchor(name),
        "score": score,
        "frames": [],
        "problem": "",
    }
    try:
        for frame in report.strip(name):
            jpeg = base64.b64encode(frame.jpeg).decode()
            shown["frames"].append({"name": frame.name, "given": frame.given, "jpeg": jpeg})
    except SamptError as error:  # hours of work must not end without a report
        logger.warning("the report has no pictures of %s: %s", name, error)
        shown["problem"] = str(error)
    return shown


def _details(run: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The parts of ``run.json`` as flat tables; single values are collected in the first one, "run"."""
    plain = {key: value for key, value in run.items() if not isinstance(value, Mapping)}
    parts = {key: value for key, value in run.items() if isinstance(value, Mapping) and value}
    return {title: _texts(part) for title, part in {"run": plain, **parts}.items() if part}


def _texts(tree: Mapping[str, Any]) -> dict[str, str]:
    """Nested mappings as a single one of "a.b.c" → text."""
    return {key: _text(value) for key, value in flattened(tree).items()}


def _text(value: Any) -> str:
    if value is None or value == {}:
        return NONE
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
