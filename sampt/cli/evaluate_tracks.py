"""``sampt evaluate-tracks``: TAP-Vid's metrics for trackers, or for the tracks of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sampt._internal.console import result_console
from sampt._internal.devices import check_device, choose_device, choose_dtype
from sampt._internal.environment import versions
from sampt._internal.files import check_file, write_json
from sampt.benchmarks.metrics.tapvid import SIDE, QueryMode
from sampt.benchmarks.running.charts import percent
from sampt.benchmarks.tracks.data import PickledVideos
from sampt.benchmarks.tracks.evaluation import (
    CONDITIONS,
    MEASURES,
    TrackEvaluation,
    evaluate_tracks,
    synthetic_videos,
)
from sampt.benchmarks.tracks.saved import evaluate_saved
from sampt.errors import DatasetError
from sampt.trackers.base import PointTracker

from .dataset_options import sequence_progress
from .model_options import TrackerChoice

if TYPE_CHECKING:
    from sampt.config import Config

_HEADERS = dict(zip(MEASURES, ("AJ", "δ_avg", "OA"), strict=True))


@click.command()
@click.option(
    "--tracker",
    "names",
    multiple=True,
    default=["lucas-kanade"],
    show_default=True,
    metavar="NAME",
    help="Tracker to evaluate; may be repeated.",
)
@click.option(
    "--tracker-checkpoint",
    type=click.Path(path_type=Path),
    help="Checkpoint of the tracker, if there is only one; by default the official one.",
)
@click.option(
    "-o",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Setting of the tracker, if there is only one, such as tracker.options.window=31.",
)
@click.option("--device", help="Device: cuda, cuda:1, cpu or auto.")
@click.option("--synthetic", is_flag=True, help="Track generated scenes of all conditions.")
@click.option(
    "--condition",
    "conditions",
    multiple=True,
    type=click.Choice(list(CONDITIONS)),
    help="Track generated scenes of this condition; may be repeated.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Track a TAP-Vid pickle (DAVIS, RGB-Stacking), or a folder of them (Kinetics).",
)
@click.option(
    "--tracks",
    type=click.Path(path_type=Path),
    help="Score this trajectories.npz of `sampt segment` against --truth, without tracking.",
)
@click.option("--truth", type=click.Path(path_type=Path), help="File (.npz) of the true tracks.")
@click.option("--queries", type=click.Choice(["first", "strided"]), default="first", show_default=True)
@click.option(
    "--resolution",
    type=click.Choice([str(SIDE), "original"]),
    default=str(SIDE),
    show_default=True,
    help="Track at 256x256, as the benchmark does, or at the original size.",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path),
    help="Also write every video's scores to this file.",
)
def command(
    names: tuple[str, ...],
    tracker_checkpoint: Path | None,
    overrides: tuple[str, ...],
    device: str | None,
    synthetic: bool,
    conditions: tuple[str, ...],
    data: Path | None,
    tracks: Path | None,
    truth: Path | None,
    queries: str,
    resolution: str,
    json_path: Path | None,
) -> None:
    """Score point trackers with TAP-Vid's metrics, in per cent.

    AJ (average Jaccard) scores positions and visibility together, δ_avg the positions of visible points, and
    OA (occlusion accuracy) the visibility. Distances are measured at 256x256.
    """
    if sum([synthetic or bool(conditions), data is not None, tracks is not None]) != 1:
        raise click.UsageError("Give one of --synthetic (or --condition), --data and --tracks.")
    if (tracks is None) != (truth is None):
        raise click.UsageError("Give --tracks and --truth together.")
    if tracks and queries != "first":
        raise click.UsageError(
            "--tracks holds one track per point, so it cannot be used with --queries strided."
        )
    if json_path:
        check_file(json_path)
    settings: dict[str, Any] = {"queries": queries}
    if tracks and truth:
        evaluation = evaluate_saved(tracks, truth)
    else:
        settings["resolution"] = resolution
        if len(names) > 1 and (tracker_checkpoint or overrides):
            raise click.UsageError(
                "--tracker-checkpoint and -o apply to one tracker; give only one --tracker with them."
            )
        choices = [TrackerChoice(None, overrides, name, tracker_checkpoint, device) for name in names]
        chosen = {name: _checked(choice) for name, choice in zip(names, choices, strict=True)}
        if data and not data.exists():
            raise DatasetError(f"{data} does not exist; give a TAP-Vid pickle, or a folder of them")
        trackers = {name: _make(settings) for name, settings in chosen.items()}
        side = None if resolution == "original" else int(resolution)
        evaluation = _track(trackers, data, conditions, cast("QueryMode", queries), side)
    result_console().print(_table(evaluation))
    if json_path:
        write_json(json_path, {"settings": settings, "versions": versions(), **evaluation.as_dict()})


def _checked(choice: TrackerChoice) -> Config:
    """The settings of one tracker, checked."""
    from sampt.config.schema import Config, SegmenterConfig, TrackerConfig
    from sampt.tracking.checks import check_tracker

    # However long a video is, the tracker that is named is the one that is scored.
    plain = Config(
        tracker=TrackerConfig("dis", whole_clip_frames=None),
        segmenter=SegmenterConfig("grabcut"),  # never made
    )
    settings = choice.settings(plain)
    check_device(settings.device)
    check_tracker(settings.tracker)
    return settings


def _make(settings: Config) -> PointTracker:
    # Only now, because the trackers' torch takes seconds to import.
    from sampt.tracking.building import build_tracker

    tracker, device = settings.tracker, choose_device(settings.device)
    dtype = choose_dtype(tracker.dtype, device)
    return build_tracker(
        tracker.name, tracker.options, tracker.checkpoint, device, dtype, tracker.whole_clip_frames
    )


def _track(
    trackers: dict[str, PointTracker],
    data: Path | None,
    conditions: tuple[str, ...],
    queries: QueryMode,
    side: int | None,
) -> TrackEvaluation:
    videos = PickledVideos(data) if data else synthetic_videos(conditions or tuple(CONDITIONS))
    with sequence_progress("tracking") as bar:

        def progress(done: int) -> None:
            count = videos.count if isinstance(videos, PickledVideos) else len(videos)
            bar(done, count and count * len(trackers))

        return evaluate_tracks(trackers, videos, queries, side, progress)


def _table(evaluation: TrackEvaluation) -> Table:
    """Table of three rows per tracker, one per metric, with a column for each group of videos."""
    means = evaluation.means
    groups = list(dict.fromkeys(means.index.get_level_values("group")))
    counts = evaluation.table.groupby("group")["video"].nunique()
    table = Table(box=SIMPLE_HEAD, caption=f"videos: {counts.sum()}", caption_justify="left")
    table.add_column("tracker", no_wrap=True)
    table.add_column("")
    for group in groups:
        table.add_column(group, justify="right", no_wrap=True)
    for tracker in dict.fromkeys(means.index.get_level_values("tracker")):
        for number, measure in enumerate(MEASURES):
            values = [percent(means[measure].get((tracker, group))) for group in groups]
            table.add_row(tracker if number == 0 else "", _HEADERS[measure], *values)
        table.add_section()
    return table
