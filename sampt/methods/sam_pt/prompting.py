"""Masks from visible points: two-pass prompting and iterative refinement (SAM-PT, Sec. 3.3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sampt.config.schema import Prompting
from sampt.methods.frame_points import FramePoints
from sampt.segmenters.base import Context, Decoded, Embedding, PromptableSegmenter, Prompts

OBJECTS_PER_CALL = 32
"""Maximum number of objects per call of the decoder, at some 100 MB of activations each."""

Others = Mapping[int, NDArray[np.float32]]
"""For each object, points (M, 2) of other objects."""


@dataclass(frozen=True)
class ObjectState:
    """State of one object in one frame.

    Attributes:
        points: its points.
        low_res: (h, w) low-resolution logits of its mask; None if it is empty.
        score: predicted IoU; NaN if the segmenter was not run, because no positive point is visible.
        lost: whether its reinitialisation has failed in an earlier frame.
        placed: (P,) int64, number of the frame in which each point was given or sampled; None if not kept.
    """

    points: FramePoints
    low_res: Tensor | None = None
    score: float = float("nan")
    lost: bool = False
    placed: NDArray[np.int64] | None = None


States = dict[int, ObjectState]
"""Objects in one frame, by their index or id."""


@torch.inference_mode()
def learn(
    segmenter: PromptableSegmenter,
    embedding: Embedding,
    points: Mapping[int, FramePoints],
    others: Others | None = None,
) -> dict[int, Context]:
    """Contexts that the segmenter learns about objects of one query frame; empty if it learns nothing.

    The other objects' positives always count as negatives here: colours learned from them would be wrong.
    ``others`` is as for ``segment_frame``.
    """
    prompts = {k: _prompt(k, points, Prompting(), np.random.default_rng(0), others) for k in points}
    contexts: dict[int, Context] = {}
    for group in _equally_long(prompts):
        learned = segmenter.learn(embedding, _stack(segmenter, prompts, group))
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
) -> dict[int, ObjectState]:
    """Masks of all objects of one frame; ``points`` and ``contexts`` are keyed by object.

    Args:
        others: for each object the points (M, 2) of other objects that may count as its negatives; by
            default the visible positives among ``points``.
    """
    prompts = {k: _prompt(k, points, settings, rng, others) for k in points}
    prompts = {
        k: p for k, p in prompts.items() if p.positive.any() or (settings.negatives_alone and len(p.xy))
    }
    two_pass = [k for k in prompts if settings.two_pass and not points[k].positive.all()]
    first: dict[int, Tensor] = {}
    alone = {
        k: FramePoints.at_query(points[k].visible_positives, np.zeros((0, 2), np.float32)) for k in two_pass
    }
    for group in _equally_long(alone):
        decoded = segmenter.decode(embedding, _stack(segmenter, alone, group), _of(contexts, group))
        first.update(zip(group, decoded.low_res, strict=True))

    states = {k: ObjectState(p) for k, p in points.items()}
    for group in _equally_long(prompts, apart=two_pass):
        prior = torch.stack([first[k] for k in group]) if group[0] in first else None
        stacked = _stack(segmenter, prompts, group, prior)
        decoded = segmenter.decode(embedding, stacked, _of(contexts, group))
        decoded = _refine(segmenter, embedding, stacked, decoded, _of(contexts, group), settings.refinements)
        for k, low_res, score in zip(group, decoded.low_res, decoded.scores.tolist(), strict=True):
            kept = settings.iou_threshold is None or score >= settings.iou_threshold
            states[k] = ObjectState(points[k], low_res if kept else None, score)
    return states


@torch.inference_mode()
def first_mask(
    segmenter: PromptableSegmenter,
    embedding: Embedding,
    points: FramePoints,
    others: NDArray[np.float32],
    box: NDArray[np.float32] | None = None,
) -> NDArray[np.bool_]:
    """The mask, (H, W) bool, of one object from its visible points and box, without anything learned.

    Args:
        others: (M, 2) float32, points of other objects.
        box: (4,) float32 of x0, y0, x1, y1, or None.
    """
    negatives = np.concatenate([points.visible_negatives, others])
    prompt = FramePoints.at_query(points.visible_positives, negatives)
    if box is None and not prompt.positive.any():
        return np.zeros(embedding.size, bool)
    boxes = None if box is None else torch.from_numpy(box)[None].to(segmenter.device)
    decoded = segmenter.decode(embedding, _stack(segmenter, {0: prompt}, [0], boxes=boxes))
    return np.asarray((segmenter.upscale(decoded.low_res, embedding.size)[0] > 0).cpu().numpy(), bool)


def full_size_logits(
    segmenter: PromptableSegmenter, states: Mapping[int, ObjectState], size: tuple[int, int]
) -> dict[int, NDArray[np.float32]]:
    """Logits (H, W) float32 at ``size`` of the objects that have a mask."""
    logits: dict[int, NDArray[np.float32]] = {}
    masked = [(k, s.low_res) for k, s in states.items() if s.low_res is not None]
    for i in range(0, len(masked), OBJECTS_PER_CALL):
        objects, low_res = zip(*masked[i : i + OBJECTS_PER_CALL], strict=True)
        full = segmenter.upscale(torch.stack(low_res), size).cpu().numpy()
        logits.update(zip(objects, full, strict=True))
    return logits


def _refine(
    segmenter: PromptableSegmenter,
    embedding: Embedding,
    prompts: Prompts,
    decoded: Decoded,
    contexts: Sequence[Context] | None,
    times: int,
) -> Decoded:
    """Feed each mask back with its box, on the device; masks of fewer than 2 pixels are left unchanged."""
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


def _prompt(
    k: int,
    points: Mapping[int, FramePoints],
    settings: Prompting,
    rng: np.random.Generator,
    others: Others | None,
) -> FramePoints:
    """One object's visible points, and the other objects' positives as negatives."""
    own = points[k]
    negatives = [own.visible_negatives]
    if settings.other_objects_as_negatives:
        foreign = positives_of_others(k, points) if others is None else others[k]
        if settings.max_other_points is not None and len(foreign) > settings.max_other_points:
            foreign = foreign[np.sort(rng.choice(len(foreign), settings.max_other_points, replace=False))]
        negatives.append(foreign)
    return FramePoints.at_query(own.visible_positives, np.concatenate(negatives))


def positives_of_others(k: int, points: Mapping[int, FramePoints]) -> NDArray[np.float32]:
    """Visible positives, (M, 2), of all objects but ``k``."""
    return np.concatenate(
        [np.zeros((0, 2), np.float32), *(p.visible_positives for j, p in points.items() if j != k)]
    )


def _equally_long(prompts: Mapping[int, FramePoints], apart: Collection[int] = ()) -> list[list[int]]:
    """Groups of objects with equally many points; those in ``apart`` are never grouped with the rest.

    No group has more than ``OBJECTS_PER_CALL``.
    """
    groups: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for k, prompt in prompts.items():
        groups[len(prompt.xy), k in apart].append(k)
    return [
        group[i : i + OBJECTS_PER_CALL]
        for group in groups.values()
        for i in range(0, len(group), OBJECTS_PER_CALL)
    ]


def _stack(
    segmenter: PromptableSegmenter,
    prompts: Mapping[int, FramePoints],
    group: list[int],
    masks: Tensor | None = None,
    boxes: Tensor | None = None,
) -> Prompts:
    xy = torch.from_numpy(np.stack([prompts[k].xy for k in group])).to(segmenter.device)
    labels = torch.from_numpy(np.stack([prompts[k].positive for k in group])).to(segmenter.device)
    return Prompts(xy, labels.long(), boxes=boxes, masks=masks)


def _of(contexts: Mapping[int, Context], group: list[int]) -> list[Context] | None:
    return [contexts[k] for k in group] if contexts else None
