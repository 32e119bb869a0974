"""The measures of TAP-Vid for point tracks, and the queries that they are taken from.

Doersch et al., "TAP-Vid: A Benchmark for Tracking Any Point in a Video", NeurIPS 2022, section 3.3. Distances
are pixels of a frame scaled to 256×256, whatever its own size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

THRESHOLDS = (1, 2, 4, 8, 16)
"""How near is near, in pixels of 256×256; a distance of exactly that many is not."""

SIDE = 256
"""Width and height that all coordinates are scaled to."""

STRIDE = 5
"""Frames from one query of a strided evaluation to the next."""

QueryMode = Literal["first", "strided"]
"""Which queries are made of a track: its first visible frame, or every fifth frame if visible there."""


class Queries(NamedTuple):
    """Q queries: the frame each is given in, and the track it belongs to, (Q,) int64 each."""

    frames: NDArray[np.int64]
    tracks: NDArray[np.int64]


@dataclass(frozen=True)
class TapVidScores:
    """The measures of one video, all its queries pooled, in 0..1; NaN where there was nothing to measure.

    jaccard, within: (5,) float64, one a threshold. ``within`` is the share of the truly visible points that
        are within the threshold, whatever visibility was predicted for them.
    occlusion_accuracy: share of points whose visibility was predicted right.
    """

    jaccard: NDArray[np.float64]
    within: NDArray[np.float64]
    occlusion_accuracy: float

    @property
    def average_jaccard(self) -> float:
        """AJ, the mean over the thresholds."""
        return float(self.jaccard.mean())

    @property
    def delta_average(self) -> float:
        """⟨δ^x_avg⟩, the mean of ``within`` over the thresholds."""
        return float(self.within.mean())


def choose_queries(visible: NDArray[np.bool_], mode: QueryMode) -> Queries:
    """The benchmark's queries for tracks with the true visibility ``visible``, (T, N).

    Args:
        visible: (T, N) bool.
        mode: "first" gives each track that is ever visible one query, in its first visible frame; "strided"
            one query in each of the frames 0, 5, 10, … in which it is visible.

    Raises:
        ValueError: there is no such mode.
    """
    _check_mode(mode)
    if mode == "first":
        tracks = np.flatnonzero(visible.any(0))
        return Queries(visible[:, tracks].argmax(0), tracks)
    rows, tracks = np.nonzero(visible[::STRIDE])
    return Queries(rows * STRIDE, tracks)


def tapvid_scores(
    truth: NDArray[np.floating],
    truth_visible: NDArray[np.bool_],
    predicted: NDArray[np.floating],
    predicted_visible: NDArray[np.bool_],
    query_frames: NDArray[np.integer],
    mode: QueryMode,
) -> TapVidScores:
    """Compare Q predicted tracks with the true ones.

    Args:
        truth, predicted: (T, Q, 2), x and y in pixels of 256×256. Truth may be NaN where it is not visible.
        truth_visible, predicted_visible: (T, Q) bool.
        query_frames: (Q,), the frame that each prediction started from; it is never scored itself.
        mode: "first" scores the frames after it, "strided" those before it, too.

    A point is a true positive at a threshold if it is visible, predicted visible, and nearer than the
    threshold. Every other point predicted visible is a false positive, and every other visible point a false
    negative; so one that is predicted visible in the wrong place counts as both. The Jaccard index is the
    share of true positives among all three.

    Raises:
        ValueError: shapes that do not fit each other, or no such mode.
    """
    _check_mode(mode)
    frames, count = truth_visible.shape
    if (
        truth.shape != (frames, count, 2)
        or predicted.shape != truth.shape
        or predicted_visible.shape != truth_visible.shape
        or query_frames.shape != (count,)
    ):
        raise ValueError(
            f"tracks of shape {truth.shape} with visibility {truth_visible.shape} cannot be compared with "
            f"{predicted.shape} with {predicted_visible.shape}, from {query_frames.shape} query frames"
        )
    row = np.arange(frames)[:, None]
    scored = row > query_frames if mode == "first" else row != query_frames
    distance = np.linalg.norm(predicted.astype(np.float64) - truth, axis=-1)
    near = distance < np.array(THRESHOLDS)[:, None, None]

    visible = truth_visible & scored
    claimed = predicted_visible & scored
    hits = near & visible
    true_positives = _count(hits & claimed)
    false_positives = np.count_nonzero(claimed) - true_positives
    right = np.count_nonzero((truth_visible == predicted_visible) & scored)
    return TapVidScores(
        jaccard=_ratio(true_positives, np.count_nonzero(visible) + false_positives),
        within=_ratio(_count(hits), np.count_nonzero(visible)),
        occlusion_accuracy=float(_ratio(right, np.count_nonzero(scored))),
    )


def _count(events: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many of (5, T, Q) are true at each threshold: (5,)."""
    return np.asarray(np.count_nonzero(events, axis=(1, 2)), np.int64)


def _ratio(part: ArrayLike, whole: ArrayLike) -> NDArray[np.float64]:
    """``part / whole``, NaN where the whole is 0."""
    total = np.asarray(whole, np.float64)
    return np.asarray(np.asarray(part) / np.where(total == 0, np.nan, total), np.float64)


def _check_mode(mode: str) -> None:
    if mode not in ("first", "strided"):
        raise ValueError(f"queries are 'first' or 'strided', not {mode!r}")
