"""A sweep from start to end, as a function that runs every setting and compares them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sampt.config import Config
from sampt.errors import EvaluationError

from ..datasets.base import DatasetChoice, Progress, VosDataset, VosSequence
from ..datasets.registry import open_for_run
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
    """The results of a sweep, from this call and earlier ones.

    Attributes:
        folder: where everything was written.
        settings: the settings that were compared.
        means: one row per setting; columns are (measure, "mean") and (measure, "std") over seeds, 0..1.
        left_out: sequences that some run has no score for, which are left out of the comparison.
        failures: one row per failure in this call: ``setting``, ``seed``, ``sequence``, ``error``.
        was_finished: whether earlier calls had done everything, so that this one only reported it.
    """

    folder: Path
    settings: tuple[Setting, ...]
    means: pd.DataFrame
    left_out: tuple[str, ...]
    failures: pd.DataFrame
    was_finished: bool = False

    @property
    def markdown(self) -> str:
        """The table of all settings as Markdown."""
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

    Called again with the same arguments, it resumes.

    Args:
        sweep: a file, the name of a packaged one, or the result of ``read_sweep``.
        dataset: which dataset, and where it is.
        output: the sweep's folder, for tables, plots, and one folder per setting as from ``run_vos``.
        sequences: names of the sequences to run; all if empty.
        seeds: number of runs of each setting; None for the sweep's own number.
        adapt: changes every setting's configuration, for example to set the file of a checkpoint.
        engine: what does the work; None for this process.
        strict: raise the first error of a sequence instead of continuing with the others.
        overwrite: start over if the folder contains another sweep.
        progress: called with how many tasks are done, and how many there are.

    Returns:
        The results.

    Raises:
        SamptError: as in ``run_vos``; also ``ConfigError`` if a setting is invalid, and ``EvaluationError``
            if there is nothing to compare settings by.
    """
    sweep, output = sweep if isinstance(sweep, Sweep) else read_sweep(sweep), Path(output)
    settings = sweep.settings()
    configs = {s.slug: replace(sweep.config(s), seed=0) for s in settings}
    dataset, opened = open_for_run(dataset)
    found = open_sequences(opened, sequences)
    compared = _with_truth(opened, found)
    plan = RunPlan(
        task="vos",
        dataset=dataset.describe(opened.split, opened.input),
        sequences=tuple(found),
        configs={slug: adapt(config) if adapt else config for slug, config in configs.items()},
        seeds=tuple(range(seeds or sweep.seeds)),
        make_work=partial(make_vos_work, dataset),
        # Only the names of the settings; their contents are compared in the runs' own folders.
        sweep={
            "task": "ablate",
            "config": {"settings": {s.name: s.slug for s in settings}},
            "checkpoints": {},
        },
        facts={
            "protocol": opened.protocol,
            "sequences": len(opened.names),
            "notes": [note for note in (opened.input.note,) if note],
        },
        share_embeddings=True,
    )
    plan.check(output, overwrite)
    for setting in settings:
        sweep.check(setting)

    from ..vos.scores import VosScores, long_table
    from .outputs import remove_comparison, write_comparison, write_failures

    with plan.begun(output, overwrite) as folders:
        was_finished = plan.finished(folders)
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
            raise EvaluationError(f"{error} ({output / 'failures.csv'} lists what failed)") from error
    return SweepRun(output, tuple(settings), written.means, written.left_out, failed, was_finished)


def _with_truth(dataset: VosDataset, sequences: Mapping[str, VosSequence]) -> tuple[str, ...]:
    """The sequences that settings can be compared by."""
    found = tuple(name for name, sequence in sequences.items() if has_truth(sequence))
    if not found:
        raise EvaluationError(
            f"{dataset.name} {dataset.split} has no public annotations of these sequences other than the "
            "given masks, so settings cannot be compared: choose another --split or --dataset"
        )
    return found
