"""The scoring of a finished run's trajectories against true ones, both read from files."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampt._internal.files import replacing
from sampt.errors import EvaluationError
from sampt.trackers.base import Visibility

from ..metrics.tapvid import SIDE, tapvid_scores
from .evaluation import TrackEvaluation, VideoScores, rescaled

SLACK = 1.0
"""The largest distance, px, of a saved point from the truth at its query for the two to be the same point."""


def save_truth(
    path: Path,
    xy: NDArray[np.floating],
    visible: NDArray[np.bool_],
    size: tuple[int, int],
    query_frames: NDArray[np.integer] | None = None,
) -> None:
    """Write the true tracks that ``evaluate_saved`` compares with, as an npz file of these arrays.

    Args:
        path: the file.
        xy: (T, N, 2) float, pixels of the original frames, for every frame of the video; the points to
            score, in any order.
        visible: (T, N) bool.
        size: (height, width) of the frames.
        query_frames: (N,), the frame each point was given in; None for the first in which it is visible.

    Raises:
        OutputError: the file cannot be written.
    """
    arrays: dict[str, Any] = {"xy": xy, "visible": visible, "size": np.array(size)}
    if query_frames is not None:
        arrays["query_frames"] = query_frames
    with replacing(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def evaluate_saved(tracks: Path, truth: Path) -> TrackEvaluation:
    """Score a run's ``trajectories.npz`` against a file written by ``save_truth``.

    Each true point is compared with the run's point at the same position in its query frame. The later frames
    count (TAP-Vid's "first"), as far as the run has them.

    Args:
        tracks: the run's ``trajectories.npz``.
        truth: the file written by ``save_truth``.

    Returns:
        The scores.

    Raises:
        EvaluationError: a file cannot be read or lacks an array, the run lacks a true point or frame, or it
            sampled new points on the way.
    """
    frames, predicted, seen = _run(tracks)
    xy, visible, size, starts = _truth(truth)
    if frames.max() >= len(xy):
        raise EvaluationError(
            f"{tracks} has frames up to {frames.max()}, but {truth} has only {len(xy)} frames: write the "
            "truth for every frame of the video"
        )
    xy, visible = xy[frames], visible[frames]
    shown = np.flatnonzero(visible.any(0))
    if starts is None:
        rows = visible[:, shown].argmax(0)
    elif np.isin(starts, frames).all():
        rows = np.searchsorted(frames, starts[shown])
    else:
        raise EvaluationError(
            f"{truth} has points with query frames that {tracks} lacks: use query frames of the run"
        )
    xy, visible = xy[:, shown], visible[:, shown]
    apart = np.linalg.norm(predicted[rows] - xy[rows, np.arange(len(shown))][:, None], axis=-1)
    matched = apart.argmin(1)
    if len(lost := np.flatnonzero(~(apart.min(1) <= SLACK))):
        raise EvaluationError(
            f"{tracks} has no point where {truth} has point {shown[lost[0]]} in its query frame "
            f"{frames[rows[lost[0]]]}: give the truth of points of this run, and their query_frames"
        )
    square = (SIDE, SIDE)
    scores = tapvid_scores(
        rescaled(xy, size, square),
        visible,
        rescaled(predicted[:, matched], size, square),
        seen[:, matched],
        rows,
        "first",
    )
    row = VideoScores(tracks.name, truth.stem, tracks.resolve().parent.name, len(shown), scores)
    return TrackEvaluation((row,))


def _run(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]:
    """A run's frames, (T,), its points in them, (T, M, 2), and which of these are visible, (T, M)."""
    arrays = _arrays(path, ("xy", "visibility", "frames", "offsets"))
    frames, counts = arrays["frames"], np.diff(arrays["offsets"])
    if not counts.size or (counts != counts[0]).any() or not counts[0]:
        raise EvaluationError(
            f"{path} does not have the same points in every frame: give the file of a run with points and "
            "without reinitialisation"
        )
    shape = (len(frames), int(counts[0]))
    if arrays["xy"].size != 2 * shape[0] * shape[1] or arrays["visibility"].size != shape[0] * shape[1]:
        raise EvaluationError(f"{path} contradicts itself about its points: give a run's unchanged file")
    return frames, arrays["xy"].reshape(*shape, 2), arrays["visibility"].reshape(shape) == Visibility.VISIBLE


def _truth(
    path: Path,
) -> tuple[NDArray[np.floating], NDArray[np.bool_], tuple[int, int], NDArray[np.integer] | None]:
    """The arrays that ``save_truth`` was given."""
    arrays = _arrays(path, ("xy", "visible", "size"))
    xy, visible, starts = arrays["xy"], arrays["visible"].astype(bool), arrays.get("query_frames")
    if (
        xy.ndim != 3
        or xy.shape[2] != 2
        or visible.shape != xy.shape[:2]
        or arrays["size"].shape != (2,)
        or (starts is not None and starts.shape != xy.shape[1:2])
    ):
        raise EvaluationError(
            f"{path} has xy of shape {xy.shape}, visible of {visible.shape} and size of "
            f"{arrays['size'].shape}: write (T, N, 2), (T, N), (height, width), optionally query_frames (N,)"
        )
    height, width = arrays["size"].tolist()
    return xy, visible, (height, width), starts


def _arrays(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """All arrays of an npz file, which must contain those in ``names``."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
    except (
        OSError,
        ValueError,
        TypeError,
        AttributeError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        problem = "does not exist" if not path.exists() else "cannot be read"
        raise EvaluationError(f"{path} {problem}: give an npz file of plain arrays") from error
    if missing := [name for name in names if name not in arrays]:
        raise EvaluationError(
            f"{path} lacks {', '.join(missing)}: give the trajectories.npz of a run as the tracks, and "
            "a file of xy, visible and size as the truth"
        )
    return arrays
