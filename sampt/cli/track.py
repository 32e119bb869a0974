"""``sampt track``: tracks points through a video, without a segmenter."""

from __future__ import annotations

from pathlib import Path

import click

from sampt._internal.names import plural
from sampt.errors import PromptError

from .clip_options import ClipChoice, clip_options
from .model_options import TrackerChoice, tracker_options

DEFAULT_TRACKER = "dis"

_path = click.Path(path_type=Path)


@click.command()
@click.argument("video", nargs=-1, required=True, metavar="VIDEO|IMAGE...")
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
@tracker_options
@click.option("--output", "-O", type=_path, required=True, help="Folder for the results.")
@click.option("--overwrite", is_flag=True, help="Replace results that are already in the folder.")
@click.option(
    "--tail", type=click.IntRange(min=0), default=24, show_default=True, help="Length of the tails in frames."
)
@clip_options
def command(
    video: tuple[str, ...],
    points: Path | None,
    clicks: tuple[str, ...],
    model: TrackerChoice,
    output: Path,
    overwrite: bool,
    tail: int,
    frames: ClipChoice,
) -> None:
    """Track points through VIDEO, which is given as for `sampt segment`, without segmenting anything.

    Writes trajectories.npz, in the format of `sampt segment`, and tracks.mp4, in which each point draws a
    tail, dimmed where the point is not visible. The tracker is chosen by --tracker or --config and is dis by
    default.

    \b
    sampt track clip.mp4 --point 1:0:320,180:+ --tracker lucas-kanade --output out
    sampt track clip.mp4 --points points.json -o tracker.options.patience=5 --output out
    """
    from sampt._internal.console import progress, status_console
    from sampt._internal.devices import check_device
    from sampt.config.schema import Config, SegmenterConfig, TrackerConfig
    from sampt.output.folder import check_folder
    from sampt.prompts.query_points import QueryPoints
    from sampt.tracking.checks import check_online, check_tracker
    from sampt.video.camera import Camera
    from sampt.video.sources import clip_of, length, open_source

    if bool(points) == bool(clicks):
        problem = "there are two sources of points" if points else "nothing says what to track"
        raise PromptError(f"{problem}: give either --points or --point")
    # A tracker that is named here is used even if it needs the whole clip, however long that is.
    plain = Config(
        tracker=TrackerConfig(DEFAULT_TRACKER, whole_clip_frames=None),
        segmenter=SegmenterConfig("grabcut"),  # never made
    )
    settings = model.settings(plain)
    check_device(settings.device)
    check_tracker(settings.tracker)
    check_folder(output, overwrite)
    status = status_console()
    with open_source(video) as opened:
        if isinstance(opened, Camera):
            check_online(settings.tracker.name)
        clip = clip_of(opened, frames.start, frames.stride, frames.max_frames)
        queries = QueryPoints.read(points) if points else QueryPoints.from_cli(clicks)
        queries.validate(clip.indices, opened.size)
        # torch takes seconds to import: a mistyped option must not wait for it.
        from sampt._internal.devices import choose_device, choose_dtype
        from sampt.methods.tracks import track
        from sampt.output.tracks import TrackWriter
        from sampt.tracking.building import build_tracker

        device = choose_device(settings.device)
        status.print(f"Using tracker {settings.tracker.name}, device {device}.")
        tracker = build_tracker(
            settings.tracker.name,
            settings.tracker.options,
            settings.tracker.checkpoint,
            device,
            choose_dtype(settings.tracker.dtype, device),
            settings.tracker.whole_clip_frames,
        )
        results = track(clip, queries, tracker)
        with (
            TrackWriter(
                output,
                queries,
                opened.fps / frames.stride,
                opened.size,
                tail=tail,
                overwrite=overwrite,
                pixel_aspect=opened.pixel_aspect,
            ) as writer,
            progress("tracking", length(clip)) as shown,
        ):
            count = 0
            for result in results:
                writer.write(opened[result.index], result, float(opened.timestamps[result.index]))
                shown.advance()
                count += 1
    points_given = sum(len(query.positives) + len(query.negatives) for query in queries.objects)
    status.print(f"{plural(points_given, 'point')} through {plural(count, 'frame')}: {output}")
