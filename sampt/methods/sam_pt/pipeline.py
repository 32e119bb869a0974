"""SAM-PT: select, track, segment, reinitialise (Rajič et al., "Segment Anything Meets Point Tracking")."""

from __future__ import annotations

import logging
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sampt._internal.stopwatch import Stopwatch
from sampt.config import Config, load_config
from sampt.config.schema import CacheBudget, Prompting, WorkingSize
from sampt.errors import PromptError
from sampt.methods.base import VideoMethod
from sampt.methods.frame_points import FramePoints
from sampt.methods.mask_store import PackedMask
from sampt.methods.resizing import GIVEN_LOGIT
from sampt.methods.results import FrameResult, exclusive
from sampt.methods.runs import Segmentation
from sampt.prompts.edits import Document
from sampt.prompts.object_query import ObjectQuery
from sampt.prompts.query_points import QueryPoints
from sampt.segmenters.base import Context, PromptableSegmenter
from sampt.segmenters.encoder import FrameEncoder
from sampt.trackers.base import PointTracker, Visibility
from sampt.trackers.clip import Clip, FrameSource
from sampt.trackers.filters import PatchFilter, mark_outside
from sampt.video.frames import file_name
from sampt.video.reader import Video

from .loop import Loop, Target, side_by_side
from .parts import Parts, Sampling
from .prompting import States, first_mask, full_size_logits, learn
from .reinitialisation import Reinit
from .solver import PointSolver
from .timeline import fewer

logger = logging.getLogger(__name__)


class SamPt(VideoMethod):
    """The method SAM-PT, for any number of videos.

    Args:
        tracker: tracks the points.
        segmenter: segments frames by prompts.
        sampling: samples points from masks.
        prompting: settings for making prompts of points; None for the defaults.
        reinit: strategy that decides when points are sampled again; None for never.
        patch_filter: filter that rejects points whose patch has changed; None for no filter.
        overlapping: keep overlapping masks; otherwise each pixel goes to the object with the highest logit.
        cache: memory budget for embeddings of frames.
        frames_per_batch: number of frames encoded together; None means 4 on a GPU and 1 elsewhere.
        joint_objects: number of objects whose points are tracked together; None for all.
        seed: seed of all randomness, restarted for each video.
        working_size: size that frames are brought to; None for their own.
    """

    name: ClassVar[str] = "sam-pt"

    def __init__(
        self,
        tracker: PointTracker,
        segmenter: PromptableSegmenter,
        sampling: Sampling,
        prompting: Prompting | None = None,
        reinit: Reinit | None = None,
        patch_filter: PatchFilter | None = None,
        overlapping: bool = False,
        cache: CacheBudget | None = None,
        frames_per_batch: int | None = None,
        joint_objects: int | None = None,
        seed: int = 0,
        working_size: WorkingSize | None = None,
    ) -> None:
        self.parts = Parts(
            tracker, segmenter, sampling, prompting or Prompting(), reinit, patch_filter, joint_objects
        )
        self.segmenter, self.overlapping = segmenter, overlapping
        self.cache, self.seed = cache or CacheBudget(), seed
        self.working_size = working_size or WorkingSize()
        self.frames_per_batch = frames_per_batch or (4 if segmenter.device.type == "cuda" else 1)

    @classmethod
    def from_config(
        cls,
        config: str | Path | Config,
        overrides: Sequence[str] = (),
        segmenter: PromptableSegmenter | None = None,
        tracker: PointTracker | None = None,
    ) -> SamPt:
        """Build SAM-PT from a configuration.

        Args:
            config: a YAML file, the name of one that comes with the package, or a ``Config``.
            overrides: ``key=value`` each, as ``-o`` takes them.
            segmenter: used instead of the one that the configuration names.
            tracker: used instead of the one that the configuration names.

        Raises:
            ConfigError: an unknown or mistyped key, tracker, segmenter, sampler or strategy.
            CheckpointError: a checkpoint is missing, corrupt or another model's.
        """
        config = load_config(config, overrides)
        return cls(
            **vars(Parts.of(config, segmenter, tracker)),
            overlapping=config.overlapping,
            cache=config.cache,
            frames_per_batch=config.frames_per_batch,
            seed=config.seed,
            working_size=config.working_size,
        )

    def __repr__(self) -> str:
        return f"<SamPt: {self.parts.tracker.name} + {self.segmenter.name} on {self.segmenter.device}>"

    def describe(self) -> dict[str, str]:
        sampling = self.parts.sampling
        return {
            "method": self.name,
            "tracker": self.parts.tracker.name,
            "segmenter": self.segmenter.name,
            "device": str(self.segmenter.device),
            "points": f"{sampling.positives} + {sampling.negatives} per object",
        }

    def segment(
        self,
        clip: Clip,
        queries: QueryPoints,
        backward: bool,
        encoder: FrameEncoder | None,
        given_masks: bool,
        opened: Video | None = None,
    ) -> SamPtSegmentation:
        return SamPtSegmentation(self, clip, queries, backward, encoder, given_masks, opened)

    def first_points(self, video: FrameSource, queries: QueryPoints, encoder: FrameEncoder) -> QueryPoints:
        """As for any method, but only a few points if sessions add others, which a person can overrule."""
        found = super().first_points(video, queries, encoder)
        if not self.parts.sampling.from_clicks:
            return found
        rng = np.random.default_rng(self.seed)
        return replace(found, objects=tuple(_fewer_points(query, rng) for query in found.objects))

    def make_solver(self, video: FrameSource, encoder: FrameEncoder, document: Document) -> PointSolver:
        return PointSolver(self.parts, video, encoder, document, self.overlapping, self.seed)


class SamPtSegmentation(Segmentation):
    """Run of SAM-PT on one video."""

    method: SamPt
    first_masks: dict[int, PackedMask]

    def __init__(
        self,
        model: SamPt,
        clip: Clip,
        queries: QueryPoints,
        backward: bool,
        encoder: FrameEncoder | None,
        given_masks: bool,
        opened: Video | None,
    ) -> None:
        self.method, self.clip = model, clip
        self.stopwatch = Stopwatch()
        self.lost = {}
        self._check(clip, queries)
        self.size = clip[0].shape[:2]
        self.encoder = encoder or model.encoder(clip.source)
        self._to_close = [thing for thing in (None if encoder else self.encoder, opened) if thing]
        self._groups = model.parts.prompted_together(range(len(queries.objects)))
        rngs = [np.random.default_rng(model.seed) for _ in self._groups]
        self._given = {q.id: q.mask for q in queries.objects if given_masks and q.mask is not None}
        self.asked = queries
        self.first_masks = {}
        with self.stopwatch("select"):
            points: dict[int, FramePoints] = {}
            for group, rng in zip(self._groups, rngs, strict=True):
                objects = [queries.objects[k] for k in group]
                points |= {q.id: self._points(model.parts, q, objects, rng) for q in objects}
            self.queries = _with_points(queries, points)
            self._targets = {k: self._target(q, points[q.id]) for k, q in enumerate(queries.objects)}
            self._warn_of_borders()
            contexts = self._contexts(model.segmenter)
        self._states = side_by_side(
            [
                Loop(
                    parts=model.parts,
                    clip=clip,
                    size=self.size,
                    targets={k: self._targets[k] for k in group},
                    encoder=self.encoder,
                    contexts={k: contexts[k] for k in group if k in contexts},
                    rng=rng,
                    backward=backward and not clip.endless,
                    stopwatch=self.stopwatch,
                )
                for group, rng in zip(self._groups, rngs, strict=True)
            ]
        )
        self.done = 0

    def __repr__(self) -> str:
        ids = [query.id for query in self.queries.objects]
        return f"<SamPtSegmentation: objects {ids}, {self.done} frames done>"

    def __next__(self) -> FrameResult:
        states = next(self._states)
        self.done += 1
        with self.stopwatch("upscale"):
            return self._result(self.done - 1, states)

    def close(self) -> None:
        self._states.close()
        for thing in self._to_close:
            thing.close()

    def _check(self, clip: Clip, queries: QueryPoints) -> None:
        if not clip.endless:
            return
        tracker = self.method.parts.tracker
        if not tracker.online:
            raise PromptError(
                f"{tracker.name} needs the whole clip, but an iterator of frames has no known end; "
                "choose a tracker that works frame by frame, such as dis"
            )
        for query in queries.objects:
            if query.frame != clip.indices[0]:
                raise PromptError(
                    f"{queries.source}: object {query.id} is given at frame {query.frame}, but with an "
                    f"iterator of frames it must be given at the first, {clip.indices[0]}"
                )

    def _points(
        self, parts: Parts, query: ObjectQuery, objects: Sequence[ObjectQuery], rng: np.random.Generator
    ) -> FramePoints:
        """The given points, and those sampled from the object's mask or from the mask found in its box.

        ``objects`` are those that are prompted together.
        """
        clicked = FramePoints.at_query(query.positives, query.negatives)
        few = parts.sampling.from_clicks and len(query.positives) < parts.sampling.positives
        mask = query.mask
        if mask is None and (query.box is not None or few):
            mask = self._first_mask(query, clicked, objects)
            if mask is not None:
                self.first_masks[query.id] = PackedMask.of(mask)
        if mask is None:
            return clicked
        sampled = parts.sampling.points(self.clip.source[query.frame], mask, rng)
        return FramePoints.at_query(
            np.concatenate([clicked.visible_positives, sampled.visible_positives]),
            np.concatenate([clicked.visible_negatives, sampled.visible_negatives]),
        )

    def _first_mask(
        self, query: ObjectQuery, clicked: FramePoints, objects: Sequence[ObjectQuery]
    ) -> NDArray[np.bool_] | None:
        """Mask that the segmenter finds in an object's box or at its points; None if none at its points."""
        others = [o.positives for o in objects if o.frame == query.frame and o.id != query.id]
        foreign = np.concatenate([np.zeros((0, 2), np.float32), *others])
        mask = first_mask(self.method.segmenter, self.encoder(query.frame), clicked, foreign, query.box)
        if mask.any():
            return mask
        if query.box is None:
            return None
        raise PromptError(f"object {query.id}: no mask was found in its box; add a point on the object")

    def _target(self, query: ObjectQuery, points: FramePoints) -> Target:
        indices = self.clip.indices
        first, last = query.span or (indices[0], indices[-1])
        return Target(
            points, indices.index(query.frame), bisect_left(indices, first), bisect_right(indices, last) - 1
        )

    def _warn_of_borders(self) -> None:
        """Warn of objects whose points are all at the border, where they count as outside the frame."""
        for query, target in zip(self.queries.objects, self._targets.values(), strict=True):
            states = mark_outside(target.points.xy, target.points.visibility, self.size)
            if not (states[target.points.positive] == Visibility.VISIBLE).any():
                logger.warning(
                    "object %d: all its points are within 1 %% of the frame's border, where points count as "
                    "outside; add one farther inside",
                    query.id,
                )

    def _contexts(self, segmenter: PromptableSegmenter) -> dict[int, Context]:
        """Contexts that the segmenter learns at the query frames, for all of a group's objects of a frame."""
        if not segmenter.learns:
            return {}
        contexts: dict[int, Context] = {}
        for group in self._groups:
            for start in sorted({self._targets[k].start for k in group}):
                together = {k: self._targets[k].points for k in group if self._targets[k].start == start}
                contexts.update(learn(segmenter, self.encoder(self.clip.indices[start]), together))
        return contexts

    def _result(self, position: int, states: States) -> FrameResult:
        number, ids = self.clip.indices[position], [q.id for q in self.queries.objects]
        logits = np.full((len(ids), *self.size), -np.inf, np.float32)
        for k, full in full_size_logits(self.method.segmenter, states, self.size).items():
            logits[k] = full
        for k, query in enumerate(self.queries.objects):
            if k in states and query.id in self._given and number == query.frame:
                logits[k] = np.where(self._given[query.id], GIVEN_LOGIT, -GIVEN_LOGIT)
        masks = logits > 0
        for k, state in states.items():
            if state.lost and self.lost.get(ids[k], -1) < self.queries.objects[k].frame:
                self.lost[ids[k]] = number
        return FrameResult.assembled(
            index=number,
            masks=masks if self.method.overlapping else exclusive(masks, logits),
            logits=logits,
            scores={ids[k]: s.score for k, s in states.items()},
            points={ids[k]: s.points for k, s in states.items()},
            object_ids=ids,
            lost=[ids[k] for k, state in states.items() if state.lost],
            name=Path(file_name(self.clip.source, number)).stem,
            placed={ids[k]: s.placed for k, s in states.items() if s.placed is not None},
        )


def _fewer_points(query: ObjectQuery, rng: np.random.Generator) -> ObjectQuery:
    few = fewer(FramePoints.at_query(query.positives, query.negatives), rng)
    return replace(query, positives=few.visible_positives, negatives=few.visible_negatives)


def _with_points(queries: QueryPoints, points: dict[int, FramePoints]) -> QueryPoints:
    """The same objects, with the points in use instead of masks and boxes."""
    objects = (
        replace(
            query,
            positives=points[query.id].visible_positives,
            negatives=points[query.id].visible_negatives,
            box=None,
            mask=None,
        )
        for query in queries.objects
    )
    return replace(queries, objects=tuple(objects))
