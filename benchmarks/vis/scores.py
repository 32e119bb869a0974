"""The result files and scores of runs of video instance segmentation."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sampt._internal.files import replacing

from ..metrics.ytvis import ABSENT, MEASURES
from ..running.csv_files import write_csv
from ..running.folder import RunFolder
from ..running.report import RunReport
from ..running.tasks import SequenceTask
from .datasets import VisDataset
from .evaluation import VisEvaluation, evaluate_vis
from .pictures import MASKLETS, masklet_strip

LEADING = ("AR100", "ARs", "ARm", "ARl", "AP")
"""The measures that the paper reports, which come first."""
RECALL = "AR100"


@dataclass(frozen=True)
class VisScores:
    """A run's scores, ignoring categories, since proposals have none.

    Attributes:
        by_seed: the scores by seed; empty without public ground truth.
    """

    by_seed: Mapping[int, VisEvaluation]

    @classmethod
    def of(cls, folder: RunFolder, dataset: VisDataset, names: Sequence[str] | None = None) -> VisScores:
        """The scores of all videos that this process or an earlier one has finished, or of ``names``."""
        scores = {}
        for seed in folder.seeds if dataset.scored else ():
            if finished := folder.finished_of(seed, dataset.names if names is None else names):
                scores[seed] = evaluate_vis(
                    [folder.masks(seed) / name / MASKLETS for name in finished],
                    dataset.annotations,
                    class_agnostic=True,
                    videos=[dataset.entries[name].id for name in finished],
                )
        return cls(scores)

    @property
    def means(self) -> pd.DataFrame:
        """One row per seed, one column per measure, the paper's first, 0..1; NaN where nothing counts."""
        names = (*LEADING, *(name for name in MEASURES if name not in LEADING))
        rows = {
            seed: {name: scores.measures[name] for name in names} for seed, scores in self.by_seed.items()
        }
        return pd.DataFrame.from_dict(rows, "index").replace(ABSENT, np.nan)

    @property
    def recalls(self) -> Mapping[int, float]:
        """The AR100, averaged over seeds, by id of the video; videos without objects are left out."""
        found: dict[int, list[float]] = defaultdict(list)
        for scores in self.by_seed.values():
            for video, recall in scores.recalls.items():
                if not math.isnan(recall):
                    found[video].append(recall)
        return {video: float(np.mean(values)) for video, values in found.items()}

    def write(self, folder: RunFolder) -> None:
        """Write ``metrics.csv``, one row per seed.

        Raises:
            OutputError: it cannot be written.
        """
        if self.by_seed:
            write_csv(folder.path / "metrics.csv", self.means, decimals=6, index="seed")


def write_results(folder: RunFolder, dataset: VisDataset) -> list[Path]:
    """Write ``results.json`` with the results of finished videos beside their folders, for every seed.

    Returns:
        The files.

    Raises:
        OutputError: a file cannot be written.
    """
    written = []
    for seed in folder.seeds:
        path = folder.masks(seed) / "results.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = (folder.masks(seed) / name / MASKLETS for name in folder.finished_of(seed, dataset.names))
        with replacing(path) as temporary, temporary.open("w", encoding="ascii") as out:
            separator = "[\n"
            for part in parts:
                if entries := part.read_text(encoding="ascii").strip().removeprefix("[").removesuffix("]"):
                    out.write(separator + entries)
                    separator = ",\n"
            out.write("[]\n" if separator == "[\n" else "\n]\n")
        written.append(path)
    return written


def make_report(
    folder: RunFolder, dataset: VisDataset, scores: VisScores, failures: Mapping[SequenceTask, str]
) -> RunReport:
    """The report on a run, for its page and for Weights & Biases."""
    first = folder.masks(folder.seeds[0])
    names = {entry.id: name for name, entry in dataset.entries.items()}
    return RunReport.of_run(
        folder,
        dataset,
        failures,
        protocol=dataset.protocol,
        measures={int(seed): row.dropna().to_dict() for seed, row in scores.means.iterrows()},
        per_sequence={names[video]: {RECALL: recall} for video, recall in scores.recalls.items()},
        strip=lambda name: masklet_strip(dataset[name], first / name / MASKLETS),
        complete=folder.whole(dataset.names),
    )
