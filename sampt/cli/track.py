"""``sampt track``: a video and points in, tracks out; no segmenter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sampt.errors import ConfigError, PromptError, VideoError

_path = click.Path(path_type=Path)


@click.command()
@click.argument("video", type=_path)
@click.option("--points", type=_path, help="Query points: JSON (docs/points.md) or the official text format.")
@click.option(
    "--point", "clicks", multiple=True, metavar="OBJ:T:X,Y:+", help="A point on (+) or off (-) an object."
)
@click.option("--tracker", default="dis", show_default=True, help="`sampt info` lists them.")
@click.option("--checkpoint", type=_path, help="Its checkpoint file; else the official one is downloaded.")
@click.option("--device", default="auto", show_default=True, help="cuda, cpu or auto.")
@click.option("-o", "options", multiple=True, metavar="KEY=VALUE", help="An option of the tracker.")
@click.option("--output", "-O", type=_path, required=True, help="The folder for the results.")
@click.option("--overwrite", is_flag=True, help="Replace results that the folder already holds.")
@click.option(
    "--tail", type=click.IntRange(min=0), default=24, show_default=True, help="Length of the tails, frames."
)
@click.option("--start", type=click.IntRange(min=0), default=0, help="First frame to use.")
@click.option("--stride", type=click.IntRange(min=1), default=1, help="Use every n-th frame.")
@click.option("--max-frames", type=click.IntRange(min=1), help="Use at most so many frames.")
def command(
    video: Path,
    points: Path | None,
    clicks: tuple[str, ...],
    tracker: str,
    checkpoint: Path | None,
    device: str,
    options: tuple[str, ...],
    output: Path,
    overwrite: bool,
    tail: int,
    start: int,
    stride: int,
    max_frames: int | None,
) -> None:
    """Track points through VIDEO, a file or a folder of frames, without segmenting anything.

    Writes trajectories.npz, in the format of `sampt segment`, and tracks.mp4, in which points draw tails,
    dimmed where they were not visible.

    \b
    sampt track clip.mp4 --point 1:0:320,180:+ --tracker lucas-kanade -o window=31 --output out
    """
    from rich.console import Console
    from rich.progress import track

    from sampt._internal.devices import choose_device
    from sampt.output.tracks import TrackWriter, track_points
    from sampt.prompts.query_points import QueryPoints
    from sampt.trackers.clip import Clip
    from sampt.tracking.building import build_tracker
    from sampt.video.reader import Video

    if bool(points) == bool(clicks):
        problem = "there are two sources of points" if points else "nothing says what to track"
        raise PromptError(f"{problem}: give either --points or --point")
    weights = None if checkpoint is None else str(checkpoint)
    model = build_tracker(tracker, parse_options(options), weights, choose_device(device))
    status = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    with Video(video) as opened:
        if start >= len(opened):
            raise VideoError(f"--start {start} is beyond {video}, which has {len(opened)} frames")
        clip = Clip(opened, range(start, len(opened), stride)[:max_frames])
        queries = QueryPoints.read(points) if points else QueryPoints.from_cli(clicks)
        results = track_points(model, clip, queries)
        with TrackWriter(
            output, queries, opened.fps / stride, opened.size, tail=tail, overwrite=overwrite
        ) as writer:
            for result in track(
                results, "tracking", len(clip), console=status, transient=True, disable=not status.is_terminal
            ):
                writer.write(opened[result.index], result, float(opened.timestamps[result.index]))
    count = sum(len(query.positives) + len(query.negatives) for query in queries.objects)
    status.print(f"{count} points through {len(clip)} frames: {output}")


def parse_options(options: Sequence[str]) -> dict[str, Any]:
    """Keyword arguments from ``key=value``, values in YAML.

    Raises:
        ConfigError: one of them is malformed.
    """
    from yaml import YAMLError, safe_load

    parsed: dict[str, Any] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not key.isidentifier():
            raise ConfigError(f"-o {option}: give an option as key=value, such as -o patience=3")
        try:
            parsed[key] = safe_load(value)
        except YAMLError as error:
            raise ConfigError(f"-o {option}: the value is not valid YAML") from error
    return parsed
