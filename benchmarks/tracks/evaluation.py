"""The evaluation of point trackers by TAP-Vid's measures, on its own videos and on generated scenes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sampt.synthetic.scene import SyntheticScene
from sampt.trackers.base import PointTracker

from ..metrics.tapvid import SIDE, THRESHOLDS, QueryMode, TapVidScores, choose_queries, tapvid_scores
from .data import AnnotatedVideo, ResizedFrames

MEASURES = ("AJ", "delta_avg", "OA")
"""The names of average Jaccard, ⟨δ^x_avg⟩ and occlusion accuracy."""

_ALONE: dict[str, Any] = {"occlusion": False, "leaving": False}
CONDITIONS: dict[str, dict[str, Any]] = {
    "slow": {"speed": 0.5, **_ALONE},
    "fast": {"speed": 3.0, **_ALONE},
    "occlusion": {},
    "rotation": {"rotation": 4.0, **_ALONE},
    "low-texture": {"texture": 0.1, **_ALONE},
}
"""The kinds of generated scenes, by what is hard about them: options of ``SyntheticScene``."""

SEEDS = (0, 1, 2)
"""The seeds of the scenes of every condition."""

FRAMES = 48
POINTS_PER_OBJECT = 16


@dataclass(frozen=True)
class VideoScores:
    """The scores of one tracker on one video with ``queries`` queries."""

    tracker: str
    group: str
    video: str
    queries: int
    scores: TapVidScores

    def as_dict(self) -> dict[str, Any]:
        """All figures by name: ``MEASURES``, and each threshold's as "jaccard_4" and "within_4"."""
        scores = self.scores
        averages = (scores.average_jaccard, scores.delta_average, scores.occlusion_accuracy)
        return {
            "tracker": self.tracker,
            "group": self.group,
            "video": self.video,
            "queries": self.queries,
            **dict(zip(MEASURES, averages, strict=True)),
            **{f"jaccard_{t}": float(v) for t, v in zip(THRESHOLDS, scores.jaccard, strict=True)},
            **{f"within_{t}": float(v) for t, v in zip(THRESHOLDS, scores.within, strict=True)},
        }


@dataclass(frozen=True)
class TrackEvaluation:
    """The scores of every tracker on every video.

    In means every video counts the same, as in TAP-Vid; a video with nothing to measure is left out.
    """

    videos: tuple[VideoScores, ...]

    @property
    def table(self) -> pd.DataFrame:
        """The scores with one row per tracker and video, and columns as in ``VideoScores.as_dict``."""
        return pd.DataFrame([scores.as_dict() for scores in self.videos])

    @property
    def means(self) -> pd.DataFrame:
        """The ``MEASURES``, in 0..1, by (tracker, group), and by (tracker, "all") if groups differ."""
        by_group = self.table.groupby(["tracker", "group"], sort=False)[list(MEASURES)].mean()
        if by_group.index.get_level_values("group").nunique() == 1:
            return by_group
        every = self.table.assign(group="all").groupby(["tracker", "group"], sort=False)
        return pd.concat([by_group, every[list(MEASURES)].mean()])

    def as_dict(self) -> dict[str, Any]:
        """All scores as plain values for JSON; None for what could not be measured."""
        means = self.means.reset_index().to_dict("records")
        rows = (means, [scores.as_dict() for scores in self.videos])
        return dict(zip(("means", "videos"), ([_known(r) for r in part] for part in rows), strict=True))


def evaluate_tracks(
    trackers: Mapping[str, PointTracker],
    videos: Iterable[AnnotatedVideo],
    queries: QueryMode = "first",
    resolution: int | None = SIDE,
    progress: Callable[[int], None] | None = None,
) -> TrackEvaluation:
    """Track the true points of videos with each tracker, and score the results.

    Args:
        trackers: the trackers by the names that they get in the tables.
        videos: the videos, which are read only once, one after the other.
        queries: "first" or "strided" (``choose_queries``).
        resolution: side, px, of the square that frames are squeezed to before tracking, 256 by TAP-Vid's
            convention; None to track at the original size. Distances are always those at 256×256.
        progress: called with how many pairs of tracker and video are done.

    Returns:
        The scores.

    Raises:
        EvaluationError: the videos cannot be read.
    """
    rows: list[VideoScores] = []
    for video in videos:
        for name, tracker in trackers.items():
            rows.append(score_video(name, tracker, video, queries, resolution))
            if progress:
                progress(len(rows))
    return TrackEvaluation(tuple(rows))


def score_video(
    name: str, tracker: PointTracker, video: AnnotatedVideo, mode: QueryMode, resolution: int | None
) -> VideoScores:
    """The scores of one tracker on one video; the arguments are as in ``evaluate_tracks``."""
    chosen = choose_queries(video.visible, mode)
    truth, visible = video.xy[:, chosen.tracks], video.visible[:, chosen.tracks]
    if resolution is None:
        frames, size = video.frames, video.size
    else:
        frames, size = ResizedFrames(video.frames, resolution), (resolution, resolution)
    given = rescaled(truth[chosen.frames, np.arange(len(chosen.frames))], video.size, size)
    tracks = tracker.track(frames, np.column_stack([chosen.frames, given]).astype(np.float32))
    square = (SIDE, SIDE)
    scores = tapvid_scores(
        rescaled(truth, video.size, square),
        visible,
        rescaled(tracks.xy, size, square),
        tracks.visible,
        chosen.frames,
        mode,
    )
    return VideoScores(name, video.group, video.name, len(chosen.frames), scores)


def rescaled(xy: NDArray[np.float32], size: tuple[int, int], wanted: tuple[int, int]) -> NDArray[np.float32]:
    """Convert points (..., 2) from a frame of ``size``, (height, width), to one of size ``wanted``."""
    scale = np.array(wanted[::-1], np.float64) / np.array(size[::-1], np.float64)
    return np.asarray((xy + 0.5) * scale - 0.5, np.float32)


def synthetic_videos(conditions: Sequence[str] = tuple(CONDITIONS)) -> list[AnnotatedVideo]:
    """The generated scenes of some ``CONDITIONS``: three objects, 16 points on each, 48 frames of 426×240."""
    return [
        AnnotatedVideo.from_scene(
            SyntheticScene(FRAMES, seed=seed, **CONDITIONS[condition]),
            condition,
            POINTS_PER_OBJECT,
            np.random.default_rng(seed),
        )
        for condition in conditions
        for seed in SEEDS
    ]


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}
