"""From visible points to masks: two-pass prompting and iterative refinement (SAM-PT, Sec. 3.3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sampt.segmenters.base import Context, Decoded, Embedding, PromptableSegmenter, Prompts
from sampt.trackers.base import Visibility

TOGETHER = 32
"""So many objects go into one call of the decoder: some 100 MB of activations for each."""


@dataclass(frozen=True)
class FramePoints:
    """One object's P points in one frame.

    xy: (P, 2) float32. positive: (P,) bool. visibility: (P,) int8, values of ``Visibility``.
    """

    xy: NDArray[np.float32]
    positive: NDArray[np.bool_]
    visibility: NDArray[np.int8]

    @classmethod
    def at_query(cls, positives: NDArray[np.float32], negatives: NDArray[np.float32]) -> FramePoints:
        """Points where they were given: all visible."""
        xy = np.concatenate([positives, negatives]).astype(np.float32).reshape(-1, 2)
        positive = np.arange(len(xy)) < len(positives)
        return cls(xy, positive, np.full(len(xy), Visibility.VISIBLE, np.int8))

    @property
    def visible(self) -> NDArray[np.bool_]:
        return np.asarray(self.visibility == Visibility.VISIBLE)

    @property
    def visible_positives(self) -> NDArray[np.float32]:
        return self.xy[self.visible & self.positive]

    @property
    def visible_negatives(self) -> NDArray[np.float32]:
        return self.xy[self.visible & ~self.positive]


@dataclass(frozen=True)
class ObjectMask:
    """One object's mask in one frame: low-resolution logits (h, w), None where empty, and the IoU score.

    The score is NaN where the segmenter was not asked, because no positive point is visible.
    """

    low_res: Tensor | None
    score: float


NOTHING = ObjectMask(None, float("nan"))

Others = Mapping[int, NDArray[np.float32]]
"""For each object, points (M, 2) of other objects."""


@dataclass
class Prompting:
    """How points become prompts.

    two_pass: prompt with the positives alone first, where an object has negatives.
    other_objects_as_negatives: every other object's visible positives are negatives of this one.
    max_other_points: at most so many of those, drawn at random; None for all.
    refinements: how often the mask is fed back with its box.
    iou_threshold: a mask whose predicted IoU is lower is dropped; None keeps all.
    negatives_alone: also prompt with negatives where no positive is visible, as the reference implementation
        does; otherwise such an object has no mask in that frame.
    """

    two_pass: bool = True
    other_objects_as_negatives: bool = True
    max_other_points: int | None = None
    refinements: int = 12
    iou_threshold: float | None = 0.7
    negatives_alone: bool = False


@torch.inference_mode()
def learn(
    segmenter: PromptableSegmenter,
    embedding: Embedding,
    points: Mapping[int, FramePoints],
    others: Others | None = None,
) -> dict[int, Context]:
    """What the segmenter learns about objects that share a query frame; empty if it learns nothing.

    The other objects' positives always count as negatives here: colours learned from them would be wrong.
    ``others`` as for ``segment_frame``.
    """
    tokens = {k: _tokens(k, points, Prompting(), np.random.default_rng(0), others) for k in points}
    contexts: dict[int, Context] = {}
    for group in _equally_long(tokens):
        learned = segmenter.learn(embedding, _stack(segmenter, tokens, group))
        if learned is None:
            return {}
        contexts.update(zip(group, learned, strict=True))
    return contexts


@torch.inference_mode()
def segment_frame(
    segmenter: PromptableSegmenter,
    embedding: Embedding,
    points: Mapping[int, FramePoints],
    contexts: Mapping[int, Context],
    settings: Prompting,
    rng: np.random.Generator,
    others: Others | None = None,
) -> dict[int, ObjectMask]:
    """Masks of all objects of one frame; ``points`` and ``contexts`` are keyed by object.

    others: for each object the points (M, 2) of other objects that may count as its negatives; by default the
        visible positives among ``points``.
    """
    tokens = {k: _tokens(k, points, settings, rng, others) for k in points}
    tokens = {k: t for k, t in tokens.items() if t[1].any() or (settings.negatives_alone and len(t[1]))}
    two_pass = [k for k in tokens if settings.two_pass and not points[k].positive.all()]
    first: dict[int, Tensor] = {}
    alone = {
        k: (points[k].visible_positives, np.ones(len(points[k].visible_positives), np.int64))
        for k in two_pass
    }
    for group in _equally_long(alone):
        decoded = segmenter.decode(embedding, _stack(segmenter, alone, group), _of(contexts, group))
        first.update(zip(group, decoded.low_res, strict=True))

    masks = dict.fromkeys(points, NOTHING)
    for group in _equally_long(tokens, apart=two_pass):
        prior = torch.stack([first[k] for k in group]) if group[0] in first else None
        prompts = _stack(segmenter, tokens, group, prior)
        decoded = segmenter.decode(embedding, prompts, _of(contexts, group))
        decoded = _refine(segmenter, embedding, prompts, decoded, _of(contexts, group), settings.refinements)
        for k, low_res, score in zip(group, decoded.low_res, decoded.scores.tolist(), strict=True):
            kept = settings.iou_threshold is None or score >= settings.iou_threshold
            masks[k] = ObjectMask(low_res if kept else None, score)
    return masks


def _refine(
    segmenter: PromptableSegmenter,
    embedding: Embedding,
    prompts: Prompts,
    decoded: Decoded,
    contexts: Sequence[Context] | None,
    times: int,
) -> Decoded:
    """Feed each mask back with its box; a mask of fewer than 2 pixels stays as it is. All on the device."""
    going = torch.ones(len(prompts), dtype=torch.bool, device=decoded.low_res.device)
    for _ in range(times):
        boxes, areas = segmenter.extent(decoded.low_res, embedding.size)
        going = going & (areas >= 2)
        if going.device.type == "cpu" and not going.any():
            break
        again = segmenter.decode(embedding, prompts.refined(boxes, decoded.low_res), contexts)
        decoded = Decoded(
            torch.where(going[:, None, None], again.low_res, decoded.low_res),
            torch.where(going, again.scores, decoded.scores),
        )
    return decoded


Tokens = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Points (P, 2) and labels (P,) of one object's prompt."""


def _tokens(
    k: int,
    points: Mapping[int, FramePoints],
    settings: Prompting,
    rng: np.random.Generator,
    others: Others | None,
) -> Tokens:
    """One object's visible points with labels, and the other objects' positives as negatives."""
    own = points[k]
    negatives = [own.visible_negatives]
    if settings.other_objects_as_negatives and (others is not None or len(points) > 1):
        foreign = (
            np.concatenate([p.visible_positives for j, p in points.items() if j != k])
            if others is None
            else others[k]
        )
        if settings.max_other_points is not None and len(foreign) > settings.max_other_points:
            foreign = foreign[np.sort(rng.choice(len(foreign), settings.max_other_points, replace=False))]
        negatives.append(foreign)
    xy = np.concatenate([own.visible_positives, *negatives])
    return xy, (np.arange(len(xy)) < len(own.visible_positives)).astype(np.int64)


def _equally_long(tokens: Mapping[int, Tokens], apart: Collection[int] = ()) -> list[list[int]]:
    """Objects in groups with equally many tokens; those in ``apart`` never share one with the rest.

    No group has more than ``TOGETHER``.
    """
    groups: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for k, (xy, _) in tokens.items():
        groups[len(xy), k in apart].append(k)
    return [group[i : i + TOGETHER] for group in groups.values() for i in range(0, len(group), TOGETHER)]


def _stack(
    segmenter: PromptableSegmenter,
    tokens: Mapping[int, Tokens],
    group: list[int],
    masks: Tensor | None = None,
) -> Prompts:
    xy = torch.from_numpy(np.stack([tokens[k][0] for k in group])).to(segmenter.device)
    labels = torch.from_numpy(np.stack([tokens[k][1] for k in group])).to(segmenter.device)
    return Prompts(xy, labels, masks=masks)


def _of(contexts: Mapping[int, Context], group: list[int]) -> list[Context] | None:
    return [contexts[k] for k in group] if contexts else None
