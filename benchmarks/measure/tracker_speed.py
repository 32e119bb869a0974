"""The time that sharing work saves a point tracker, measured with and without sharing in one run.

PIPS is compared with computing feature maps for every window and direction, as in the official chain;
CoTracker, which tracks all objects' points together, with tracking each object with its own feature maps.

python -m sampt.benchmarks.measure.tracker_speed --tracker pips --random-weights 0
python -m sampt.benchmarks.measure.tracker_speed --tracker cotracker3 --checkpoint online.pth --frames 48
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import click
import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch import nn

from sampt._internal.devices import choose_device
from sampt._internal.environment import hardware
from sampt.errors import ConfigError, SamptError
from sampt.synthetic.scene import SyntheticScene
from sampt.trackers.base import PointTracker
from sampt.trackers.registry import check_options, find_tracker
from sampt.weights.loading import load_checkpoint, load_strictly

Frames = NDArray[np.uint8]
Queries = NDArray[np.float32]
"""The queries of one object: (N, 3) of (t, x, y)."""

TRACKERS = ("pips", "cotracker3", "cotracker3-offline", "cotracker2", "cotracker1")
"""The trackers that share work between objects."""


@dataclass
class Way:
    """One way to track all objects, and the time that each run of it took.

    Attributes:
        seconds: elapsed time.
        cpu: processor time of this process on all cores, which other processes disturb less.
    """

    name: str
    track: Callable[[Frames, list[Queries]], NDArray[np.float32]]
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def together(make: Callable[..., PointTracker], clip: Frames, objects: list[Queries]) -> NDArray[np.float32]:
    """The positions, (T, N, 2), of all objects' points, tracked at once."""
    return make().track(clip, np.concatenate(objects)).xy


def one_by_one(
    make: Callable[..., PointTracker], clip: Frames, objects: list[Queries]
) -> NDArray[np.float32]:
    """The same positions, each object tracked by a new tracker with an empty cache."""
    return np.concatenate([make().track(clip, queries).xy for queries in objects], axis=1)


def ways(name: str, make: Callable[..., PointTracker]) -> list[Way]:
    """The tracker unchanged, then without sharing; ``make`` makes a new tracker with an empty cache."""
    if name == "pips":
        return [
            Way("features once per frame", partial(together, make)),
            Way("features per window", partial(together, partial(make, reuse_features=False))),
        ]
    return [
        Way("all objects together", partial(together, make)),
        Way("object by object", partial(one_by_one, make)),
    ]


def network(name: str, checkpoint: Path | None, seed: int | None) -> nn.Module:
    """The tracker's network with the weights of a file or random ones.

    Raises:
        CheckpointError: the file is not a checkpoint of this tracker.
        ConfigError: neither is given, or both.
    """
    if (checkpoint is None) == (seed is None):
        raise ConfigError("give either --checkpoint FILE or --random-weights SEED")
    with torch.random.fork_rng():
        torch.manual_seed(seed or 0)
        model: nn.Module = find_tracker(name).load().build_network({})
    if checkpoint is not None:
        load_strictly(model, load_checkpoint(checkpoint), checkpoint, name)
    return model


def measure(found: list[Way], clip: Frames, objects: list[Queries], repeats: int) -> NDArray[np.float32]:
    """Run all ways in turn, ``repeats`` times, and return their positions, (ways, T, N, 2)."""
    for _ in range(repeats):
        positions = []
        for way in found:
            start, cpu_start = time.perf_counter(), time.process_time()
            positions.append(way.track(clip, objects))
            way.seconds.append(time.perf_counter() - start)
            way.cpu.append(time.process_time() - cpu_start)
    return np.stack(positions)


def show(name: str, found: list[Way], frames: int, positions: NDArray[np.float32]) -> None:
    """Print a table with one row per way: median (minimum to maximum), and its ratio to the first one's."""
    table = Table(title=name, title_justify="left")
    table.add_column("way", no_wrap=True)
    for column in ("ms per frame", "ratio", "CPU ms per frame", "ratio", "tracks differ"):
        table.add_column(column, justify="right")
    for way, xy in zip(found, positions, strict=True):
        cells = []
        for spent, least in ((way.seconds, found[0].seconds), (way.cpu, found[0].cpu)):
            ms = np.array(spent) / frames * 1000
            spread = f" ({ms.min():.0f} to {ms.max():.0f})" if len(spent) > 1 else ""
            cells += [f"{np.median(ms):.0f}{spread}", f"{np.median(spent) / np.median(least):.2f}"]
        table.add_row(way.name, *cells, f"{np.abs(xy - positions[0]).max():.2g} px")
    Console().print(table)


@click.command(help=__doc__)
@click.option("--tracker", type=click.Choice(TRACKERS), default="pips", show_default=True)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="The tracker's official file.")
@click.option(
    "--random-weights", type=int, metavar="SEED", help="Use random weights instead of a checkpoint."
)
@click.option("-o", "options", multiple=True, metavar="KEY=VALUE", help="An option of the tracker.")
@click.option("--frames", type=click.IntRange(1), default=100, show_default=True)
@click.option("--size", default="854x480", show_default=True, metavar="WIDTHxHEIGHT")
@click.option("--objects", type=click.IntRange(1, 255), default=5, show_default=True)
@click.option("--points", type=click.IntRange(1), default=9, show_default=True, help="Points per object.")
@click.option("--query-frame", type=click.IntRange(0), default=0, show_default=True)
@click.option("--repeats", type=click.IntRange(1), default=1, show_default=True)
@click.option("--device", default="auto", show_default=True)
def main(
    tracker: str,
    checkpoint: Path | None,
    random_weights: int | None,
    options: tuple[str, ...],
    frames: int,
    size: str,
    objects: int,
    points: int,
    query_frame: int,
    repeats: int,
    device: str,
) -> None:
    width, height = (int(side) for side in size.split("x"))
    try:
        model = network(tracker, checkpoint, random_weights)
        settings = {key: yaml.safe_load(value) for key, _, value in (o.partition("=") for o in options)}
        kind = find_tracker(tracker).load()

        def make(**changes: object) -> PointTracker:
            made: PointTracker = kind(
                model, check_options(tracker, settings | changes), choose_device(device)
            )
            return made

        # Nothing is hidden or leaves. Frames are in memory, so that drawing them does not count.
        scene = SyntheticScene(frames, height, width, objects, occlusion=False, leaving=False)
        clip = np.stack(list(scene))
        queries, owners = scene.sample_queries(points, np.random.default_rng(0), query_frame)
        grouped = [queries[owners == k] for k in np.unique(owners)]
        make().track(clip[:2], [[0, 0, 0]])  # whatever is only slow the first time
        found = ways(tracker, make)
        positions = measure(found, clip, grouped, repeats)
    except (SamptError, ValueError, TypeError, IndexError) as error:
        raise click.ClickException(str(error)) from error
    machine = hardware(choose_device(device))
    click.echo(f"{machine}; {width}x{height} px, {len(grouped)} objects, {len(queries)} points")
    show(f"{tracker}, {frames} frames", found, frames, positions)


if __name__ == "__main__":
    main()
