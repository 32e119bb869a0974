"""TAP-Vid's measures for point tracks, and the queries that they start from.

Doersch et al., "TAP-Vid: A Benchmark for Tracking Any Point in a Video", NeurIPS 2022, section 3.3. Distances
are pixels of a frame scaled to 256×256, whatever its own size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

THRESHOLDS = (1, 2, 4, 8, 16)
"""The distances, in pixels of 256×256, below which a point is right; a distance equal to one is not below."""

SIDE = 256
"""The width and height that all coordinates are scaled to."""

STRIDE = 5
"""The number of frames from one query of a strided evaluation to the next."""

QueryMode = Literal["first", "strided"]
"""How queries are chosen on a track: its first visible frame, or every fifth frame where it is visible."""


class Queries(NamedTuple):
    """Q queries: the frame and the track of each, (Q,) int64."""

    frames: NDArray[np.int64]
    tracks: NDArray[np.int64]


@dataclass(frozen=True)
class TapVidScores:
    """The measures of one video over all its queries, in 0..1; NaN if there was nothing to measure.

    Attributes:
        jaccard: (5,) float64, the Jaccard index at each threshold.
        within: (5,) float64, the share of truly visible points within each threshold, whatever visibility
            was predicted for them.
        occlusion_accuracy: share of points whose visibility was predicted correctly.
    """

    jaccard: NDArray[np.float64]
    within: NDArray[np.float64]
    occlusion_accuracy: float

    @property
    def average_jaccard(self) -> float:
        """AJ, the mean of ``jaccard`` over the thresholds."""
        return float(self.jaccard.mean())

    @property
    def delta_average(self) -> float:
        """⟨δ^x_avg⟩, the mean of ``within`` over the thresholds."""
        return float(self.within.mean())


def choose_queries(visible: NDArray[np.bool_], mode: QueryMode) -> Queries:
    """The benchmark's queries for tracks with the true visibility ``visible``, (T, N).

    Args:
        visible: (T, N) bool.
        mode: "first" for one query per track, in the first frame in which it is visible, if any; "strided"
            for one in each of the frames 0, 5, 10, … in which it is visible.

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
    """The scores of Q predicted tracks compared with the true ones.

    A point is a true positive at a threshold if it is visible, predicted visible, and closer than the
    threshold. Every other point predicted visible is a false positive, and every other visible point a false
    negative, so a point predicted visible in the wrong place counts as both. The Jaccard index is the share
    of true positives among all three.

    Args:
        truth: (T, Q, 2), x and y in pixels of 256×256; may be NaN where the point is not visible.
        truth_visible: (T, Q) bool.
        predicted: (T, Q, 2), x and y in pixels of 256×256.
        predicted_visible: (T, Q) bool.
        query_frames: (Q,), the frame that each prediction started from, which is never scored itself.
        mode: "first" to score the frames after it, "strided" to score those before it, too.

    Raises:
        ValueError: the shapes do not match, or there is no such mode.
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
    """The number of true values in (5, T, Q) at each threshold: (5,)."""
    return np.asarray(np.count_nonzero(events, axis=(1, 2)), np.int64)


def _ratio(part: ArrayLike, whole: ArrayLike) -> NDArray[np.float64]:
    """The ratio ``part / whole``, NaN where the whole is 0."""
    total = np.asarray(whole, np.float64)
    return np.asarray(np.asarray(part) / np.where(total == 0, np.nan, total), np.float64)


def _check_mode(mode: str) -> None:
    if mode not in ("first", "strided"):
        raise ValueError(f"queries must be 'first' or 'strided', not {mode!r}")
