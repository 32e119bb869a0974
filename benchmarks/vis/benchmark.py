"""The benchmark of video instance segmentation from start to end, as a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sampt.config import Config, load_config

from ..datasets.base import DatasetChoice, Progress
from ..running.runner import BenchmarkRun, RunPlan, seeds_of
from ..running.tasks import open_sequences
from ..running.wandb_log import WandbLog
from ..running.workers import Engine
from .datasets import open_vis_dataset
from .settings import VisConfig, VisSettings, vis_config


@dataclass(frozen=True)
class VisRun(BenchmarkRun):
    """The results of a run of video instance segmentation.

    Attributes:
        results: the files in the format of YouTube-VIS, one per seed.
    """

    results: tuple[Path, ...] = ()


def run_vis(
    dataset: DatasetChoice,
    config: str | Path | VisConfig,
    output: str | Path,
    *,
    videos: Sequence[str] = (),
    seeds: int = 1,
    engine: Engine | None = None,
    strict: bool = False,
    overwrite: bool = False,
    wandb: WandbLog | None = None,
    progress: Progress | None = None,
) -> VisRun:
    """Find everything in the first frame of every video, track it, and score the masklets.

    Called again with the same arguments, it resumes; what is finished is only reported.

    Args:
        dataset: which dataset, and where it is.
        config: a YAML file, the name of a packaged one, or a ``VisConfig``.
        output: the run's folder, for results.json, metrics.csv and report.html.
        videos: names of the videos to run; all if empty.
        seeds: number of runs, as in ``run_vos``.
        engine: what does the work; None for this process.
        strict: raise the first error of a video instead of continuing with the others.
        overwrite: start over if the folder contains another run.
        wandb: also log the finished run to Weights & Biases.
        progress: called with how many tasks are done, and how many there are.

    Returns:
        The results.

    Raises:
        SamptError: as in ``run_vos``; also ``ConfigError`` if the segmenter makes no proposals.
    """
    loaded = load_config(config, schema=VisConfig)
    assert isinstance(loaded, VisConfig)
    settings, output = vis_config(loaded), Path(output)
    opened = dataset.open(open_vis_dataset)
    opened.check_truth()
    plan = RunPlan(
        task="vis",
        dataset=dataset.describe(opened.split),
        sequences=tuple(open_sequences(opened, videos)),
        configs={"": settings},
        seeds=seeds_of(seeds, settings),
        make_work=partial(make_vis_work, dataset, settings),
        facts={"protocol": opened.protocol, "sequences": len(opened.names)},
        share_embeddings=True,
    )
    if wandb:
        wandb.check(plan.sequences)
    plan.check(output, overwrite)

    from ..running.report import write_report
    from .pictures import MASKLETS, masklet_video
    from .scores import VisScores, make_report, write_results

    with plan.begun(output, overwrite) as folders:
        was_finished = plan.finished(folders)
        failures = plan.run(folders, engine or Engine(), strict, progress)
        folder = folders[""]
        results = write_results(folder, opened)
        scores = VisScores.of(folder, opened)
        scores.write(folder)
        report = make_report(folder, opened, scores, failures)
        write_report(output / "report.html", report)
        offline = None
        if wandb:
            first = folder.masks(plan.seeds[0])
            offline = wandb.log(
                report, output, lambda name, file: masklet_video(opened[name], first / name / MASKLETS, file)
            )
    return VisRun(
        output,
        scores.means,
        report,
        len(opened.names),
        failures,
        was_finished=was_finished,
        offline=offline,
        results=tuple(results),
    )


def make_vis_work(
    dataset: DatasetChoice, vis: VisSettings, settings: Mapping[str, Config]
) -> Callable[[Any], Any]:
    """A ``VisWorker``, whose module is only imported where it runs."""
    from .worker import VisWorker

    return VisWorker(dataset, vis, settings)
