"""The benchmark of simulated annotators from start to end, as a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sampt.config import Config, load_config
from sampt.errors import DatasetError

from ..datasets.base import DatasetChoice, Progress, VosSequence
from ..datasets.registry import open_for_run
from ..running.runner import RunPlan
from ..running.tasks import SequenceTask, open_sequences
from ..running.workers import Engine
from .outputs import read_curve, read_interactions, write_outputs
from .walks import Annotation, Rules

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class InteractiveRun:
    """The results of a run, from this call and earlier ones.

    Attributes:
        folder: where everything was written.
        annotations: the annotations of every object of the finished sequences.
        failures: the sequences that failed in this call, and why; the same call tries them again.
        was_finished: whether earlier calls had done everything, so that this one only reported it.
    """

    folder: Path
    annotations: tuple[Annotation, ...]
    failures: Mapping[SequenceTask, str]
    was_finished: bool = False

    @property
    def objects(self) -> pd.DataFrame:
        """The interactions and their results, with one row per object, as in metrics.csv."""
        from .curves import object_table

        return object_table(self.annotations)


def run_interactive_benchmark(
    dataset: DatasetChoice,
    config: str | Path | Config,
    output: str | Path,
    *,
    rules: Rules | None = None,
    sequences: Sequence[str] = (),
    compare: Sequence[Path] = (),
    engine: Engine | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> InteractiveRun:
    """Let simulated annotators, who know the truth, correct points until masks are good enough.

    Each object is annotated by itself, from nothing. Called again with the same arguments, the run resumes.

    Args:
        dataset: which dataset, and where it is.
        config: a YAML file, the name of a packaged one, or a ``Config``. Sampling of points and
            reinitialisation are switched off, so that the annotators' points are the only ones.
        output: the run's folder, for every interaction, one row per object, and the curve of IoU against
            interactions per frame.
        rules: how the annotators work; None for the defaults of ``Rules``.
        sequences: names of the sequences to run; all if empty.
        compare: folders of other runs, whose curves are drawn beside this one's.
        engine: what does the work; None for this process.
        strict: raise the first error of a sequence instead of continuing with the others.
        overwrite: start over if the folder contains another run.
        progress: called with how many tasks are done, and how many there are.

    Returns:
        The results.

    Raises:
        SamptError: as in ``run_vos``; also ``EvaluationError`` if one of ``compare`` has no curve, and
            ``DatasetError`` if a sequence is only annotated where objects appear.
    """
    settings, output = interactive_config(load_config(config)), Path(output)
    rules = rules or Rules()
    dataset, opened = open_for_run(dataset)
    chosen = open_sequences(opened, sequences)
    for sequence in chosen.values():
        check_annotated(sequence)
    plan = RunPlan(
        task="interactive",
        dataset=dataset.describe(opened.split, opened.input),
        sequences=tuple(chosen),
        configs={"": settings},
        seeds=(settings.seed,),
        make_work=partial(make_interactive_work, dataset, rules),
        more_config={"annotator": rules.to_json()},
        share_embeddings=True,
    )
    for other in compare:
        read_curve(other)
    plan.check(output, overwrite)
    with plan.begun(output, overwrite) as folders:
        was_finished = plan.finished(folders)
        failures = plan.run(folders, engine or Engine(), strict, progress)
        annotations = read_interactions(folders[""], opened.names)
        if annotations:
            write_outputs(folders[""], annotations, compare)
    return InteractiveRun(output, tuple(annotations), failures, was_finished)


def check_annotated(sequence: VosSequence) -> None:
    """Check that there is a truth that an annotator can know.

    Raises:
        DatasetError: of a sequence with several frames, only those where objects appear are annotated.
    """
    later = sequence.annotations.keys() - set(sequence.appearances.values())
    if not later and len(sequence.annotations) < len(sequence.frames):
        raise DatasetError(
            f"{sequence.name} is annotated only where its objects appear, so an annotator who knows the "
            "truth cannot be simulated: choose a split with annotations of every frame"
        )


def interactive_config(config: Config) -> Config:
    """The configuration with the annotator's points as the only ones."""
    return replace(
        config,
        sampling=replace(config.sampling, from_clicks=False),
        reinit=replace(config.reinit, strategy=None),
    )


def make_interactive_work(
    dataset: DatasetChoice, rules: Rules, settings: Mapping[str, Config]
) -> Callable[[Any], Any]:
    """An ``InteractiveWorker``, whose module is only imported where it runs."""
    from .worker import InteractiveWorker

    return InteractiveWorker(dataset, rules, settings)
