"""The scores of runs of semi-supervised VOS, with every seed and in every setting of a sweep."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from sampt.errors import EvaluationError

from ..datasets.base import VosDataset
from ..datasets.registry import find_dataset
from ..metrics.davis_csv import write_davis_csvs
from ..metrics.protocols import MEANS, Summary, summarise
from ..running.csv_files import write_csv
from ..running.folder import RunFolder
from ..running.report import RunReport
from ..running.strips import overlay_strip
from ..running.tasks import SequenceTask

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class VosScores:
    """A run's scores.

    Attributes:
        by_seed: the summaries by the dataset's protocol, by seed; empty without public ground truth.
    """

    protocol: str
    by_seed: Mapping[int, Summary] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: RunFolder, dataset: VosDataset, names: Sequence[str] | None = None) -> VosScores:
        """The scores of all sequences that this process or an earlier one has finished, or of ``names``."""
        summaries = {}
        for seed in folder.seeds:
            records = folder.records(seed, dataset.names if names is None else names)
            if scores := [s for record in records for s in record.scores or ()]:
                try:
                    summaries[seed] = summarise(dataset.protocol, scores)
                except EvaluationError as error:
                    logger.warning("%s", error)
        return cls(dataset.protocol, summaries)

    @property
    def means(self) -> pd.DataFrame:
        """The headline measures, 0..1, with one row per seed and one column per measure."""
        return pd.DataFrame({seed: summary.means for seed, summary in self.by_seed.items()}).T

    @property
    def notes(self) -> tuple[str, ...]:
        """The sentences about objects that could not be scored, without duplicates."""
        return tuple(dict.fromkeys(note for summary in self.by_seed.values() for note in summary.notes))

    @property
    def per_sequence(self) -> pd.DataFrame:
        """The measures with one row per sequence, averaged over its objects, then over seeds."""
        tables = [summary.per_sequence for summary in self.by_seed.values()]
        return pd.concat(tables).groupby(level=0, sort=False).mean()

    def write(self, folder: RunFolder, split: str) -> None:
        """Write ``metrics.csv``, one row per seed and object, and the official CSVs beside the masks.

        Raises:
            OutputError: they cannot be written.
        """
        tables = []
        for seed, summary in self.by_seed.items():
            table = summary.table.copy()
            table.insert(0, "seed", seed)
            tables.append(table)
            write_davis_csvs(summary, folder.masks(seed), split)
        if tables:
            write_csv(folder.path / "metrics.csv", pd.concat(tables), decimals=6)


def make_report(
    folder: RunFolder, dataset: VosDataset, scores: VosScores, failures: Mapping[SequenceTask, str]
) -> RunReport:
    """The report on a run, for its page and for Weights & Biases."""
    first = folder.masks(folder.seeds[0])
    official = find_dataset(dataset.name).published.get(dataset.split)
    return RunReport.of_run(
        folder,
        dataset,
        failures,
        protocol=dataset.protocol,
        measures={seed: summary.means for seed, summary in scores.by_seed.items()},
        per_sequence=scores.per_sequence.to_dict("index") if scores.by_seed else {},
        notes=folder.description.get("notes", ()),
        strip=lambda name: overlay_strip(dataset[name], first / name),
        complete=folder.whole(dataset.names)
        and (official is None or len(dataset.names) >= official.sequences),
    )


def long_table(runs: Mapping[str, VosScores]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The scores of several settings by name, for ``ablations``, and the measures to compare.

    There is one row per setting, seed and sequence, with the means over its objects and how many ``objects``
    these are.

    Raises:
        EvaluationError: no run has scores.
    """
    rows = []
    for setting, scores in runs.items():
        for seed, summary in scores.by_seed.items():
            table = summary.per_sequence[list(MEANS)].rename_axis("sequence").reset_index()
            table["objects"] = table["sequence"].map(summary.table["sequence"].value_counts())
            rows.append(table.assign(setting=setting, seed=seed))
    if not rows:
        raise EvaluationError(
            "nothing can be compared: the dataset's split has no public annotations, or every run failed"
        )
    return pd.concat(rows, ignore_index=True), MEANS
