"""The speed of contour accuracy F compared with a literal implementation of its definition, on one core.

Run it with ``python -m sampt.benchmarks.measure.metric_speed --root DAVIS``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from ..metrics.davis import TOLERANCE, contour_accuracy

Mask = NDArray[np.bool_]
Dilation = Callable[[Mask, Mask], Mask]


def by_opencv(boundary: Mask, disc: Mask) -> Mask:
    """The dilation in the official evaluation of DAVIS 2017."""
    return cv2.dilate(boundary.astype(np.uint8), disc.astype(np.uint8)).astype(bool)


def by_scipy(boundary: Mask, disc: Mask) -> Mask:
    """The dilation in the official evaluation of DAVIS 2016, whose scikit-image calls SciPy."""
    return np.asarray(ndimage.binary_dilation(boundary, disc), bool)


def plain_contour_accuracy(
    prediction: Mask, annotation: Mask, tolerance: float = TOLERANCE, dilate: Dilation = by_opencv
) -> float:
    """F of two (H, W) masks as it is defined, over the whole frame."""
    ours, truth = plain_boundary(prediction), plain_boundary(annotation)
    if not ours.any() or not truth.any():
        return float(ours.any() == truth.any())
    radius = math.ceil(tolerance * math.hypot(*prediction.shape))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = x**2 + y**2 <= radius**2
    precision = np.sum(ours & dilate(truth, disc)) / np.sum(ours)
    recall = np.sum(truth & dilate(ours, disc)) / np.sum(truth)
    return float(2 * precision * recall / (precision + recall)) if precision + recall > 0 else 0.0


def plain_boundary(mask: Mask) -> Mask:
    """The boundary of an (H, W) mask: shifted comparisons, then the last row and the last column."""
    east, south, diagonal = np.zeros_like(mask), np.zeros_like(mask), np.zeros_like(mask)
    east[:, :-1] = mask[:, 1:]
    south[:-1] = mask[1:]
    diagonal[:-1, :-1] = mask[1:, 1:]
    edges = (mask ^ east) | (mask ^ south) | (mask ^ diagonal)
    edges[-1] = mask[-1] ^ east[-1]
    edges[:, -1] = mask[:, -1] ^ south[:, -1]
    edges[-1, -1] = False
    return edges


@click.command()
@click.option("--root", type=click.Path(path_type=Path), required=True, help="DAVIS, with Annotations/480p.")
@click.option(
    "--results", type=click.Path(path_type=Path), help="Masks; default: the previous frame's annotation."
)
@click.option(
    "--stride", type=click.IntRange(min=1), default=5, show_default=True, help="Take every n-th frame."
)
def main(root: Path, results: Path | None, stride: int) -> None:
    """Time F of every n-th frame in three ways on one core, and check that the numbers are equal."""
    cv2.setNumThreads(1)
    pairs = list(_pairs(root / "Annotations" / "480p", results, stride))
    if not pairs:
        raise click.UsageError(
            f"there are no pairs of masks under {root}: give a DAVIS folder with Annotations/480p"
        )
    contour_accuracy(*pairs[0])
    ours, seconds = _timed(contour_accuracy, pairs)
    click.echo(f"{len(pairs)} frames; ours {1000 * seconds / len(pairs):.2f} ms per frame")
    for dilate in (by_opencv, by_scipy):
        plain, plain_seconds = _timed(partial(plain_contour_accuracy, dilate=dilate), pairs)
        if plain != ours:
            raise click.ClickException(
                f"the definition {dilate.__name__} gives different numbers: metrics/davis.py is wrong"
            )
        milliseconds, ratio = 1000 * plain_seconds / len(pairs), plain_seconds / seconds
        click.echo(
            f"the definition {dilate.__name__}: {milliseconds:.2f} ms, {ratio:.1f} times ours; same numbers"
        )


def _pairs(annotations: Path, results: Path | None, stride: int) -> Iterator[tuple[Mask, Mask]]:
    for folder in sorted(p for p in annotations.glob("*") if p.is_dir()):
        frames = sorted(folder.glob("*.png"))
        for k in range(1, len(frames), stride):
            prediction = results / folder.name / frames[k].name if results else frames[k - 1]
            yield _mask(prediction), _mask(frames[k])


def _mask(path: Path) -> Mask:
    with Image.open(path) as image:
        return np.asarray(image) > 0


def _timed(
    measure: Callable[[Mask, Mask], float], pairs: list[tuple[Mask, Mask]]
) -> tuple[list[float], float]:
    """The measure of all pairs, and the seconds of processor time that it took."""
    start = time.process_time()
    values = [measure(*pair) for pair in pairs]
    return values, time.process_time() - start


if __name__ == "__main__":
    main()
