"""The benchmark of semi-supervised VOS from start to end, as a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sampt.config import Config, load_config

from ..datasets.base import DatasetChoice, Progress
from ..datasets.registry import open_for_run
from ..running.runner import BenchmarkRun, RunPlan, seeds_of
from ..running.tasks import open_sequences
from ..running.wandb_log import WandbLog
from ..running.workers import Engine


def run_vos(
    dataset: DatasetChoice,
    config: str | Path | Config,
    output: str | Path,
    *,
    sequences: Sequence[str] = (),
    seeds: int = 1,
    engine: Engine | None = None,
    strict: bool = False,
    overwrite: bool = False,
    wandb: WandbLog | None = None,
    progress: Progress | None = None,
) -> BenchmarkRun:
    """Segment every sequence of a dataset from its objects' first masks, and score the results.

    Called again with the same arguments, it resumes; what is finished is only reported. Bad input is found
    before any work and mostly before torch is imported.

    Args:
        dataset: which dataset, and where it is.
        config: a YAML file, the name of a packaged one, or a ``Config``.
        output: the run's folder, for masks ready for submission, metrics.csv, the official CSVs and
            report.html.
        sequences: names of the sequences to run; all if empty.
        seeds: number of runs, with seeds 0, 1, …; a single run takes the configuration's seed.
        engine: what does the work; None for this process.
        strict: raise the first error of a sequence instead of continuing with the others.
        overwrite: start over if the folder contains another run.
        wandb: also log the finished run to Weights & Biases.
        progress: called with how many tasks are done, and how many there are.

    Returns:
        The results.

    Raises:
        ConfigError: a setting is invalid.
        DatasetError: something is wrong with the dataset.
        OutputError: the folder contains another run or other files, or cannot be written.
        CheckpointError: a checkpoint is missing, or cannot be downloaded.
        EngineError: workers cannot be started.
        SamptError: something is wrong with a sequence, and ``strict`` is set.

    >>> from sampt.benchmarks import DatasetChoice, run_vos
    >>> done = run_vos(DatasetChoice("davis2017", "DAVIS"), "sam_pt", "results/davis", seeds=8)
    >>> done.means["J&F-Mean"].mean(), done.failures
    """
    config, output = load_config(config), Path(output)
    dataset, opened = open_for_run(dataset)
    plan = RunPlan(
        task="vos",
        dataset=dataset.describe(opened.split, opened.input),
        sequences=tuple(open_sequences(opened, sequences)),
        configs={"": config},
        seeds=seeds_of(seeds, config),
        make_work=partial(make_vos_work, dataset),
        facts={
            "protocol": opened.protocol,
            "sequences": len(opened.names),
            "notes": [note for note in (opened.input.note,) if note],
        },
        share_embeddings=seeds > 1,
    )
    if wandb:
        wandb.check(plan.sequences)
    plan.check(output, overwrite)

    from ..running.report import write_report
    from ..running.strips import overlay_video
    from .scores import VosScores, make_report

    with plan.begun(output, overwrite) as folders:
        was_finished = plan.finished(folders)
        failures = plan.run(folders, engine or Engine(), strict, progress)
        folder = folders[""]
        scores = VosScores.of(folder, opened)
        scores.write(folder, opened.split)
        report = make_report(folder, opened, scores, failures)
        write_report(output / "report.html", report)
        offline = None
        if wandb:
            masks = folder.masks(plan.seeds[0])
            offline = wandb.log(
                report, output, lambda name, file: overlay_video(opened[name], masks / name, file)
            )
    return BenchmarkRun(
        output, scores.means, report, len(opened.names), failures, scores.notes, was_finished, offline
    )


def make_vos_work(dataset: DatasetChoice, settings: Mapping[str, Config]) -> Callable[[Any], Any]:
    """A ``VosWorker``, whose module is only imported where it runs."""
    from .worker import VosWorker

    return VosWorker(dataset, settings)
