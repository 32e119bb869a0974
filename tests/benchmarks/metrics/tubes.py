"""Small masklets, and the measures of YouTube-VIS written down as they are defined, one pair at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco

from sampt.benchmarks.metrics.ytvis import AREAS, IOU_THRESHOLDS, RECALLS, Masklet

Tube = np.ndarray
"""(T, H, W) bool."""


def rle(mask: np.ndarray) -> dict[str, Any]:
    """As a result file has it."""
    encoded = coco.encode(np.asfortranarray(mask, np.uint8))
    return {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")}


def masklet(
    tube: Tube, score: float = 1.0, category: int = 1, crowd: bool = False, mean_area: float | None = None
) -> Masklet:
    areas = tube.sum((1, 2))
    seen = areas[areas > 0]
    masks = tuple(rle(mask)["counts"].encode() if mask.any() else None for mask in tube)
    mean = float(seen.mean()) if len(seen) else 0.0
    return Masklet(category, masks, areas, mean if mean_area is None else mean_area, score, crowd)


def box(frames: int, x: int, y: int, width: int, height: int, size: tuple[int, int] = (40, 60)) -> Tube:
    """A rectangle that stands still."""
    tube = np.zeros((frames, *size), bool)
    tube[:, y : y + height, x : x + width] = True
    return tube


def plain_iou(one: Tube, other: Tube) -> float:
    union = (one | other).sum()
    return float((one & other).sum() / union) if union else 0.0


def plain_measures(
    videos: Sequence[tuple[Sequence[tuple[Tube, Masklet]], Sequence[tuple[Tube, Masklet]]]],
    area: str,
    most: int,
) -> tuple[float, float]:
    """AP and AR of one category: predictions and objects of every video, an area's name, how many count."""
    ap, ar = [], []
    for threshold in IOU_THRESHOLDS:
        judged: list[tuple[float, bool]] = []
        objects = 0
        for predictions, truths in videos:
            counted = [not o.crowd and inside(o, area) for _, o in truths]
            objects += sum(counted)
            free = set(range(len(truths)))
            best_first = sorted(predictions, key=lambda p: -p[1].score)[:100]
            for rank, (tube, ours) in enumerate(best_first):
                good = [
                    (counted[g], plain_iou(tube, truth), g)
                    for g, (truth, o) in enumerate(truths)
                    if (g in free or o.crowd) and plain_iou(tube, truth) >= threshold
                ]
                hit = max(good, default=None)
                if hit:
                    free.discard(hit[2])
                if rank < most and (hit[0] if hit else inside(ours, area)):
                    judged.append((ours.score, hit is not None))
        if not objects:
            return -1.0, -1.0
        right = np.cumsum([ok for _, ok in sorted(judged, key=lambda j: -j[0])])
        precision = right / np.arange(1, len(right) + 1)
        recall = right / objects
        ap.append(np.mean([max(precision[recall >= r], default=0.0) for r in RECALLS]))
        ar.append(recall[-1] if len(recall) else 0.0)
    return float(np.mean(ap)), float(np.mean(ar))


def inside(one: Masklet, area: str) -> bool:
    low, high = AREAS[area]
    return low <= one.mean_area <= high
