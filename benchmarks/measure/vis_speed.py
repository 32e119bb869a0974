"""The time it takes to score results as large as those for UVO's validation set.

Run it with ``python -m sampt.benchmarks.measure.vis_speed``; it writes data to a temporary folder first.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import cv2
import numpy as np

from sampt._internal.run_lengths import Rle, area, encode

from ..vis.annotations import read_annotations
from ..vis.evaluation import evaluate_vis

SIZE = (480, 854)
OBJECTS = 13
"""Number of objects per video, the average of UVO's validation set."""
TRACKS = 60
"""Number of different objects drawn; every masklet is one of them, some frames earlier or later."""

Track = list[Rle]


def draw_tracks(frames: int, rng: np.random.Generator) -> list[Track]:
    """Drifting ellipses with frayed edges, run-length encoded."""
    return [_draw_track(frames, rng) for _ in range(TRACKS)]


def _draw_track(frames: int, rng: np.random.Generator) -> Track:
    height, width = SIZE
    centre, velocity = rng.uniform((0, 0), (width, height)), rng.normal(0, 2, 2)
    axes, angle = np.exp(rng.uniform(np.log(12), np.log(260), 2)), rng.uniform(0, 180)
    fray = cv2.GaussianBlur(rng.normal(0, 1, SIZE).astype(np.float32), (0, 0), 8) * 25
    track = []
    for t in range(frames):
        canvas = np.zeros(SIZE, np.uint8)
        x, y = (centre + t * velocity).astype(int).tolist()
        cv2.ellipse(canvas, (x, y), axes.astype(int).tolist(), angle + t, 0, 360, 255, -1)
        soft = cv2.GaussianBlur(canvas, (0, 0), 4).astype(np.float32) / 255
        track.append(encode(soft + 0.1 * fray > 0.5))
    return track


def _masklets(
    video: int, count: int, tracks: list[Track], rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    for chosen, late in zip(rng.integers(0, len(tracks), count), rng.integers(-4, 5, count), strict=True):
        track = tracks[chosen]
        moved = track[late:] + track[:late]
        yield {
            "video_id": video,
            "category_id": 1,
            "score": round(float(rng.uniform()), 4),
            "segmentations": [None if not area(m) else m for m in moved],
        }


def write_data(folder: Path, videos: int, frames: int, predictions: int) -> tuple[Path, Path]:
    """Write annotations and results in the format of YouTube-VIS."""
    rng = np.random.default_rng(0)
    tracks = draw_tracks(frames, rng)
    annotations, results = folder / "annotations.json", folder / "results.json"
    listed = [{"id": v, "width": SIZE[1], "height": SIZE[0], "length": frames} for v in range(1, videos + 1)]
    objects = [
        {"id": v * OBJECTS + n, "iscrowd": 0, **masklet}
        for v in range(1, videos + 1)
        for n, masklet in enumerate(_masklets(v, OBJECTS, tracks, rng))
    ]
    content = {"videos": listed, "categories": [{"id": 1, "name": "object"}], "annotations": objects}
    annotations.write_text(json.dumps(content))
    with results.open("w") as file:
        for v in range(1, videos + 1):
            for n, masklet in enumerate(_masklets(v, predictions, tracks, rng)):
                file.write(("[" if (v, n) == (1, 0) else ",\n") + json.dumps(masklet))
        file.write("]\n")
    return annotations, results


@click.command()
@click.option("--videos", type=click.IntRange(min=1), default=250, show_default=True)
@click.option(
    "--frames", type=click.IntRange(min=10), default=90, show_default=True, help="Frames per video."
)
@click.option(
    "--predictions", type=click.IntRange(min=1), default=100, show_default=True, help="Predictions per video."
)
def main(videos: int, frames: int, predictions: int) -> None:
    """Time reading and scoring generated results, and print how much memory that took."""
    with TemporaryDirectory(prefix="sampt-") as temporary:
        truth, results = write_data(Path(temporary), videos, frames, predictions)
        sizes = ", ".join(f"{path.stat().st_size / 2**20:.0f} MiB" for path in (truth, results))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        begin, begin_cpu = time.perf_counter(), time.process_time()
        evaluation = evaluate_vis(results, read_annotations(truth))
        seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(f"{videos} videos x {frames} frames x {predictions} predictions, {OBJECTS} objects ({sizes})")
    click.echo(f"{seconds:.1f} s, {cpu:.1f} s of one core; peak memory {peak:.0f} MiB ({before:.0f} before)")
    click.echo("  ".join(f"{name} {value:.3f}" for name, value in evaluation.measures.items()))


if __name__ == "__main__":
    main()
