"""A look at each object's first mask before the run, when more clicks still cost nothing."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from sampt.methods.frame_points import FramePoints
from sampt.methods.runs import Segmentation
from sampt.methods.sam_pt.prompting import first_mask
from sampt.prompts.object_query import ObjectQuery

from .signals import FirstLook

MOVED = 0.008
"""How far clicks are moved each way to see whether the mask changes, relative to the longer side."""
SHRUNK = 0.05
"""How far each side of a box is moved inward for the same purpose, relative to its length."""
LARGER = 4.0
"""Extent of a mask, relative to that of its clicks, above which it is far larger than they suggest."""
LEAST_SPREAD = 0.1
"""Least extent that clicks stand for, relative to the frame's diagonal: one click has none."""
LEAST_FILL = 0.1
"""Share of its box that a mask should fill."""
LEAST_STABLE = 0.6
"""IoU of the masks before and after the clicks are moved, below which the first one is doubtful."""

Mask = NDArray[np.bool_]


def first_looks(run: Segmentation) -> dict[int, FirstLook]:
    """What is known of each object's first mask before the run, by id; empty if its prompts are not known.

    It costs one mask per object: the same segmenter is asked again with points that are moved a little.
    """
    if run.asked is None:
        return {}
    objects = run.asked.objects
    looks = {}
    for query in objects:
        if query.mask is not None:
            looks[query.id] = FirstLook()
            continue
        others = [o.positives for o in objects if o.frame == query.frame and o.id != query.id]
        foreign = np.concatenate([np.zeros((0, 2), np.float32), *others])
        looks[query.id] = _look(run, query, foreign)
    return looks


def _look(run: Segmentation, query: ObjectQuery, others: NDArray[np.float32]) -> FirstLook:
    embedding = run.encoder(query.frame)

    def found(query: ObjectQuery) -> Mask:
        points = FramePoints.at_query(query.positives, query.negatives)
        return first_mask(run.method.segmenter, embedding, points, others, query.box)

    kept = run.first_masks.get(query.id)
    mask = found(query) if kept is None else kept.unpacked()
    again = found(_moved(query, embedding.size))
    union = np.count_nonzero(mask | again)
    stable = float(np.count_nonzero(mask & again) / union) if union else 1.0
    misfit, doubt = judged(query, mask)
    if doubt is None and stable < LEAST_STABLE:
        doubt = "its first mask is another one when its points or box move by a few pixels"
    return FirstLook(True, 1 - stable, misfit, doubt)


def _moved(query: ObjectQuery, size: tuple[int, int]) -> ObjectQuery:
    height, width = size
    signs = np.random.default_rng(1).choice([-1, 1], query.positives.shape)
    moved = (query.positives + MOVED * max(size) * signs).clip(0, [width - 1, height - 1])
    if query.box is None:
        return replace(query, positives=moved)
    box = query.box
    inward = SHRUNK * np.tile(box[2:] - box[:2], 2) * [1, 1, -1, -1]
    return replace(query, positives=moved, box=(box + inward).astype(np.float32))


def judged(query: ObjectQuery, mask: Mask) -> tuple[float, str | None]:
    """How badly a first mask, (H, W) bool, fits its clicks or box, from 0 to 1, and what is wrong."""
    area = int(np.count_nonzero(mask))
    if not area:
        return 1.0, "nothing was found at its points"
    _, _, width, height = cv2.boundingRect(mask.view(np.uint8))
    room = float(width * height)
    if query.box is not None:
        room = float(np.prod((query.box[2:] - query.box[:2] + 1).clip(1)))
    fill = min(1.0, area / room)
    if fill < LEAST_FILL:
        return 1 - fill, "its first mask fills less than a tenth of its box"
    x, y = np.round(query.positives).astype(int).T
    if not mask[y.clip(0, mask.shape[0] - 1), x.clip(0, mask.shape[1] - 1)].all():
        return 1.0, "its first mask leaves out a click on it"
    if query.box is None:
        extent = float(np.hypot(width, height))
        spread = float(np.linalg.norm(np.ptp(query.positives, axis=0))) if len(query.positives) else 0.0
        larger = extent / max(spread, LEAST_SPREAD * float(np.hypot(*mask.shape)))
        if larger > LARGER:
            return min(1.0, larger / (2 * LARGER)), "its first mask is far larger than its clicks suggest"
        return min(1.0, larger / (2 * LARGER)), None
    return 1 - fill, None
