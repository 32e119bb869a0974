"""One video, segmented: how tracking, prompting and reinitialisation take turns.

Positions count the frames of the clip that is worked on; frame numbers are the video's.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sampt._internal.stopwatch import Stopwatch
from sampt.errors import OutputError
from sampt.segmenters.base import Context
from sampt.segmenters.encoder import FrameEncoder
from sampt.trackers.base import PointTracker, Step, Visibility
from sampt.trackers.clip import Clip
from sampt.trackers.filters import PatchFilter, filtered_steps

from .prompting import NOTHING, FramePoints, ObjectMask, Prompting, segment_frame
from .reinitialisation import OnLoss, Reinit, ReinitStrategy

Resampler = Callable[[NDArray[np.uint8], NDArray[np.bool_]], FramePoints]
"""Samples new points from a frame and an object's mask in it."""


@dataclass(frozen=True)
class Target:
    """One object to be segmented: its points at its query position, and the positions it is wanted in.

    start: query position. first, last: wanted positions, inclusive.
    """

    points: FramePoints
    start: int
    first: int
    last: int


@dataclass(frozen=True)
class ObjectState:
    """One object in one frame. ``lost``: its reinitialisation has failed in an earlier frame."""

    points: FramePoints
    mask: ObjectMask = NOTHING
    lost: bool = False


States = dict[int, ObjectState]
"""The objects that are wanted in a frame, by their index."""


@dataclass
class Run:
    """The settings and helpers of one pass over one clip.

    size: the frames' (height, width).
    contexts: what the segmenter learned at the query frames, by object index.
    backward: whether objects are also segmented before their query frames.
    joint_objects: how many objects' points are tracked together; None for all.
    """

    clip: Clip
    size: tuple[int, int]
    targets: dict[int, Target]
    tracker: PointTracker
    encoder: FrameEncoder
    contexts: dict[int, Context]
    prompting: Prompting
    reinit: Reinit | None
    patch_filter: PatchFilter | None
    resample: Resampler
    rng: np.random.Generator
    backward: bool
    joint_objects: int | None = None
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def _last(self) -> int:
        """The last position in which anything is wanted."""
        return max(t.last for t in self.targets.values())

    def states(self) -> Generator[States, None, None]:
        """What is known about the objects in each frame of the clip, in the clip's order."""
        steps = self._tracked_once() if self.reinit is None else self._both_ways()
        for position, states in enumerate(steps):
            yield {k: states[k] for k in sorted(states) if self._wanted(k, position)}

    def _wanted(self, k: int, position: int) -> bool:
        target = self.targets[k]
        return target.first <= position <= target.last and (self.backward or position >= target.start)

    def _tracked_once(self) -> Iterator[States]:
        """Without reinitialisation: all points through the whole clip, then every frame by itself."""
        targets = self.targets
        begin = min(min(t.start, t.first) if self.backward else t.start for t in targets.values())
        end = max(max(t.start, t.last) for t in targets.values()) + 1
        given = {k: t.points for k, t in targets.items()}
        starts = {k: t.start - begin for k, t in targets.items()}
        tracks = self._track(self.clip[begin:end], given, starts, self.backward)
        for position in range(len(self.clip)):
            points = next(tracks) if begin <= position < end else {}
            yield self._segment(position, {k: p for k, p in points.items() if self._wanted(k, position)})

    def _both_ways(self) -> Iterator[States]:
        """With reinitialisation: first backward, kept on disk, then forward; joined at the query frames."""
        length = len(self.clip)
        with tempfile.TemporaryDirectory(prefix="sampt-") as folder:
            earlier = StateStore(Path(folder))
            if self.backward and any(t.start > t.first for t in self.targets.values()):
                for position, states in enumerate(self._flipped()._onward()):
                    kept = {k: s for k, s in states.items() if length - 1 - position < self.targets[k].start}
                    earlier.put(length - 1 - position, kept)
            for position, states in enumerate(self._onward()):
                later = {k: s for k, s in states.items() if position >= self.targets[k].start}
                yield {**earlier.take(position), **later}

    def _flipped(self) -> Run:
        """The same run backward in time, for the objects wanted before their query frames."""
        end = len(self.clip) - 1
        targets = {
            k: replace(t, start=end - t.start, first=end - t.last, last=end - t.first)
            for k, t in self.targets.items()
            if t.start > t.first
        }
        return replace(self, clip=self.clip.reversed(), targets=targets)

    def _onward(self) -> Iterator[States]:
        if isinstance(self.reinit, OnLoss):
            return self._until_lost(self.reinit)
        assert self.reinit is not None
        return self._in_stretches(self.reinit)

    def _in_stretches(self, strategy: ReinitStrategy) -> Iterator[States]:
        """Strategies A to D: segment a stretch, choose the next start, sample there, overwrite from it on.

        Objects that start together are tracked together; only they serve each other as negatives.
        """
        length = len(self.clip)
        starts = {k: t.start for k, t in self.targets.items()}
        points = {k: t.points for k, t in self.targets.items()}
        lost: dict[int, int] = {}
        pending: dict[int, States] = defaultdict(dict)

        def finished(done: int, until: int) -> Iterator[States]:
            for position in range(done, until):
                states = pending.pop(position, {})
                for k, since in lost.items():
                    if position >= since:
                        states[k] = _lost(points[k])
                yield states

        done = 0
        while starts:
            start = min(starts.values())
            yield from finished(done, start)
            done = start
            group = sorted(k for k, s in starts.items() if s == start)
            end = min(start + strategy.horizon, length)
            tracks = self._track(
                self.clip[start : start + strategy.tracker_horizon],
                {k: points[k] for k in group},
                dict.fromkeys(group, 0),
                backward=False,
            )
            for position in range(start, end):
                pending[position].update(self._segment(position, next(tracks)))
            others = [s - start for s in starts.values() if s > start]
            for k in group:
                del starts[k]
            if end == length:
                continue
            with self.stopwatch("reinit"):
                areas = np.array([[self._area(pending[p][k].mask) for p in range(start, end)] for k in group])
            for k, offset in zip(group, strategy.restarts(areas, min(others, default=None)), strict=True):
                if offset is None:
                    lost[k] = end
                elif start + offset < self.targets[k].last:
                    starts[k] = start + offset
                    points[k] = self._sample(starts[k], pending[starts[k]][k].mask)
        yield from finished(done, length)

    def _until_lost(self, strategy: OnLoss) -> Iterator[States]:
        """Strategy E: one frame after the other; an object that loses points gets others for them at once."""
        starts = {k: t.start for k, t in self.targets.items()}
        given = {k: t.points for k, t in self.targets.items()}
        tracks: dict[int, Iterator[dict[int, FramePoints]]] = {}
        for position in range(len(self.clip)):
            beginning = [k for k, start in starts.items() if start == position]
            tracks.update((k, self._track_from(position, k, given[k])) for k in beginning)
            points = {k: next(track)[k] for k, track in tracks.items() if position <= self.targets[k].last}
            states = self._segment(position, points)
            yield states
            for k, state in states.items():
                if strategy.due(state.points, position - starts[k]) and state.mask.low_res is not None:
                    if self._area(state.mask) <= strategy.smallest_area:
                        continue
                    starts[k] = position
                    fresh = self._sample(position, state.mask)
                    tracks[k] = self._track_from(position, k, filled_up(state.points, fresh))
                    next(tracks[k])

    def _track_from(self, position: int, k: int, points: FramePoints) -> Iterator[dict[int, FramePoints]]:
        return self._track(
            self.clip[position : self.targets[k].last + 1], {k: points}, {k: 0}, backward=False
        )

    def _track(
        self, clip: Clip, points: dict[int, FramePoints], starts: dict[int, int], backward: bool
    ) -> Iterator[dict[int, FramePoints]]:
        """Track the points of ``joint_objects`` objects together, and hand all back per object."""
        names = list(points)
        size = self.joint_objects or len(names)
        groups = [names[i : i + size] for i in range(0, len(names), size)]
        tracks = [
            self._track_jointly(clip, {k: points[k] for k in group}, starts, backward) for group in groups
        ]
        for parts in zip(*tracks, strict=True):
            yield {k: p for part in parts for k, p in part.items()}

    def _track_jointly(
        self, clip: Clip, points: dict[int, FramePoints], starts: dict[int, int], backward: bool
    ) -> Iterator[dict[int, FramePoints]]:
        queries = np.concatenate(
            [np.column_stack([np.full(len(p.xy), starts[k], np.float32), p.xy]) for k, p in points.items()]
        )
        ends = np.cumsum([len(p.xy) for p in points.values()])[:-1]
        steps: Iterator[Step] = filtered_steps(self.tracker, clip, queries, self.patch_filter, backward)
        for xy, visibility in self.stopwatch.iterate("track", steps):
            yield {
                k: FramePoints(one_xy, points[k].positive, one_visibility)
                for k, one_xy, one_visibility in zip(
                    points, np.split(xy, ends), np.split(visibility, ends), strict=True
                )
            }

    def _segment(self, position: int, points: dict[int, FramePoints]) -> States:
        alone = self.prompting.negatives_alone
        if not any((p.visible if alone else p.visible & p.positive).any() for p in points.values()):
            return {k: ObjectState(p) for k, p in points.items()}
        with self.stopwatch("encode"):
            following = self.clip.indices[position + 1 : self._last + 1]
            embedding = self.encoder(self.clip.indices[position], following)
        with self.stopwatch("prompt"):
            work = partial(
                segment_frame,
                self.encoder.segmenter,
                embedding,
                points,
                self.contexts,
                self.prompting,
                self.rng,
            )
            masks = self.encoder.sparing(work, work)
        return {k: ObjectState(points[k], mask) for k, mask in masks.items()}

    def _area(self, mask: ObjectMask) -> int:
        if mask.low_res is None:
            return 0
        return int((self.encoder.segmenter.upscale(mask.low_res[None], self.size) > 0).sum())

    def _sample(self, position: int, mask: ObjectMask) -> FramePoints:
        assert mask.low_res is not None
        with self.stopwatch("reinit"):
            logits = self.encoder.segmenter.upscale(mask.low_res[None], self.size)
            return self.resample(self.clip[position], (logits[0] > 0).cpu().numpy())


def filled_up(tracked: FramePoints, fresh: FramePoints) -> FramePoints:
    """The fresh points, but with the tracked positives that are visible in place of as many nearest to them.

    Were they all replaced, a part of the object that is missing in one mask could never come back. Negatives
    are worth most close around the object, where only fresh ones are.
    """
    kept, sampled = tracked.visible_positives, fresh.visible_positives
    lacking = max(len(sampled) - len(kept), 0)
    distance = np.linalg.norm(sampled[:, None] - kept, axis=2).min(1, initial=np.inf)
    farthest = np.sort(np.argsort(-distance, kind="stable")[:lacking])
    return FramePoints.at_query(np.concatenate([kept, sampled[farthest]]), fresh.visible_negatives)


def _lost(points: FramePoints) -> ObjectState:
    failed = np.full(len(points.xy), Visibility.REINIT_FAILED, np.int8)
    return ObjectState(replace(points, visibility=failed), lost=True)


class StateStore:
    """States of frames that come out in another order than they are needed, on disk instead of in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, position: int, states: States) -> None:
        if not states:
            return
        stored = {
            k: (
                torch.from_numpy(s.points.xy),
                torch.from_numpy(s.points.positive),
                torch.from_numpy(s.points.visibility),
                s.mask.low_res,
                s.mask.score,
                s.lost,
            )
            for k, s in states.items()
        }
        try:
            torch.save(stored, self.folder / f"{position}.pt")
        except (OSError, RuntimeError) as error:  # torch turns a full disk into a RuntimeError
            raise OutputError(
                f"cannot keep masks for the forward pass in {self.folder}; free space there, or set TMPDIR"
            ) from error

    def take(self, position: int) -> States:
        """The states put at this position, which are then forgotten; empty if there were none."""
        path = self.folder / f"{position}.pt"
        if not path.exists():
            return {}
        stored = torch.load(path, weights_only=True)
        path.unlink()
        return {
            k: ObjectState(
                FramePoints(xy.numpy(), positive.numpy(), visibility.numpy()),
                ObjectMask(low_res, score),
                lost,
            )
            for k, (xy, positive, visibility, low_res, score, lost) in stored.items()
        }
