"""Main loop of SAM-PT: tracking, prompting and reinitialisation of one video.

Positions count the frames of the clip; frame numbers are those of the video.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sampt._internal.stopwatch import Stopwatch
from sampt.config.schema import OnLoss
from sampt.methods.frame_points import FramePoints
from sampt.segmenters.base import Context
from sampt.segmenters.encoder import FrameEncoder
from sampt.trackers.base import Step, Visibility
from sampt.trackers.clip import Clip
from sampt.trackers.filters import filtered_steps

from .parts import Parts
from .prompting import ObjectState, States, full_size_logits, positives_of_others, segment_frame
from .reinitialisation import ReinitStrategy, renewed
from .state_store import StateStore


@dataclass(frozen=True)
class Target:
    """Object to segment: its points at its query position, and the positions in which to segment it.

    Attributes:
        start: query position.
        first: first position in which to segment it.
        last: last position in which to segment it.
        points: its points at the query position.
    """

    points: FramePoints
    start: int
    first: int
    last: int


@dataclass
class Loop:
    """Pass over one clip.

    Attributes:
        parts: parts of the method.
        clip: the frames.
        size: the frames' (height, width).
        targets: the objects, by their index.
        encoder: encoder of the clip's source.
        contexts: contexts that the segmenter learned at the query frames, by object index.
        rng: the only source of randomness.
        backward: whether objects are also segmented before their query frames.
        stopwatch: seconds per stage.
    """

    parts: Parts
    clip: Clip
    size: tuple[int, int]
    targets: dict[int, Target]
    encoder: FrameEncoder
    contexts: dict[int, Context]
    rng: np.random.Generator
    backward: bool
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def _last(self) -> int:
        """Last position in which any object is segmented."""
        return max(t.last for t in self.targets.values())

    def states(self) -> Generator[States, None, None]:
        """States of the objects in each frame of the clip, in the clip's order."""
        steps = self._tracked_once() if self.parts.reinit is None else self._both_ways()
        for position, states in enumerate(steps):
            yield {k: self._dated(k, states[k]) for k in sorted(states) if self._wanted(k, position)}

    def _dated(self, k: int, state: ObjectState) -> ObjectState:
        """The state with its points placed at the query frame, unless they were sampled later."""
        return state if state.placed is not None else _placed(state, self.clip.indices[self.targets[k].start])

    def _wanted(self, k: int, position: int) -> bool:
        target = self.targets[k]
        return target.first <= position <= target.last and (self.backward or position >= target.start)

    def _tracked_once(self) -> Iterator[States]:
        """Without reinitialisation: track all points through the clip, and segment each frame by itself."""
        targets, later = self.targets, self.parts.prompting.later_objects_as_negatives
        backward = self.backward or (later and not self.clip.endless)
        begin = min(min(t.start, t.first) if backward else t.start for t in targets.values())
        end = max(max(t.start, t.last) for t in targets.values()) + 1
        given = {k: t.points for k, t in targets.items()}
        starts = {k: t.start - begin for k, t in targets.items()}
        tracks = self._track(self.clip[begin:end], given, starts, backward)
        for position in self.clip.positions():
            points = next(tracks) if begin <= position < end else {}
            wanted = {k: p for k, p in points.items() if self._wanted(k, position)}
            yield self._segment(position, wanted, points if later else wanted)

    def _both_ways(self) -> Iterator[States]:
        """With reinitialisation: first backward, kept on disk, then forward, joined at the query frames."""
        with tempfile.TemporaryDirectory(prefix="sampt-") as folder:
            earlier = StateStore(Path(folder))
            if self.backward and any(t.start > t.first for t in self.targets.values()):
                length = len(self.clip)
                for position, states in enumerate(self._flipped()._onward()):
                    kept = {k: s for k, s in states.items() if length - 1 - position < self.targets[k].start}
                    earlier.put(length - 1 - position, kept)
            for position, states in enumerate(self._onward()):
                later = {k: s for k, s in states.items() if position >= self.targets[k].start}
                yield {**earlier.take(position), **later}

    def _flipped(self) -> Loop:
        """The same loop backward in time, for objects that are segmented before their query frames."""
        end = len(self.clip) - 1
        targets = {
            k: replace(t, start=end - t.start, first=end - t.last, last=end - t.first)
            for k, t in self.targets.items()
            if t.start > t.first
        }
        return replace(self, clip=self.clip.reversed(), targets=targets)

    def _onward(self) -> Iterator[States]:
        strategy = self.parts.reinit
        assert strategy is not None
        return self._until_lost(strategy) if isinstance(strategy, OnLoss) else self._in_stretches(strategy)

    def _in_stretches(self, strategy: ReinitStrategy) -> Iterator[States]:
        """Strategies A to D: segment a stretch, choose the next start, sample there, overwrite from there.

        Objects that start together are tracked together; only they are negatives of each other.
        """
        starts = {k: t.start for k, t in self.targets.items()}
        points = {k: t.points for k, t in self.targets.items()}
        lost: dict[int, int] = {}
        pending: dict[int, States] = defaultdict(dict)

        def finished(done: int, until: int) -> Iterator[States]:
            for position in takewhile(self.clip.has, range(done, until)):
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
            end = self.clip.until(start + strategy.horizon)
            tracks = self._track(
                self.clip[start : start + strategy.tracker_horizon],
                {k: points[k] for k in group},
                dict.fromkeys(group, 0),
                backward=False,
            )
            frame = self.clip.indices[start]
            for position in range(start, end):
                states = self._segment(position, next(tracks))
                pending[position].update({k: _placed(s, frame) for k, s in states.items()})
            others = [s - start for s in starts.values() if s > start]
            for k in group:
                del starts[k]
            if not self.clip.has(end):
                continue
            with self.stopwatch("reinit"):
                areas = np.array([[self._area(pending[p][k]) for p in range(start, end)] for k in group])
            for k, offset in zip(group, strategy.restarts(areas, min(others, default=None)), strict=True):
                if offset is None:
                    lost[k] = end
                elif start + offset < self.targets[k].last:
                    starts[k] = start + offset
                    points[k] = self._sample(starts[k], self._mask(pending[starts[k]][k]))
        yield from finished(done, len(self.clip.indices))

    def _until_lost(self, strategy: OnLoss) -> Iterator[States]:
        """Strategy E: frame by frame; an object that loses points gets new ones at once."""
        starts = {k: t.start for k, t in self.targets.items()}
        given = {k: t.points for k, t in self.targets.items()}
        tracks: dict[int, Iterator[dict[int, FramePoints]]] = {}
        placed: dict[int, NDArray[np.int64]] = {}
        for position in self.clip.positions():
            beginning = [k for k, start in starts.items() if start == position]
            tracks.update((k, self._track_from(position, k, given[k])) for k in beginning)
            frame = self.clip.indices[position]
            placed.update((k, np.full(len(given[k].xy), frame, np.int64)) for k in beginning)
            points = {k: next(track)[k] for k, track in tracks.items() if position <= self.targets[k].last}
            states = self._segment(position, points)
            states = {k: replace(state, placed=placed[k]) for k, state in states.items()}
            yield states
            for k, state in states.items():
                if state.low_res is None:
                    continue
                points_now = renewed(
                    strategy,
                    state.points,
                    position - starts[k],
                    partial(self._mask, state),
                    partial(self._sample, position),
                )
                if points_now is not None:
                    kept = placed[k][state.points.visible & state.points.positive]
                    placed[k] = np.full(len(points_now.xy), frame, np.int64)
                    placed[k][: len(kept)] = kept
                    starts[k] = position
                    tracks[k] = self._track_from(position, k, points_now)
                    next(tracks[k])

    def _track_from(self, position: int, k: int, points: FramePoints) -> Iterator[dict[int, FramePoints]]:
        return self._track(
            self.clip[position : self.targets[k].last + 1], {k: points}, {k: 0}, backward=False
        )

    def _track(
        self, clip: Clip, points: dict[int, FramePoints], starts: dict[int, int], backward: bool
    ) -> Iterator[dict[int, FramePoints]]:
        """Track the points of ``joint_objects`` objects together, and yield them per object."""
        groups = self.parts.tracked_together(list(points))
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
        steps: Iterator[Step] = filtered_steps(
            self.parts.tracker, clip, queries, self.parts.patch_filter, backward
        )
        for xy, visibility in self.stopwatch.iterate("track", steps):
            yield {
                k: FramePoints(one_xy, points[k].positive, one_visibility)
                for k, one_xy, one_visibility in zip(
                    points, np.split(xy, ends), np.split(visibility, ends), strict=True
                )
            }

    def _segment(
        self,
        position: int,
        points: dict[int, FramePoints],
        known: Mapping[int, FramePoints] | None = None,
    ) -> States:
        """States of objects in a frame; positives of ``known`` objects, by default these, are negatives."""
        known = points if known is None else known
        alone = self.parts.prompting.negatives_alone
        prompting = known if alone and points else points
        if not any((p.visible if alone else p.visible & p.positive).any() for p in prompting.values()):
            return {k: ObjectState(p) for k, p in points.items()}
        with self.stopwatch("encode"):
            following = self.clip.indices[position + 1 : self._last + 1]
            embedding = self.encoder(self.clip.indices[position], following)
        with self.stopwatch("prompt"):
            work = partial(
                segment_frame,
                self.parts.segmenter,
                embedding,
                points,
                self.contexts,
                self.parts.prompting,
                self.rng,
                {k: positives_of_others(k, known) for k in points},
            )
            return self.encoder.sparing(work, work)

    def _area(self, state: ObjectState) -> int:
        if state.low_res is None:
            return 0
        return int((self.parts.segmenter.upscale(state.low_res[None], self.size) > 0).sum())

    def _mask(self, state: ObjectState) -> NDArray[np.bool_]:
        """An object's mask at the frame's size, (H, W) bool."""
        logits = full_size_logits(self.parts.segmenter, {0: state}, self.size)
        return logits[0] > 0 if logits else np.zeros(self.size, bool)

    def _sample(self, position: int, mask: NDArray[np.bool_]) -> FramePoints:
        with self.stopwatch("reinit"):
            return self.parts.sampling.points(self.clip[position], mask, self.rng)


def side_by_side(loops: Sequence[Loop]) -> Generator[States, None, None]:
    """States in each frame of the objects of all loops, which pass over the same clip."""
    streams = [loop.states() for loop in loops]
    try:
        for together in zip(*streams, strict=True):
            yield {k: state for states in together for k, state in states.items()}
    finally:
        for stream in streams:
            stream.close()


def _placed(state: ObjectState, frame: int) -> ObjectState:
    """The state with all its points placed in a frame."""
    return replace(state, placed=np.full(len(state.points.xy), frame, np.int64))


def _lost(points: FramePoints) -> ObjectState:
    failed = np.full(len(points.xy), Visibility.REINIT_FAILED, np.int8)
    return ObjectState(replace(points, visibility=failed), lost=True)
