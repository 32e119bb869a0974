"""SAM-PT: select, track, segment, reinitialise (Rajič et al., "Segment Anything Meets Point Tracking")."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from sampt._internal.stopwatch import Stopwatch
from sampt.errors import PromptError
from sampt.methods.base import FrameResult
from sampt.prompts.query_points import ObjectQuery, QueryPoints
from sampt.segmenters.base import Context, PromptableSegmenter, Prompts
from sampt.segmenters.embedding_cache import CacheBudget
from sampt.segmenters.encoder import FrameEncoder
from sampt.trackers.base import PointTracker, Visibility
from sampt.trackers.clip import Clip, FrameSource
from sampt.trackers.filters import PatchFilter, mark_outside

from .loop import Run, States, Target
from .prompting import TOGETHER, FramePoints, Prompting, learn
from .reinitialisation import Reinit
from .samplers import PointSampler, select_points

if TYPE_CHECKING:
    from sampt.config.loading import Config

logger = logging.getLogger(__name__)

GIVEN = 1e4
"""The logit of a mask that was given, at its own frame: it wins over any prediction."""


@dataclass(frozen=True)
class Sampling:
    """How points are drawn from a mask: the query mask, or a predicted one at reinitialisation.

    from_clicks: an object with fewer positive points than ``positives`` gets more, from the mask that the
        segmenter makes of them at the query frame.
    """

    positive: PointSampler
    negative: PointSampler
    positives: int = 16
    negatives: int = 1
    from_clicks: bool = False

    def points(
        self, frame: NDArray[np.uint8], mask: NDArray[np.bool_], rng: np.random.Generator
    ) -> FramePoints:
        """Sample from an object's mask, (H, W) bool, and from its complement."""
        return FramePoints.at_query(
            *select_points(frame, mask, self.positive, self.positives, self.negative, self.negatives, rng)
        )


class SamPt:
    """The method, ready to run on any number of videos.

    tracker, segmenter, sampling, reinit: the four exchangeable parts; ``reinit=None`` never reinitialises.
    overlapping: keep masks that overlap instead of giving each pixel to the object with the highest logit.
    cache: how much memory embeddings of frames may take.
    frames_per_batch: how many frames are encoded together; None means 4 on a GPU and 1 elsewhere.
    joint_objects: how many objects' points are tracked together, which matters to a tracker whose points see
        each other; None for all.
    seed: everything random is drawn anew from it for each video.
    """

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
    ) -> None:
        self.tracker, self.segmenter, self.sampling = tracker, segmenter, sampling
        self.prompting = prompting or Prompting()
        self.reinit, self.patch_filter, self.overlapping = reinit, patch_filter, overlapping
        self.cache, self.seed = cache or CacheBudget(), seed
        self.joint_objects = joint_objects
        self.frames_per_batch = frames_per_batch or (4 if segmenter.device.type == "cuda" else 1)

    @classmethod
    def from_config(cls, config: str | Path | Config, overrides: Sequence[str] = ()) -> SamPt:
        """Build from a YAML file, the name of one that comes with the package, or a ``Config``.

        Raises:
            ConfigError: an unknown or mistyped key, tracker, segmenter, sampler or strategy.
            CheckpointError: the segmenter's checkpoint is missing, corrupt or another model's.
        """
        from sampt.config.loading import build, load_config

        return build(load_config(config, overrides))

    def stream(
        self,
        video: Clip | FrameSource,
        queries: QueryPoints,
        *,
        backward: bool = True,
        encoder: FrameEncoder | None = None,
    ) -> Segmentation:
        """Segment a video frame by frame, in bounded memory.

        Args:
            video: a ``Video``, a ``Clip`` of one (some of its frames), or a (T, H, W, 3) uint8 array.
            queries: the objects. Where one has a mask or a box, points are first sampled from it.
            backward: also segment frames before an object's query frame; without (as in the VOS protocol),
                an object is absent there.
            encoder: of this model's segmenter and this video, to share what it has encoded with other runs;
                whoever made it closes it.

        Raises:
            PromptError: the queries do not fit the video.
        """
        return Segmentation(self, Clip.of(video), queries, backward, encoder)

    def encoder(self, video: FrameSource) -> FrameEncoder:
        """What encodes the frames of ``video`` for this model, with a cache of its own."""
        return FrameEncoder(self.segmenter, video, self.cache, self.frames_per_batch)


class Segmentation(Iterator[FrameResult]):
    """Results of one video, made as they are asked for, in the clip's order.

    queries: the objects with the points that were really used (sampled ones included).
    stopwatch, encoder: seconds per stage, and how often frames were encoded.
    lost: object id → number of the frame nearest to its query frame in which it is lost, because its
        reinitialisation has failed; the later one, if that happened both before and after the query frame.
    """

    def __init__(
        self,
        model: SamPt,
        clip: Clip,
        queries: QueryPoints,
        backward: bool,
        encoder: FrameEncoder | None = None,
    ) -> None:
        self.model, self.clip = model, clip
        self.stopwatch = Stopwatch()
        self.lost: dict[int, int] = {}
        self.size: tuple[int, int] = clip[0].shape[:2] if len(clip) else (0, 0)
        if clip.indices.step < 0:
            raise PromptError("the clip runs backward in time; give its frames in ascending order")
        queries.validate(clip.indices, self.size)
        self.encoder = encoder or model.encoder(clip.source)
        self._shared = encoder is not None
        self._rng = rng = np.random.default_rng(model.seed)
        self._given = {k: query.mask for k, query in enumerate(queries.objects) if query.mask is not None}
        with self.stopwatch("select"):
            points = [self._points(query, queries.objects) for query in queries.objects]
            self.queries = _with_points(queries, points)
            self._targets = {
                k: self._target(q, p) for k, (q, p) in enumerate(zip(queries.objects, points, strict=True))
            }
            self._warn_of_borders()
            contexts = self._contexts()
        self._run = Run(
            clip=clip,
            size=self.size,
            targets=self._targets,
            tracker=model.tracker,
            encoder=self.encoder,
            contexts=contexts,
            prompting=model.prompting,
            reinit=model.reinit,
            patch_filter=model.patch_filter,
            # Without self: a cycle would keep the run's temporary files after the last reference is gone.
            resample=lambda frame, mask: model.sampling.points(frame, mask, rng),
            rng=rng,
            backward=backward,
            joint_objects=model.joint_objects,
            stopwatch=self.stopwatch,
        )
        self._states = self._run.states()
        self._position = -1

    def __len__(self) -> int:
        return len(self.clip)

    def __next__(self) -> FrameResult:
        states = next(self._states)
        self._position += 1
        with self.stopwatch("upscale"):
            return self._result(self._position, states)

    def close(self) -> None:
        """Give up early: temporary files are removed at once (``contextlib.closing`` calls this)."""
        self._states.close()
        if not self._shared:
            self.encoder.close()

    def _points(self, query: ObjectQuery, objects: Sequence[ObjectQuery]) -> FramePoints:
        """Those given, and those sampled from the object's mask, or from what is seen in its box."""
        clicked = FramePoints.at_query(query.positives, query.negatives)
        few = self.model.sampling.from_clicks and len(query.positives) < self.model.sampling.positives
        mask = query.mask
        if mask is None and (query.box is not None or few):
            mask = self._first_mask(query, objects)
        if mask is None:
            return clicked
        sampled = self.model.sampling.points(self.clip.source[query.frame], mask, self._rng)
        return FramePoints.at_query(
            np.concatenate([clicked.visible_positives, sampled.visible_positives]),
            np.concatenate([clicked.visible_negatives, sampled.visible_negatives]),
        )

    def _first_mask(self, query: ObjectQuery, objects: Sequence[ObjectQuery]) -> NDArray[np.bool_] | None:
        """What the segmenter sees in an object's box and at its points; None if nothing at its points."""
        segmenter = self.model.segmenter
        others = [o.positives for o in objects if o.frame == query.frame and o.id != query.id]
        points = np.concatenate([query.positives, query.negatives, *others])
        labels = np.arange(len(points)) < len(query.positives)
        prompts = Prompts(
            torch.from_numpy(points)[None].to(segmenter.device),
            torch.from_numpy(labels.astype(np.int64))[None].to(segmenter.device),
            boxes=None if query.box is None else torch.from_numpy(query.box)[None].to(segmenter.device),
        )
        with torch.inference_mode():
            decoded = segmenter.decode(self.encoder(query.frame), prompts)
            mask = (segmenter.upscale(decoded.low_res, self.size)[0] > 0).cpu().numpy()
        if mask.any():
            return np.asarray(mask, bool)
        if query.box is None:
            return None
        raise PromptError(f"object {query.id}: nothing stands out in its box; add a point on the object")

    def _target(self, query: ObjectQuery, points: FramePoints) -> Target:
        first, last = query.span or (self.clip.indices[0], self.clip.indices[-1])
        wanted = [p for p, number in enumerate(self.clip.indices) if first <= number <= last]
        return Target(points, self.clip.indices.index(query.frame), wanted[0], wanted[-1])

    def _warn_of_borders(self) -> None:
        """Points at the very edge count as outside the frame: an object with no others has no mask there."""
        for query, target in zip(self.queries.objects, self._targets.values(), strict=True):
            states = mark_outside(target.points.xy, target.points.visibility, self.size[::-1])
            if not (states[target.points.positive] == Visibility.VISIBLE).any():
                logger.warning(
                    "object %d: all its points lie within 1 %% of the frame's border, where points count as "
                    "outside; add one farther in",
                    query.id,
                )

    def _contexts(self) -> dict[int, Context]:
        """Let the segmenter learn each object at its query frame, objects of one frame together."""
        if not self.model.segmenter.learns:
            return {}
        contexts: dict[int, Context] = {}
        for start in sorted({t.start for t in self._targets.values()}):
            together = {k: t.points for k, t in self._targets.items() if t.start == start}
            contexts.update(learn(self.model.segmenter, self.encoder(self.clip.indices[start]), together))
        return contexts

    def _result(self, position: int, states: States) -> FrameResult:
        number, ids = self.clip.indices[position], tuple(q.id for q in self.queries.objects)
        logits = np.full((len(ids), *self.size), -np.inf, np.float32)
        masked = [(k, s.mask.low_res) for k, s in states.items() if s.mask.low_res is not None]
        for i in range(0, len(masked), TOGETHER):
            objects, low_res = zip(*masked[i : i + TOGETHER], strict=True)
            full = self.model.segmenter.upscale(torch.stack(low_res), self.size)
            logits[list(objects)] = full.cpu().numpy()
        for k, mask in self._given.items():
            if k in states and number == self.queries.objects[k].frame:
                logits[k] = np.where(mask, GIVEN, -GIVEN)
        masks = logits > 0
        if not self.model.overlapping:
            masks &= logits.argmax(0) == np.arange(len(ids))[:, None, None]
        for k, state in states.items():
            if state.lost and self.lost.get(ids[k], -1) < self.queries.objects[k].frame:
                self.lost[ids[k]] = number
        points = {k: s.points for k, s in states.items()}
        return FrameResult(
            index=number,
            object_ids=ids,
            masks=masks,
            logits=logits,
            scores=np.array(
                [states[k].mask.score if k in states else np.nan for k in range(len(ids))], np.float32
            ),
            points=np.concatenate([np.zeros((0, 2), np.float32), *(p.xy for p in points.values())]),
            visibility=np.concatenate([np.zeros(0, np.int8), *(p.visibility for p in points.values())]),
            positive=np.concatenate([np.zeros(0, bool), *(p.positive for p in points.values())]),
            owners=np.repeat(np.array(list(points), int), [len(p.xy) for p in points.values()]),
            lost=tuple(ids[k] for k, state in states.items() if state.lost),
        )


def _with_points(queries: QueryPoints, points: Sequence[FramePoints]) -> QueryPoints:
    """The same objects with the points in use instead of the masks and boxes that they came from."""
    objects = (
        replace(q, positives=p.visible_positives, negatives=p.visible_negatives, box=None, mask=None)
        for q, p in zip(queries.objects, points, strict=True)
    )
    return replace(queries, objects=tuple(objects))
