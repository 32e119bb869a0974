"""``sampt demo``: the whole path on a generated scene, with an honest score at the end."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from rich.console import Console

from sampt._internal.files import replacing
from sampt.benchmarks.vos.evaluation import evaluate
from sampt.config import as_mapping, load_config
from sampt.methods.registry import build_method
from sampt.methods.sam_pt.samplers import KMedoidsSampler
from sampt.output.folder import prepare_folder
from sampt.prompts.query_points import ObjectQuery, QueryPoints
from sampt.synthetic.scene import SyntheticScene, write_masks
from sampt.trackers.clip import Clip
from sampt.video.reader import Video
from sampt.video.writer import VideoWriter

from .runner import segment_clip

CLICKS = 3
"""Points a person would give for each object."""


@click.command()
@click.option("--output", "-O", type=click.Path(path_type=Path), default=Path("demo"), show_default=True)
@click.option(
    "--config", default="quick", show_default=True, help="A YAML file or the name of a packaged one."
)
@click.option("-o", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another scene.")
def command(output: Path, config: str, overrides: tuple[str, ...], seed: int) -> None:
    """Segment a generated scene from three points an object, and score the masks against the exact ones."""
    settings = load_config(config, overrides)
    model = build_method(settings)
    ours = (output / "scene.mp4").exists()  # an earlier demo may be replaced, anybody's own results not
    prepare_folder(output, overwrite=ours)
    scene = SyntheticScene(height=480, width=854, seed=seed)
    clip_path = _write_scene(scene, output)
    queries = clicks_on(scene)
    with Video(clip_path) as video:
        segment_clip(model, Clip.of(video), queries, output, overwrite=True, settings=as_mapping(settings))
    means = evaluate(output / "masks", output / "annotations").means
    Console(soft_wrap=True, markup=False).print(
        f"J&F {100 * means['J&F-Mean']:.1f}  (J {100 * means['J-Mean']:.1f}, F {100 * means['F-Mean']:.1f}) "
        f"with {model.describe()['tracker']} and {model.segmenter.name}, {CLICKS} points an object. "
        f"Look at {output / 'overlay.mp4'}.",
        highlight=False,
    )


def clicks_on(scene: SyntheticScene) -> QueryPoints:
    """A few well spread points on each object in the first frame, as a person might click them."""
    masks, rng = scene.masks(0), np.random.default_rng(0)
    clicks = [KMedoidsSampler(erosion=5).sample(scene[0], mask, CLICKS, rng) for mask in masks]
    return QueryPoints(
        tuple(ObjectQuery(k + 1, 0, xy) for k, xy in enumerate(clicks)), source="the demo's points"
    )


def _write_scene(scene: SyntheticScene, output: Path) -> Path:
    """The scene as a video, and its exact masks."""
    path = output / "scene.mp4"
    with replacing(path) as temporary, VideoWriter(temporary, scene.fps, scene.size) as writer:
        for frame in scene:
            writer.write(frame)
    write_masks(scene, output / "annotations")
    return path
