"""``sampt vis``: runs and scores a benchmark of video instance segmentation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from .dataset_options import dataset_options, sequence_progress
from .engine_options import EngineOptions, engine_options
from .model_options import ModelChoice, model_options
from .run_options import RunOptions, exit_if_failed, run_folder, run_name, run_options, tell_run

PAPER, SAM = "sam_pt_uvo", "sam_uvo"
"""The paper's configuration for this task, and the same with the fast tracker."""


@click.command()
@dataset_options(required=True)
@click.option(
    "--sequence", "sequences", multiple=True, metavar="NAME", help="Run only this video; may be repeated."
)
@model_options
@run_options
@engine_options
@click.pass_context
def command(
    context: click.Context,
    dataset: str,
    root: Path,
    split: str | None,
    options: tuple[str, ...],
    sequences: tuple[str, ...],
    model: ModelChoice,
    run: RunOptions,
    engine: EngineOptions,
) -> None:
    """Find everything in the first frame of every video, and track it: UVO, YouTube-VIS 2019 and 2021, OVIS.

    Up to 100 masks of the first frame are tracked to the end. Writes results.json in the format of
    YouTube-VIS, metrics.csv and report.html; scores ignore categories. In addition to a model's settings,
    --config and -o set proposals.KEY (docs/proposals.md), redetect.every, redetect.overlap, first_mask,
    score_frames, proposal_score and objects_per_batch (docs/vis.md). If the command is interrupted, running
    it again resumes it. If a video fails, the others still finish, and the exit code is 3.

    \b
    sampt vis --dataset uvo --root UVOv1.0 --config sam_pt_uvo
    sampt vis --dataset uvo --root UVOv1.0 --segmenter mobile-sam -o redetect.every=10
    """
    from sampt._internal.extras import require
    from sampt.benchmarks import DatasetChoice, run_vis
    from sampt.benchmarks.datasets.registry import parse_options
    from sampt.benchmarks.vis.datasets import VIS_DATASETS
    from sampt.benchmarks.vis.settings import VisConfig

    require("pandas", "matplotlib", "jinja2", purpose="sampt vis")
    used = _or_paper(model)
    settings = used.settings(SAM, VisConfig)
    assert isinstance(settings, VisConfig)
    choice = DatasetChoice(dataset, root, split, parse_options(options))
    with sequence_progress("segmenting", lambda: used.announce(settings, SAM)) as progress:
        done = run_vis(
            choice,
            settings,
            run.output or run_folder(choice, VIS_DATASETS, run_name(model, settings)),
            videos=sequences,
            seeds=run.seeds,
            engine=engine.engine,
            strict=engine.strict,
            overwrite=run.overwrite,
            wandb=run.wandb_log,
            progress=progress,
        )
    tell_run(done, "video", done.results[0])
    exit_if_failed(context, len(done.failures))


def _or_paper(model: ModelChoice) -> ModelChoice:
    """``model``, with the paper's configuration if neither a configuration nor a segmenter is chosen."""
    chosen = any(override.startswith("segmenter.name=") for override in model.chosen)
    return model if model.config is not None or chosen else replace(model, config=PAPER)
