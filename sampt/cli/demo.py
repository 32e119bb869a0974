"""``sampt demo``: segments a generated scene and scores the result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .model_options import ModelChoice, model_options

if TYPE_CHECKING:
    from sampt.prompts.query_points import QueryPoints
    from sampt.synthetic.scene import SyntheticScene

CLICKS = 3
"""Number of points given for each object."""


@click.command()
@click.option("--output", "-O", type=click.Path(path_type=Path), default=Path("demo"), show_default=True)
@model_options
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the generated scene."
)
def command(output: Path, model: ModelChoice, seed: int) -> None:
    """Segment a generated scene from three points per object, and score the masks against the truth."""
    from sampt.config import as_mapping
    from sampt.methods.registry import build_method
    from sampt.output.folder import check_folder, prepare_folder
    from sampt.synthetic.scene import SyntheticScene
    from sampt.trackers.clip import Clip
    from sampt.video.reader import Video

    settings = model.settings()
    # An earlier demo may be replaced, the user's own results may not.
    earlier = (output / "scene.mp4").exists()
    check_folder(output, overwrite=earlier)
    # torch takes seconds to import: a mistyped option must not wait for it.
    from sampt.benchmarks.vos.evaluation import evaluate

    from .runner import segment_clip

    model.announce(settings)
    method = build_method(settings)
    prepare_folder(output, overwrite=earlier)
    scene = SyntheticScene(height=480, width=854, seed=seed)
    clip_path = _write_scene(scene, output)
    queries = clicks_on(scene)
    with Video(clip_path) as video:
        segment_clip(method, Clip.of(video), queries, output, overwrite=True, settings=as_mapping(settings))
    means = evaluate(output / "masks", output / "annotations").means
    click.echo(
        f"J&F {100 * means['J&F-Mean']:.1f}  (J {100 * means['J-Mean']:.1f}, F {100 * means['F-Mean']:.1f}) "
        f"with {settings.tracker.name} and {settings.segmenter.name}, {CLICKS} points per object. "
        f"Look at {output / 'overlay.mp4'}."
    )


def clicks_on(scene: SyntheticScene) -> QueryPoints:
    """A few well-spread points on each object in the first frame, as a person might click them."""
    import numpy as np

    from sampt.methods.sam_pt.samplers import KMedoidsSampler
    from sampt.prompts.query_points import ObjectQuery, QueryPoints

    masks, rng = scene.masks(0), np.random.default_rng(0)
    clicks = [KMedoidsSampler(erosion=5).sample(scene[0], mask, CLICKS, rng) for mask in masks]
    return QueryPoints(
        tuple(ObjectQuery(k + 1, 0, xy) for k, xy in enumerate(clicks)), source="the demo's points"
    )


def _write_scene(scene: SyntheticScene, output: Path) -> Path:
    """Write the scene as a video, with its ground-truth masks; return the video's path."""
    from sampt._internal.files import replacing
    from sampt.synthetic.scene import write_masks
    from sampt.video.writer import VideoWriter

    path = output / "scene.mp4"
    with replacing(path) as temporary, VideoWriter(temporary, scene.fps, scene.size) as writer:
        for frame in scene:
            writer.write(frame)
    write_masks(scene, output / "annotations")
    return path
