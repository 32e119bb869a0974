"""Filters for tracked points: those at the border, and those that no longer look as they did."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import (
    OnlineTracker,
    PointTracker,
    Step,
    Trajectories,
    Visibility,
    both_directions,
    check_queries,
    whole_clip,
)
from .clip import Clip, Source

BORDER = 0.01
"""Share of the frame's width and height at each edge where a point counts as outside."""


def filtered_steps(
    tracker: PointTracker,
    frames: Clip | Source,
    queries: ArrayLike,
    patch_filter: PatchFilter | None = None,
    backward: bool = True,
) -> Iterator[Step]:
    """Track query points and filter what the tracker finds.

    Points within 1 % of the frame's border become OUTSIDE_FRAME, even at their query frames. An online
    tracker works as the steps are consumed; any other tracks everything at the first step.

    Args:
        tracker: tracks the points.
        frames: the frames to track through.
        queries: (N, 3) of (t, x, y).
        patch_filter: filters each direction in time separately; None to keep all points inside the frame.
        backward: track the frames before the queries, too. Otherwise a point is INVISIBLE there, at its
            query's position.

    Yields:
        One filtered step per frame.

    Raises:
        ValueError: ``queries`` has the wrong shape, contains NaNs, or names frames that the clip does not
            have; or the tracker is not online and the frames arrive one at a time.
    """
    online = isinstance(tracker, OnlineTracker)
    clip = Clip.of(frames) if online else whole_clip(frames, tracker.name)
    checked = check_queries(queries, clip)
    return _filtered_steps(tracker, clip, checked, patch_filter, backward)


def _filtered_steps(
    tracker: PointTracker,
    clip: Clip,
    queries: NDArray[np.float32],
    patch_filter: PatchFilter | None,
    backward: bool,
) -> Iterator[Step]:
    if isinstance(tracker, OnlineTracker):
        track_onward = tracker.stream
    else:
        track_onward = partial(_replay, tracker.track(clip, queries), clip)

    def run(part: Clip, starting: NDArray[np.float32]) -> Iterator[Step]:
        steps = track_onward(part, starting)
        return steps if patch_filter is None else patch_filter.apply(steps, part, starting)

    # Before tracking, which may read ahead, because an endless clip keeps only the latest frames.
    size = clip[0].shape[:2] if clip.has(0) else (0, 0)
    for xy, visibility in both_directions(run, clip, queries) if backward else run(clip, queries):
        yield xy, mark_outside(xy, visibility, size)


def _replay(tracks: Trajectories, clip: Clip, part: Clip, queries: NDArray[np.float32]) -> Iterator[Step]:
    """The steps of finished tracks of ``clip`` through ``part`` of it, in the order of ``part``."""
    for t, number in enumerate(part.indices):
        row = clip.indices.index(number)
        early = t < queries[:, 0]
        xy = np.where(early[:, None], queries[:, 1:], tracks.xy[row])
        yield xy, np.where(early, np.int8(Visibility.INVISIBLE), tracks.visibility[row])


def mark_outside(
    xy: NDArray[np.float32], visibility: NDArray[np.int8], size: tuple[int, int]
) -> NDArray[np.int8]:
    """Replace the visibility of points at the frame's border by OUTSIDE_FRAME.

    The border is the frame's outermost 1 % on each side.

    Args:
        xy: (..., N, 2) px.
        visibility: (..., N).
        size: (height, width) of the frame, px.

    Returns:
        The new visibility, (..., N) int8.
    """
    relative = xy / np.array(size[::-1], np.float32)
    outside = ((relative < BORDER) | (relative > 1 - BORDER)).any(-1)
    return np.where(outside, np.int8(Visibility.OUTSIDE_FRAME), visibility)


class PatchFilter:
    """A filter that rejects points that no longer look as they did (SAM-PT, WACV 2025, supplement).

    The similarity of the CIELAB patches around a point now and at its query is exp(-‖Δ‖₂ / (2·size²)). A
    visible point with a similarity of at most ``threshold`` becomes PATCH_NOT_SIMILAR, and REJECTED in all
    later frames of that direction.

    Args:
        size: side of the patches, px, odd.
        threshold: similarity, from 0 to 1.

    Raises:
        ValueError: ``size`` is not an odd number, or ``threshold`` is not from 0 to 1.
    """

    def __init__(self, size: int = 3, threshold: float = 0.01) -> None:
        if size < 1 or size % 2 == 0:
            raise ValueError(f"the patch size must be an odd number of pixels, not {size}")
        if not 0 <= threshold <= 1:
            raise ValueError(f"the patch similarity threshold must be from 0 to 1, not {threshold}")
        self.size = size
        self.threshold = threshold

    def apply(self, steps: Iterator[Step], clip: Clip, queries: NDArray[np.float32]) -> Iterator[Step]:
        """Filter the steps of one direction through ``clip``; ``queries`` are the ones they started from."""
        starts = queries[:, 0].astype(int)
        reference = np.zeros((len(queries), self.size, self.size, 3), np.float32)
        rejected = np.zeros(len(queries), bool)
        for t, (xy, visibility) in enumerate(steps):
            visibility = np.where(rejected, np.int8(Visibility.REJECTED), visibility)
            starting = np.flatnonzero(starts == t)
            if len(starting):
                reference[starting] = lab_patches(clip[t], queries[starting, 1:], self.size)
            seen = np.flatnonzero((visibility == Visibility.VISIBLE) & (starts < t))
            if len(seen):
                patches = lab_patches(clip[t], xy[seen], self.size)
                unlike = seen[self.similarity(reference[seen], patches) <= self.threshold]
                visibility[unlike] = Visibility.PATCH_NOT_SIMILAR
                rejected[unlike] = True
            yield xy, visibility

    def similarity(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
        """The similarity of patches (N, size, size, 3): (N,) float32 from 0 to 1."""
        distance = np.linalg.norm((a - b).reshape(len(a), self.size**2 * 3), axis=1)
        return np.asarray(np.exp(-distance / (2 * self.size**2)), np.float32)


def lab_patches(frame: NDArray[np.uint8], xy: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """The CIELAB patches around points ``xy``, (N, 2), interpolated bilinearly: (N, size, size, 3) float32.

    Pixels outside the frame, (H, W, 3) uint8, are zero. Only the pixels that are needed are converted.
    """
    height, width = frame.shape[:2]
    corner = np.floor(xy)
    fx, fy = np.moveaxis((xy - corner)[:, None, None, None, :], -1, 0)
    reach = np.arange(size + 1) - size // 2
    x = corner[:, None, None, 0].astype(int) + reach
    y = corner[:, None, None, 1].astype(int) + reach[:, None]
    pixels = swapped_lab(frame[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)])
    pixels[(x < 0) | (x >= width) | (y < 0) | (y >= height)] = 0
    rows = pixels[:, :-1] * (1 - fy) + pixels[:, 1:] * fy
    return np.asarray(rows[:, :, :-1] * (1 - fx) + rows[:, :, 1:] * fx, np.float32)


def swapped_lab(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The sRGB pixels (..., 3), with red and blue swapped, in CIELAB (D65): float32, L from 0 to 100.

    The reference implementation swaps them, and the paper's thresholds were found that way.
    """
    if pixels.size == 0:
        return np.zeros(pixels.shape, np.float32)
    row = pixels[..., ::-1].reshape(-1, 1, 3).astype(np.float32) / 255
    return np.asarray(cv2.cvtColor(row, cv2.COLOR_RGB2LAB), np.float32).reshape(pixels.shape)
