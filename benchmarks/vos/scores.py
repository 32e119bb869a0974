"""The scores of runs of semi-supervised VOS: of every seed, and in every setting of a sweep."""

from __future__ import annotations

import logging
from collections.abc import Mapping
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

    by_seed: what the dataset's protocol makes of them, by seed; empty where there is no public truth.
    """

    protocol: str
    by_seed: Mapping[int, Summary] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: RunFolder, dataset: VosDataset) -> VosScores:
        """The scores of all of a run's sequences that are finished, by this process or an earlier one."""
        summaries = {}
        for seed in folder.seeds:
            records = folder.records(seed, dataset.names)
            if scores := [s for record in records for s in record.scores or ()]:
                try:
                    summaries[seed] = summarise(dataset.protocol, scores)
                except EvaluationError as error:
                    logger.warning("%s", error)
        return cls(dataset.protocol, summaries)

    @property
    def means(self) -> pd.DataFrame:
        """A row a seed, a column for each headline measure, 0..1."""
        return pd.DataFrame({seed: summary.means for seed, summary in self.by_seed.items()}).T

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about objects that could not be scored, each once."""
        return tuple(dict.fromkeys(note for summary in self.by_seed.values() for note in summary.notes))

    @property
    def per_sequence(self) -> pd.DataFrame:
        """A row a sequence: its measures, averaged over its objects, then over seeds."""
        tables = [summary.per_sequence for summary in self.by_seed.values()]
        return pd.concat(tables).groupby(level=0, sort=False).mean()

    def write(self, folder: RunFolder, split: str) -> None:
        """Write ``metrics.csv``, a row for each seed and object, and the official CSVs beside the masks.

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
    """What is known of a run, for its page and for Weights & Biases."""
    first = folder.masks(folder.seeds[0])
    official = find_dataset(dataset.name).published.get(dataset.split)
    return RunReport.of_run(
        folder,
        dataset,
        failures,
        protocol=dataset.protocol,
        measures={seed: summary.means for seed, summary in scores.by_seed.items()},
        per_sequence=scores.per_sequence.to_dict("index") if scores.by_seed else {},
        strip=lambda name: overlay_strip(dataset[name], first / name),
        complete=folder.whole(dataset.names)
        and (official is None or len(dataset.names) >= official.sequences),
    )


def long_table(runs: Mapping[str, VosScores]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The scores of several settings, by their names, for ``ablations``; and the measures to compare.

    A row for each setting, seed and sequence: the means over its objects, and how many ``objects`` those are.

    Raises:
        EvaluationError: nothing is scored.
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
