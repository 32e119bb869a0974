"""A sweep from start to end, as a function: every setting is run, and all are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sampt.config import Config
from sampt.errors import EvaluationError

from ..datasets.base import DatasetChoice, Progress, VosDataset, VosSequence
from ..datasets.registry import open_dataset
from ..running.runner import RunPlan
from ..running.tasks import open_sequences
from ..running.workers import Engine
from ..vos.benchmark import make_vos_work
from ..vos.scoring import has_truth
from .sweep import Setting, Sweep, read_sweep

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SweepRun:
    """What a sweep has come to, by this call and earlier ones.

    Attributes:
        folder: where everything was written.
        settings: that were compared.
        means: a row a setting; columns are (measure, "mean") and (measure, "std") over seeds, 0..1.
        left_out: sequences that some run has no score of, so that none is compared by them.
        failures: a row a failure of this call: ``setting``, ``seed``, ``sequence``, ``error``.
    """

    folder: Path
    settings: tuple[Setting, ...]
    means: pd.DataFrame
    left_out: tuple[str, ...]
    failures: pd.DataFrame

    @property
    def markdown(self) -> str:
        """The table of all settings."""
        return (self.folder / "settings.md").read_text(encoding="utf-8")


def run_sweep(
    sweep: Sweep | str | Path,
    dataset: DatasetChoice,
    output: str | Path,
    *,
    sequences: Sequence[str] = (),
    seeds: int | None = None,
    adapt: Callable[[Config], Config] | None = None,
    engine: Engine | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SweepRun:
    """Run every setting of a sweep on a VOS dataset, each with several seeds, and compare them.

    Called again with the same arguments, it goes on where it was.

    Args:
        sweep: a file, the name of a packaged one, or what ``read_sweep`` has read.
        dataset: which one, and where it is.
        output: the sweep's folder. It gets tables, plots, and a folder a setting as of ``run_vos``.
        sequences: only these; else all.
        seeds: how many runs of each setting; None for as many as the sweep says.
        adapt: changes every setting's configuration, such as to name a checkpoint's file.
        engine, strict, overwrite, progress: as ``run_vos`` has them.

    Raises:
        SamptError: as of ``run_vos``; also ``ConfigError`` if a setting is not valid, and ``EvaluationError``
            if there is nothing by which settings can be compared.
    """
    sweep, output = sweep if isinstance(sweep, Sweep) else read_sweep(sweep), Path(output)
    settings = sweep.settings()
    configs = {s.slug: replace(sweep.config(s), seed=0) for s in settings}
    opened = dataset.open(open_dataset)
    found = open_sequences(opened, sequences)
    compared = _with_truth(opened, found)
    plan = RunPlan(
        task="vos",
        dataset=dataset.describe(opened.split),
        sequences=tuple(found),
        configs={slug: adapt(config) if adapt else config for slug, config in configs.items()},
        seeds=tuple(range(seeds or sweep.seeds)),
        make_work=partial(make_vos_work, dataset),
        # Only which settings there are; what they say is compared in the runs' own folders.
        sweep={
            "task": "ablate",
            "config": {"settings": {s.name: s.slug for s in settings}},
            "checkpoints": {},
        },
        share_embeddings=True,
    )
    plan.check(output, overwrite)
    for setting in settings:
        sweep.check(setting)

    from ..vos.scores import VosScores, long_table
    from .outputs import remove_comparison, write_comparison, write_failures

    with plan.begun(output, overwrite) as folders:
        remove_comparison(output)
        failed = write_failures(output, settings, plan.run(folders, engine or Engine(), strict, progress))
        scores = {s.name: VosScores.of(folders[s.slug], opened) for s in settings}
        for s in settings:
            scores[s.name].write(folders[s.slug], opened.split)
        try:
            table, measures = long_table(scores)
            written = write_comparison(output, settings, len(plan.seeds), compared, table, measures)
        except EvaluationError as error:
            if failed.empty:
                raise
            raise EvaluationError(f"{error} ({output / 'failures.csv'} says what failed)") from error
    return SweepRun(output, tuple(settings), written.means, written.left_out, failed)


def _with_truth(dataset: VosDataset, sequences: Mapping[str, VosSequence]) -> tuple[str, ...]:
    """The sequences by which settings can be compared."""
    found = tuple(name for name, sequence in sequences.items() if has_truth(sequence))
    if not found:
        raise EvaluationError(
            f"{dataset.name} {dataset.split} has no public annotations of these sequences but the masks that "
            "are given, so settings cannot be compared by them: choose another --split or --dataset"
        )
    return found
