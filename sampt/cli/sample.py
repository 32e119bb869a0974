"""``sampt sample``: draws the points of each sampler side by side (the paper's Fig. 3)."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from sampt._internal.files import replacing
from sampt.errors import PromptError
from sampt.methods.sam_pt.samplers import SAMPLERS, create_sampler
from sampt.prompts.query_points import QueryPoints
from sampt.video.images import read_image


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.argument("mask", type=click.Path(path_type=Path))
@click.option(
    "-n",
    "--count",
    type=click.IntRange(1, 1000),
    default=16,
    show_default=True,
    help="Number of points per object.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the random samplers."
)
@click.option(
    "--output",
    "-O",
    type=click.Path(path_type=Path),
    default=Path("samples.png"),
    show_default=True,
    help="Image to write: .png, .jpg, .pdf or .svg.",
)
def command(image: Path, mask: Path, count: int, seed: int, output: Path) -> None:
    """Draw the points that each sampler picks for the objects of MASK in IMAGE.

    Positive points are circles. `ring` samples only negative points, which are crosses.
    """
    from matplotlib.figure import Figure

    if not image.is_file():
        raise PromptError(f"{image} does not exist; give an image file")
    frame = read_image(image)
    queries = QueryPoints.from_mask_file(mask)
    queries.validate(range(1), (frame.shape[0], frame.shape[1]))
    masks = [q.mask for q in queries.objects if q.mask is not None]
    if output.suffix.lower() not in (".png", ".pdf", ".svg", ".jpg"):
        raise PromptError(f"--output {output}: choose a name that ends in .png, .jpg, .pdf or .svg")

    height, width = frame.shape[:2]
    figure = Figure(figsize=(3.4 * len(SAMPLERS), 3.4 * height / width + 0.5), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(SAMPLERS)), SAMPLERS, strict=True):
        axes.imshow(_tinted(frame, np.any(masks, axis=0)))
        axes.set_title(f"{name}, {count} points")
        axes.axis("off")
        for one in masks:
            region, marker = (~one, "x") if name == "ring" else (one, "o")
            if not region.any():
                continue
            xy = create_sampler(name).sample(frame, region, count, np.random.default_rng(seed))
            edge = {} if marker == "x" else {"edgecolors": "white", "linewidths": 0.7}
            axes.scatter(*xy.T, s=22, marker=marker, c="#ff3b30" if marker == "x" else "#1f77ff", **edge)
    with replacing(output) as temporary:
        figure.savefig(temporary, dpi=120)
    click.echo(f"Drew {len(SAMPLERS)} samplers: {output}")


def _tinted(frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A copy of the frame, darkened outside the mask."""
    return np.where(mask[..., None], frame, frame // 2)
