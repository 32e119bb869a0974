"""Solver of SAM-PT's interactive sessions: makes masks, and discards those that an edit affects."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sampt.config.schema import OnLoss
from sampt.methods.frame_points import FramePoints
from sampt.methods.mask_store import KeptMask, MaskStore, PackedMask
from sampt.methods.results import FrameResult, exclusive
from sampt.methods.runs import InteractiveSolver, SeenPoint
from sampt.prompts.edits import Document, Point, touched
from sampt.segmenters.encoder import FrameEncoder
from sampt.trackers.base import Visibility
from sampt.trackers.clip import Clip, FrameSource
from sampt.video.frames import file_name

from .parts import Parts
from .point_tracks import PointTracks, TrackStarter
from .prompting import ObjectState, States, full_size_logits, segment_frame
from .timeline import ObjectTimeline, Prompt, UserPoints

Logits = NDArray[np.float32]


class PointSolver(InteractiveSolver):
    """Solver that keeps tracks and finished masks of one video, for the current document.

    SAM-PT's settings that drop masks are not used, since a person is looking. With ``sampling.from_clicks``,
    points are sampled in every frame in which an object was edited, and again if ``reinit`` is ``OnLoss``;
    other strategies are not used, since a person decides where to start over. ``prompting.joint_objects`` is
    not used: an object that is added or removed would regroup all others.
    """

    def __init__(
        self,
        parts: Parts,
        video: FrameSource,
        encoder: FrameEncoder,
        document: Document,
        overlapping: bool,
        seed: int,
    ) -> None:
        self.document, self.masks = document, MaskStore()
        self._parts, self._video, self._encoder = parts, video, encoder
        self._overlapping, self._seed = overlapping, seed
        self._prompting = replace(
            parts.prompting, iou_threshold=None, negatives_alone=False, max_other_points=None
        )
        self._chained = (
            parts.segmenter.learns or parts.sampling.from_clicks or isinstance(parts.reinit, OnLoss)
        )
        self._starter = TrackStarter(parts.tracker, parts.patch_filter, Clip(video))
        self._tracks = PointTracks(parts, self._starter)
        self._timelines: dict[tuple[int, bool], ObjectTimeline] = {}

    def switch(self, document: Document) -> None:
        before, self.document = self.document, document
        for known in before.objects:
            home, earlier = document.home(known.id), before.home(known.id)
            if home is None:
                self._forget_object(known.id)
            elif not document.backward and earlier is not None and home > earlier:
                self.masks.forget_shared()  # it is gone from frames in which others had lost pixels to it
        shared = self._prompting.other_objects_as_negatives
        for id, frames in touched(before, document, shared, self._chained).items():
            if frames.any():
                self.masks.forget(id, frames)
                self._forget_steps(id, frames)

    def _forget_steps(self, object_id: int, frames: NDArray[np.bool_]) -> None:
        home = self.document.home(object_id)
        for backward in (False, True):
            timeline = self._timelines.get((object_id, backward))
            if timeline is None:
                continue
            if timeline.home != home:
                del self._timelines[object_id, backward]
                continue
            steps = np.flatnonzero(frames[home::-1] if backward else frames[home:])
            if len(steps):
                timeline.forget(int(steps[0]))

    def _forget_object(self, object_id: int) -> None:
        """Drop an object's masks, and those of others that had lost pixels to it."""
        if self.masks.forget(object_id):
            self.masks.forget_shared()
        for backward in (False, True):
            self._timelines.pop((object_id, backward), None)

    def missing(self, frame: int) -> list[int]:
        backward = self.document.backward
        homes = [(known.id, self.document.home(known.id)) for known in self.document.objects]
        present = [id for id, home in homes if home is not None and (backward or frame >= home)]
        return [id for id in present if (id, frame) not in self.masks]

    def visits(self, frames: Collection[int] | None) -> list[tuple[int, list[int]]]:
        visits: dict[tuple[int, bool], list[int]] = {}
        for known in self.document.objects:
            home = self.document.home(known.id)
            if home is None:
                continue
            for backward in (False, True) if self.document.backward else (False,):
                way = range(home - 1, -1, -1) if backward else range(home, len(self._video))
                missing = [f for f in way if (known.id, f) not in self.masks]
                if frames is not None:
                    wanted = [i for i, f in enumerate(missing) if f in frames]
                    missing = (
                        missing[: wanted[-1] + 1 if wanted else 0]
                        if self._chained
                        else [missing[i] for i in wanted]
                    )
                for frame in missing:
                    visits.setdefault((frame, backward), []).append(known.id)
        order = sorted(visits, key=lambda visit: (visit[1], -visit[0] if visit[1] else visit[0]))
        return [(frame, visits[frame, backward]) for frame, backward in order]

    def begin(self) -> None:
        self._tracks.rest_all_but(self.document.points)
        self._tracks.begin(self.document.points)

    def prepare(self, frame: int, ids: Sequence[int]) -> Iterator[None]:
        """Track everything that the objects in a frame depend on, with a yield after each step."""
        for id in ids:
            timeline = self._timeline(id, frame)
            for needed in (timeline.home, frame):
                for point in self._sources(id, needed):
                    while not self._tracks.knows(point, needed):
                        self._tracks.advance(point, needed)
                        yield
            self._begin(timeline, id, frame)
            while not timeline.knows(frame):
                timeline.advance(frame)
                yield

    def _begin(self, timeline: ObjectTimeline, object_id: int, frame: int) -> None:
        """Let a timeline learn and sample in its home frame, if another frame is requested first."""
        home = timeline.home
        if not timeline.begun and frame != home and self._all_known(object_id, home):
            timeline.prompt(home, self._user_points(object_id, home), final=True)

    def finish(self, frame: int, ids: Sequence[int], following: Sequence[int] = ()) -> None:
        self._solve(frame, ids, final=True, following=following)

    def _solve(
        self, frame: int, ids: Sequence[int], *, final: bool, following: Sequence[int] = ()
    ) -> dict[int, KeptMask]:
        """Masks of some objects in a frame; final ones are kept, with those that share pixels with them."""
        prompts = {id: self._prompt(id, frame, final) for id in ids}
        states, logits = self._decode(frame, prompts, following)
        own = {id: logits[id] > 0 if id in logits else np.zeros(self.document.size, bool) for id in ids}
        kept = {id: mask for id, mask in self.masks.at(frame).items() if id not in ids}
        made = {
            id: KeptMask(PackedMask.of(mask), PackedMask.of(mask), states[id].score)
            for id, mask in own.items()
        }
        for id, shown in self._shares(frame, own, logits, kept).items():
            made[id] = replace(made.get(id) or kept[id], shown=PackedMask.of(shown))
        if final:
            for id, mask in made.items():
                self.masks.put(id, frame, mask)
            for id in ids:
                self._timeline(id, frame).refill(frame, prompts[id], own[id], states[id])
        return made

    def _decode(
        self, frame: int, prompts: Mapping[int, Prompt], following: Sequence[int] = ()
    ) -> tuple[States, dict[int, Logits]]:
        """States of prompted objects, and logits (H, W) of those that have a mask."""
        states = {id: ObjectState(p.points) for id, p in prompts.items()}
        asked = {id: s.points for id, s in states.items() if len(s.points.visible_positives)}
        if not asked:
            return states, {}
        embedding, segmenter = self._encoder(frame, following), self._parts.segmenter
        contexts = {id: p.context for id, p in prompts.items() if p.context is not None}
        others = {id: p.others for id, p in prompts.items()}
        rng = np.random.default_rng(self._seed)  # draws nothing: ``_others`` has done so

        def work() -> States:
            return segment_frame(segmenter, embedding, asked, contexts, self._prompting, rng, others)

        states |= self._encoder.sparing(work, work)
        return states, full_size_logits(segmenter, states, self.document.size)

    def _shares(
        self,
        frame: int,
        own: Mapping[int, NDArray[np.bool_]],
        logits: dict[int, Logits],
        kept: Mapping[int, KeptMask],
    ) -> dict[int, NDArray[np.bool_]]:
        """Masks (H, W) without overlaps: each pixel goes to the claiming object with the highest logit.

        They are only of objects whose share may have changed. Objects that were finished before are decoded
        again if they overlap.
        """
        if self._overlapping or len(own) + len(kept) < 2:
            return {}
        claims = {**own, **{id: mask.own.unpacked() for id, mask in kept.items()}}
        contested = np.sum([mask.view(np.uint8) for mask in claims.values()], 0) > 1
        before = [id for id, mask in kept.items() if mask.own != mask.shown]
        if not contested.any():
            return {id: claims[id] for id in before}
        sharing = [id for id in claims if (claims[id] & contested).any()]
        again = {id: self._prompt(id, frame, True) for id in sharing if id not in own}
        full = {**logits, **self._decode(frame, again)[1]}
        order = [known.id for known in self.document.objects if known.id in sharing]
        shares = exclusive(np.stack([claims[id] for id in order]), np.stack([full[id] for id in order]))
        return {**{id: claims[id] for id in before}, **dict(zip(order, shares, strict=True))}

    def _prompt(self, object_id: int, frame: int, final: bool) -> Prompt:
        timeline = self._timeline(object_id, frame)
        self._begin(timeline, object_id, frame)
        return timeline.prompt(frame, self._user_points(object_id, frame), final)

    def _user_points(self, object_id: int, frame: int) -> UserPoints:
        points = self._known(object_id, frame)
        return UserPoints(
            self._frame_points(points, frame),
            np.array([p.frame == frame for p in points], bool),
            self._others(object_id, frame),
            edited=frame in self.document.keys(object_id),
            start_afresh=self.document.loses_positive(object_id, frame),
        )

    def _known(self, object_id: int, frame: int) -> list[Point]:
        return [p for p in self.document.of(object_id) if self._knows(p, frame)]

    def _others(self, object_id: int, frame: int) -> NDArray[np.float32]:
        """Visible positives, (M, 2), that were given for other objects, if they are negatives here.

        Sampled points are left out: otherwise, an edit of one object would change all others.
        """
        sources = [p for p in self._sources(object_id, frame) if p.object_id != object_id]
        xy = self._frame_points([p for p in sources if self._knows(p, frame)], frame).visible_positives
        most = self._parts.prompting.max_other_points
        if most is None or len(xy) <= most:
            return xy
        rng = np.random.default_rng([self._seed, object_id, frame])
        return xy[np.sort(rng.choice(len(xy), most, replace=False))]

    def _sources(self, object_id: int, frame: int) -> list[Point]:
        """Points that an object in a frame depends on: its own, and others' positives as its negatives."""
        shared = self._prompting.other_objects_as_negatives
        return [
            p
            for p in self.document.points
            if (p.object_id == object_id or (shared and p.positive)) and frame in self.document.reach(p)
        ]

    def _knows(self, point: Point, frame: int) -> bool:
        return frame in self.document.reach(point) and self._tracks.knows(point, frame)

    def _all_known(self, object_id: int, frame: int) -> bool:
        return all(self._tracks.knows(p, frame) for p in self._sources(object_id, frame))

    def _ready(self, object_id: int, frame: int) -> bool:
        """Whether everything that a final mask depends on is known."""
        if not self._all_known(object_id, frame):
            return False
        home = self.document.home(object_id)
        assert home is not None
        between = range(home, frame) if frame >= home else range(home, frame, -1)
        finished = all((object_id, f) in self.masks for f in between)
        return not self._chained or (finished and self._timeline(object_id, frame).knows(frame))

    def _timeline(self, object_id: int, frame: int) -> ObjectTimeline:
        home = self.document.home(object_id)
        assert home is not None
        key = object_id, frame < home
        if key not in self._timelines:
            self._timelines[key] = ObjectTimeline(
                self._parts,
                self._seed,
                self._encoder,
                self._video,
                self._starter,
                object_id,
                home,
                frame < home,
            )
        return self._timelines[key]

    def points_at(self, frame: int) -> list[SeenPoint]:
        return [self._seen(p, frame) for p in self.document.points if self._knows(p, frame)]

    def _seen(self, point: Point, frame: int) -> SeenPoint:
        xy, visibility = self._tracks.at(point, frame)
        return SeenPoint(point, xy.copy(), Visibility(int(visibility)))

    def _frame_points(self, points: Sequence[Point], frame: int) -> FramePoints:
        seen = [self._seen(p, frame) for p in points]
        return FramePoints(
            np.array([s.xy for s in seen], np.float32).reshape(-1, 2),
            np.array([p.positive for p in points], bool),
            np.array([s.visibility for s in seen], np.int8),
        )

    def result(self, frame: int) -> FrameResult:
        missing = self.missing(frame)
        ready = [id for id in missing if self._ready(id, frame)]
        if ready:
            self._solve(frame, ready, final=True)
        kept = self.masks.at(frame)
        if rest := [id for id in missing if id not in ready]:
            kept |= self._solve(frame, rest, final=False)
        ids = [known.id for known in self.document.objects]
        masks = np.zeros((len(ids), *self.document.size), bool)
        points = {id: self._frame_points(self._known(id, frame), frame) for id in ids}
        for row, id in enumerate(ids):
            if id in kept:
                masks[row] = kept[id].shown.unpacked()
                helpers = self._timeline(id, frame).helpers(frame)
                points[id] = FramePoints.joined(points[id], helpers)
        return FrameResult.assembled(
            index=frame,
            masks=masks,
            logits=np.where(masks, np.float32(1), np.float32(-1)),
            scores={id: mask.score for id, mask in kept.items()},
            points=points,
            object_ids=ids,
            name=Path(file_name(self._video, frame)).stem,
        )
