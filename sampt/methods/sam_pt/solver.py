"""How the masks of an interactive session are made, and which of them an edit takes back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from sampt.methods.base import FrameResult
from sampt.methods.mask_store import KeptMask, MaskStore, PackedMask
from sampt.prompts.edits import Document, Point, touched
from sampt.segmenters.encoder import FrameEncoder
from sampt.trackers.base import Visibility
from sampt.trackers.clip import Clip, FrameSource

from .lane import Lane, Prompt, Said
from .pipeline import SamPt
from .point_tracks import PointTracks, Tracker
from .prompting import NOTHING, TOGETHER, FramePoints, ObjectMask, segment_frame
from .reinitialisation import OnLoss

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class SeenPoint:
    """A person's point in some frame: where it is there, (2,) float32 pixels, and whether it is seen."""

    point: Point
    xy: NDArray[np.float32]
    visibility: Visibility


class Solver:
    """Tracks and finished masks of one video, for the document that is at hand.

    A final mask depends on the document alone, not on how it came about.
    """

    def __init__(self, model: SamPt, video: FrameSource, encoder: FrameEncoder, document: Document) -> None:
        self.document, self.masks = document, MaskStore()
        self._model, self._video, self._encoder = model, video, encoder
        self._prompting = replace(
            model.prompting, iou_threshold=None, negatives_alone=False, max_other_points=None
        )
        self._chained = (
            model.segmenter.learns or model.sampling.from_clicks or isinstance(model.reinit, OnLoss)
        )
        self._tracker = Tracker(model.tracker, model.patch_filter, Clip(video))
        self._tracks = PointTracks(self._tracker, model.joint_objects)
        self._lanes: dict[tuple[int, bool], Lane] = {}

    def switch(self, document: Document) -> None:
        """Go over to another document, and forget what it touches."""
        before, self.document = self.document, document
        for known in before.objects:
            home, earlier = document.home(known.id), before.home(known.id)
            if home is None:
                self._forget_object(known.id)
            elif not document.backward and earlier is not None and home > earlier:
                self.masks.forget_shared()  # it is gone from frames in which others had to give way to it
        shared = self._prompting.other_objects_as_negatives
        for id, frames in touched(before, document, shared, self._chained).items():
            if frames.any():
                self.masks.forget(id, frames)
                self._forget_lanes(id, frames)

    def _forget_lanes(self, object_id: int, frames: NDArray[np.bool_]) -> None:
        home = self.document.home(object_id)
        for backward in (False, True):
            lane = self._lanes.get((object_id, backward))
            if lane is None:
                continue
            if lane.home != home:
                del self._lanes[object_id, backward]
                continue
            steps = np.flatnonzero(frames[home::-1] if backward else frames[home:])
            if len(steps):
                lane.forget(int(steps[0]))

    def _forget_object(self, object_id: int) -> None:
        """What others had to leave to it is theirs again, so they are made anew where they had to share."""
        if self.masks.forget(object_id):
            self.masks.forget_shared()
        for backward in (False, True):
            self._lanes.pop((object_id, backward), None)

    def missing(self, frame: int) -> list[int]:
        """The objects that are looked for in a frame, but not finished there."""
        backward = self.document.backward
        homes = [(known.id, self.document.home(known.id)) for known in self.document.objects]
        present = [id for id, home in homes if home is not None and (backward or frame >= home)]
        return [id for id in present if (id, frame) not in self.masks]

    def visits(self, frames: Collection[int] | None) -> list[tuple[int, list[int]]]:
        """What is missing: frames, each with the objects that are made there, in the order to make them."""
        visits: dict[tuple[int, bool], list[int]] = {}
        for known in self.document.objects:
            home = self.document.home(known.id)
            if home is None:
                continue
            for backward in (False, True) if self.document.backward else (False,):
                lane = range(home - 1, -1, -1) if backward else range(home, len(self._video))
                missing = [f for f in lane if (known.id, f) not in self.masks]
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
        """Get ready to track whatever is not tracked yet."""
        self._tracks.rest_all_but(self.document.points)
        self._tracks.begin(self.document.points)

    def track(self, frame: int, ids: Iterable[int]) -> Iterator[None]:
        """Track all that matters to the objects in a frame up to there, a step before each yield."""
        for id in ids:
            lane = self._lane(id, frame)
            for needed in (lane.home, frame):
                for point in self._sources(id, needed):
                    while not self._tracks.knows(point, needed):
                        self._tracks.advance(point, needed)
                        yield
            self._begin(lane, id, frame)
            while not lane.knows(frame):
                lane.advance(frame)
                yield

    def _begin(self, lane: Lane, object_id: int, frame: int) -> None:
        """Let a lane learn and sample in its home frame, if another is asked for first."""
        home = lane.home
        if not lane.begun and frame != home and self._all_known(object_id, home):
            lane.prompt(home, self._said(object_id, home), final=True)

    def solve(
        self, frame: int, ids: Sequence[int], *, final: bool, following: Sequence[int] = ()
    ) -> dict[int, KeptMask]:
        """Make the masks of some objects in a frame; if they are final, they and what they share are kept."""
        prompts = {id: self._prompt(id, frame, final) for id in ids}
        seen, logits = self._decode(frame, prompts, following)
        own = {id: logits[id] > 0 if id in logits else np.zeros(self.document.size, bool) for id in ids}
        kept = {id: mask for id, mask in self.masks.at(frame).items() if id not in ids}
        made = {
            id: KeptMask(PackedMask.of(mask), PackedMask.of(mask), seen[id].score) for id, mask in own.items()
        }
        for id, shown in self._shares(frame, own, logits, kept).items():
            made[id] = replace(made.get(id) or kept[id], shown=PackedMask.of(shown))
        if final:
            for id, mask in made.items():
                self.masks.put(id, frame, mask)
            for id in ids:
                self._lane(id, frame).refill(frame, prompts[id], own[id], seen[id])
        return made

    def _decode(
        self, frame: int, prompts: Mapping[int, Prompt], following: Sequence[int] = ()
    ) -> tuple[dict[int, ObjectMask], dict[int, Logits]]:
        """Masks and scores, and logits (H, W) of those that are there, of prompted objects."""
        points = {id: p.points for id, p in prompts.items()}
        masks = dict.fromkeys(points, NOTHING)
        asked = {id: p for id, p in points.items() if len(p.visible_positives)}
        if not asked:
            return masks, {}
        embedding, segmenter = self._encoder(frame, following), self._encoder.segmenter
        contexts = {id: p.context for id, p in prompts.items() if p.context is not None}
        others = {id: p.others for id, p in prompts.items()}
        rng = np.random.default_rng(self._model.seed)  # draws nothing: ``_others`` has done so

        def work() -> dict[int, ObjectMask]:
            return segment_frame(segmenter, embedding, asked, contexts, self._prompting, rng, others)

        masks |= self._encoder.sparing(work, work)
        logits: dict[int, Logits] = {}
        low_res = [(id, mask.low_res) for id, mask in masks.items() if mask.low_res is not None]
        for i in range(0, len(low_res), TOGETHER):
            part_ids, part = zip(*low_res[i : i + TOGETHER], strict=True)
            full = segmenter.upscale(torch.stack(part), self.document.size).cpu().numpy()
            logits.update(zip(part_ids, full, strict=True))
        return masks, logits

    def _shares(
        self,
        frame: int,
        own: Mapping[int, NDArray[np.bool_]],
        logits: dict[int, Logits],
        kept: Mapping[int, KeptMask],
    ) -> dict[int, NDArray[np.bool_]]:
        """Masks (H, W) after each pixel that several objects claim was given to that with the highest logit.

        Only of objects whose share may have changed. Of those that were finished before, the ones that have
        to share are decoded again.
        """
        if self._model.overlapping or len(own) + len(kept) < 2:
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
        best = np.stack([full[id] for id in order]).argmax(0)
        shares = {id: claims[id] & (best == row) for row, id in enumerate(order)}
        return {**{id: claims[id] for id in before}, **shares}

    def _prompt(self, object_id: int, frame: int, final: bool) -> Prompt:
        lane = self._lane(object_id, frame)
        self._begin(lane, object_id, frame)
        return lane.prompt(frame, self._said(object_id, frame), final)

    def _said(self, object_id: int, frame: int) -> Said:
        points = [p for p in self.document.of(object_id) if self.knows(p, frame)]
        return Said(
            self._frame_points(points, frame),
            np.array([p.frame == frame for p in points], bool),
            self._others(object_id, frame),
            key=frame in self.document.keys(object_id),
            anew=self.document.loses_positive(object_id, frame),
        )

    def _user(self, object_id: int, frame: int) -> FramePoints:
        known = [p for p in self.document.of(object_id) if self.knows(p, frame)]
        return self._frame_points(known, frame)

    def _others(self, object_id: int, frame: int) -> NDArray[np.float32]:
        """(M, 2): the visible positives that were given for other objects, if they are negatives here.

        Not those that were sampled: what a person says about one object would change all others otherwise.
        """
        sources = [p for p in self._sources(object_id, frame) if p.object_id != object_id]
        xy = self._frame_points([p for p in sources if self.knows(p, frame)], frame).visible_positives
        most = self._model.prompting.max_other_points
        if most is None or len(xy) <= most:
            return xy
        rng = np.random.default_rng([self._model.seed, object_id, frame])
        return xy[np.sort(rng.choice(len(xy), most, replace=False))]

    def _sources(self, object_id: int, frame: int) -> list[Point]:
        """The points that matter to an object in a frame: its own, and positives that are its negatives."""
        shared = self._prompting.other_objects_as_negatives
        return [
            p
            for p in self.document.points
            if (p.object_id == object_id or (shared and p.positive)) and frame in self.document.reach(p)
        ]

    def knows(self, point: Point, frame: int) -> bool:
        return frame in self.document.reach(point) and self._tracks.knows(point, frame)

    def _all_known(self, object_id: int, frame: int) -> bool:
        return all(self._tracks.knows(p, frame) for p in self._sources(object_id, frame))

    def _ready(self, object_id: int, frame: int) -> bool:
        """Whether all that a final mask depends on is known."""
        if not self._all_known(object_id, frame):
            return False
        home = self.document.home(object_id)
        assert home is not None
        between = range(home, frame) if frame >= home else range(home, frame, -1)
        return not self._chained or (
            all((object_id, f) in self.masks for f in between) and self._lane(object_id, frame).knows(frame)
        )

    def _lane(self, object_id: int, frame: int) -> Lane:
        home = self.document.home(object_id)
        assert home is not None
        key = object_id, frame < home
        if key not in self._lanes:
            self._lanes[key] = Lane(
                self._model, self._encoder, self._video, self._tracker, object_id, home, frame < home
            )
        return self._lanes[key]

    def seen(self, point: Point, frame: int) -> SeenPoint:
        xy, visibility = self._tracks.at(point, frame)
        return SeenPoint(point, xy.copy(), Visibility(int(visibility)))

    def _frame_points(self, points: Sequence[Point], frame: int) -> FramePoints:
        seen = [self.seen(p, frame) for p in points]
        return FramePoints(
            np.array([s.xy for s in seen], np.float32).reshape(-1, 2),
            np.array([p.positive for p in points], bool),
            np.array([s.visibility for s in seen], np.int8),
        )

    def result(self, frame: int) -> FrameResult:
        """What is finished in a frame, or can be; and the rest as far as it is known."""
        missing = self.missing(frame)
        ready = [id for id in missing if self._ready(id, frame)]
        if ready:
            self.solve(frame, ready, final=True)
        kept = self.masks.at(frame)
        if rest := [id for id in missing if id not in ready]:
            kept |= self.solve(frame, rest, final=False)
        ids = tuple(known.id for known in self.document.objects)
        masks = np.zeros((len(ids), *self.document.size), bool)
        points = [(k, self._user(id, frame)) for k, id in enumerate(ids)]
        for k, id in enumerate(ids):
            if id in kept:
                masks[k] = kept[id].shown.unpacked()
                points.append((k, self._lane(id, frame).helpers(frame)))
        points.sort(key=lambda owned: owned[0])
        scores = [kept[id].score if id in kept else np.nan for id in ids]
        return FrameResult(
            index=frame,
            object_ids=ids,
            masks=masks,
            logits=np.where(masks, np.float32(1), np.float32(-1)),
            scores=np.array(scores, np.float32),
            points=np.concatenate([np.zeros((0, 2), np.float32), *(p.xy for _, p in points)]),
            visibility=np.concatenate([np.zeros(0, np.int8), *(p.visibility for _, p in points)]),
            positive=np.concatenate([np.zeros(0, bool), *(p.positive for _, p in points)]),
            owners=np.repeat(np.array([k for k, _ in points], int), [len(p.xy) for _, p in points]),
        )
