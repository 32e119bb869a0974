"""``sampt segment``: segments objects through a video."""

from __future__ import annotations

from pathlib import Path

import click

from sampt._internal.names import plural
from sampt.errors import PromptError, VideoError
from sampt.prompts.query_points import QueryPoints
from sampt.trackers.clip import Clip
from sampt.video.reader import Video

from .model_options import ModelChoice, model_options
from .result_options import ResultOptions, result_options

_path = click.Path(path_type=Path)
_SHOWN = 8
"""Number of objects that are described at the start."""


@click.command()
@click.argument("video", type=_path)
@click.option(
    "--points", type=_path, help="File of query points: JSON (docs/points.md) or the official text format."
)
@click.option(
    "--point",
    "clicks",
    multiple=True,
    metavar="OBJ:T:X,Y:+",
    help="Point on (+) or off (-) object OBJ in frame T; may be repeated.",
)
@click.option(
    "--box",
    "boxes",
    multiple=True,
    metavar="OBJ:T:X0,Y0,X1,Y1",
    help="Box around object OBJ in frame T; may be repeated.",
)
@click.option("--mask", type=_path, help="Mask of the first frame used; docs/inputs.md says how it is read.")
@click.option(
    "--span",
    "spans",
    multiple=True,
    metavar="OBJ:FIRST-LAST",
    help="First and last frame in which to segment object OBJ; may be repeated.",
)
@model_options
@click.option("--output", "-O", type=_path, required=True, help="Folder for the results.")
@click.option("--overwrite", is_flag=True, help="Replace results that are already in the folder.")
@result_options
@click.option("--start", type=click.IntRange(min=0), default=0, help="First frame to use.")
@click.option("--stride", type=click.IntRange(min=1), default=1, help="Use every n-th frame.")
@click.option("--max-frames", type=click.IntRange(min=1), help="Maximum number of frames to use.")
def command(
    video: Path,
    points: Path | None,
    clicks: tuple[str, ...],
    boxes: tuple[str, ...],
    mask: Path | None,
    spans: tuple[str, ...],
    model: ModelChoice,
    output: Path,
    overwrite: bool,
    results: ResultOptions,
    start: int,
    stride: int,
    max_frames: int | None,
) -> None:
    """Segment objects through VIDEO, a file or a folder of frames.

    Choose the objects with --points, with --mask, or with any number of --point and --box. T is a frame
    number of the video itself, counted from 0, whatever --start and --stride are.

    \b
    sampt segment clip.mp4 --point 1:0:320,180:+ --point 1:0:340,200:+ --output out
    """
    from sampt.config import as_mapping
    from sampt.methods.registry import build_method
    from sampt.output.folder import check_folder

    settings, outputs = model.settings(), results.outputs()
    check_folder(output, overwrite)
    if mask:
        _check_not_a_frame(mask, video)
    with Video(video) as opened:
        clip = _clip(opened, start, stride, max_frames)
        queries = _queries(points, clicks, boxes, mask, clip.indices[0]).with_spans(spans)
        queries.validate(clip.indices, opened.size)
        outputs.check(output, overwrite, queries, opened)
        # torch takes seconds to import: a mistyped option must not wait for it.
        from .runner import segment_clip

        model.announce(settings)
        _say_what_was_understood(queries, opened.size)
        method = build_method(settings)
        segment_clip(
            method,
            clip,
            queries,
            output,
            outputs,
            overwrite=overwrite,
            settings=as_mapping(settings),
        )


def _check_not_a_frame(mask: Path, video: Path) -> None:
    if video.is_dir() and mask.resolve().parent == video.resolve():
        raise PromptError(f"--mask {mask} is among the frames of {video}; move it out of that folder")


def _say_what_was_understood(queries: QueryPoints, size: tuple[int, int]) -> None:
    """One line on standard error: the objects, with their points or their share of the frame."""
    shares = queries.shares(size)
    parts = []
    for query in queries.objects:
        by = [plural(count, "point") for count in [len(query.positives) + len(query.negatives)] if count]
        if query.id in shares:
            kind = "box" if query.mask is None else "mask"
            by.append(f"a {kind} of {100 * shares[query.id]:.2g} % of the frame")
        name = f" {query.name!r}" if query.name else ""
        parts.append(f"{query.id}{name} by {' and '.join(by)} in frame {query.frame}")
    shown = "; ".join(parts[:_SHOWN]) + (f"; and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else "")
    click.echo(f"{plural(len(parts), 'object')}: {shown}.", err=True)


def _clip(video: Video, start: int, stride: int, max_frames: int | None) -> Clip:
    if start >= len(video):
        raise VideoError(f"--start {start} is beyond {video.path}, which has {len(video)} frames")
    indices = range(start, len(video), stride)
    return Clip(video, indices[:max_frames])


def _queries(
    points: Path | None, clicks: tuple[str, ...], boxes: tuple[str, ...], mask: Path | None, first: int
) -> QueryPoints:
    given = [bool(points), bool(clicks or boxes), bool(mask)]
    if sum(given) != 1:
        problem = "nothing says what to segment" if not any(given) else "there are several sources of points"
        raise PromptError(f"{problem}: give one of --points, --mask, or --point and --box")
    if points:
        return QueryPoints.read(points)
    if mask:
        return QueryPoints.from_mask_file(mask, first)
    return QueryPoints.from_cli(clicks, boxes)
