"""The average precision and recall of masklets as in YouTube-VIS (Yang et al., ICCV 2019, Sec. 5.1).

They are COCO's measures with masklets instead of masks: the IoU of two masklets is the sum of their
intersections over all frames, divided by the sum of their unions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sampt._internal.run_lengths import Rle
from sampt._internal.run_lengths import iou as iou_of_masks

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
"""The recalls at which precision is measured."""
MOST = (1, 10, 100)
"""The numbers of a video's highest-scoring masklets that count."""
_HUGE = 1e10
AREAS: Mapping[str, tuple[float, float]] = {
    "": (0, _HUGE),
    "s": (0, 128**2),
    "m": (128**2, 256**2),
    "l": (256**2, _HUGE),
}
"""The smallest and largest mean area in pixels, inclusive, by the suffix of the measure's name."""
MEASURES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
ABSENT = -1.0
"""The value of a measure for which there is no object, as in COCO's own evaluation."""


@dataclass(frozen=True)
class Masklet:
    """One object in a video of T frames, predicted or annotated.

    Attributes:
        masks: T run lengths in COCO's compressed form, None where the object is absent.
        areas: (T,) int64 pixels.
        mean_area: mean area in pixels over the frames in which it is visible, which decides whether it is
            small, medium or large.
        score: confidence of a prediction.
        crowd: whether it is an annotated group of objects, which need not be found, and whose prediction is
            not a mistake.
    """

    category: int
    masks: tuple[bytes | None, ...]
    areas: NDArray[np.int64]
    mean_area: float
    score: float = 1.0
    crowd: bool = False


@dataclass(frozen=True)
class Matches:
    """The matches of D predictions in one video and category, for every area and IoU threshold.

    Attributes:
        scores: (D,) float64, descending.
        found: (A, 10, D) bool, whether a prediction is matched with an object that counts.
        ignored: (A, 10, D) bool, whether it is neither right nor wrong.
        objects: (A,) int64, number of objects that count.
    """

    scores: NDArray[np.float64]
    found: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    objects: NDArray[np.int64]

    @property
    def recall(self) -> float:
        """The share of objects of any area that are found, over all IoU thresholds; NaN without objects."""
        return float(self.found[0].sum(1).mean() / self.objects[0]) if self.objects[0] else float("nan")


def video_iou(
    predictions: Sequence[Masklet], objects: Sequence[Masklet], size: tuple[int, int]
) -> NDArray[np.float64]:
    """The (D, G) IoU of all pairs of masklets in a video of ``size``, (H, W); 0 for two empty ones."""
    shared = np.zeros((len(predictions), len(objects)))
    if not shared.size:
        return shared
    ours, truth = np.stack([p.areas for p in predictions]), np.stack([o.areas for o in objects])
    for t in np.flatnonzero(ours.any(0) & truth.any(0)).tolist():
        rows, columns = np.flatnonzero(ours[:, t]).tolist(), np.flatnonzero(truth[:, t]).tolist()
        frame = iou_of_masks(
            [_rle(predictions[i], t, size) for i in rows], [_rle(objects[i], t, size) for i in columns]
        )
        # Intersections are whole numbers, so they are recovered exactly from the IoU and the areas.
        both = ours[rows, t][:, None] + truth[columns, t]
        shared[np.ix_(rows, columns)] += np.rint(frame * both / (1 + frame))
    union = ours.sum(1)[:, None] + truth.sum(1) - shared
    iou: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return iou


def match(predictions: Sequence[Masklet], objects: Sequence[Masklet], size: tuple[int, int]) -> Matches:
    """Match the best 100 predictions with the objects of one video, the most confident first.

    A prediction takes the free object with the highest IoU that reaches the threshold. An object that does
    not count, because it is a crowd or of another area, is only taken if no other is left; a crowd can be
    taken any number of times.
    """
    order = np.argsort([-p.score for p in predictions], kind="stable")[: MOST[-1]]
    chosen = [predictions[i] for i in order]
    low, high = np.array(list(AREAS.values())).T[:, :, None]
    crowd = np.array([o.crowd for o in objects], bool)
    mean_areas = np.array([o.mean_area for o in objects])
    idle = crowd | (mean_areas < low) | (mean_areas > high)
    found, ignored = _assign(video_iou(chosen, objects, size), idle, crowd)
    mean_areas = np.array([p.mean_area for p in chosen])
    outside = (mean_areas < low) | (mean_areas > high)
    ignored |= ~found & outside[:, None]
    scores = np.array([p.score for p in chosen], np.float64)
    return Matches(scores, found, ignored, (~idle).sum(1))


def _assign(
    iou: NDArray[np.float64], idle: NDArray[np.bool_], crowd: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of D predictions, in order, get an object that counts, and which get an idle one.

    Args:
        iou: (D, G).
        idle: (A, G) bool, whether an object does not count.
        crowd: (G,) bool, whether an object can be taken any number of times.

    Returns:
        Two arrays, (A, 10, D) bool.
    """
    shape = len(idle), len(IOU_THRESHOLDS), len(crowd)
    found, ignored = (np.zeros((*shape[:2], len(iou)), bool) for _ in range(2))
    taken = np.zeros(shape, bool)
    for d in np.flatnonzero((iou >= IOU_THRESHOLDS[0]).any(1)):
        possible = (iou[d] >= IOU_THRESHOLDS[:, None]) & (crowd | ~taken)
        counting = possible & ~idle[:, None]
        found[..., d] = counting.any(2)
        ignored[..., d] = possible.any(2) & ~found[..., d]
        choice = np.where(found[..., d, None], counting, possible)
        # Of equally good objects the last one is taken, which argmax finds in the reversed order.
        best = shape[2] - 1 - np.where(choice, iou[d], -1)[..., ::-1].argmax(2)
        taken |= (np.arange(shape[2]) == best[..., None]) & choice
    return found, ignored


@dataclass(frozen=True)
class Curves:
    """The precision and recall of K categories for every area; ``ABSENT`` where a category has no object.

    Attributes:
        precision: (K, A, 10, 101), at each of ``RECALLS``, for the best 100 predictions per video.
        recall: (K, A, 3, 10), for the best 1, 10 and 100 predictions per video.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    @classmethod
    def of(cls, categories: Sequence[Sequence[Matches]]) -> Curves:
        """The curves of each category from its videos' matches."""
        precision = np.full((len(categories), len(AREAS), len(IOU_THRESHOLDS), len(RECALLS)), ABSENT)
        recall = np.full((len(categories), len(AREAS), len(MOST), len(IOU_THRESHOLDS)), ABSENT)
        for k, videos in enumerate(categories):
            for a in range(len(AREAS)):
                if objects := sum(int(m.objects[a]) for m in videos):
                    for n, most in enumerate(MOST):
                        right, wrong = _ranked(videos, a, most)
                        recall[k, a, n] = right[:, -1] / objects if right.size else 0
                    precision[k, a] = _precision(right, wrong, objects)
        return cls(precision, recall)

    @cached_property
    def measures(self) -> dict[str, float]:
        """The ``MEASURES`` in 0..1, averaged over categories with objects; ``ABSENT`` if none has any."""
        fixed = {f"AP{round(100 * t)}": i for i, t in enumerate(IOU_THRESHOLDS)}
        values = {f"AP{name}": self.precision[:, a] for a, name in enumerate(AREAS)}
        values |= {name: self.precision[:, 0, i] for name, i in fixed.items()}
        values |= {f"AR{name}": self.recall[:, a, -1] for a, name in enumerate(AREAS)}
        values |= {f"AR{most}": self.recall[:, 0, n] for n, most in enumerate(MOST)}
        return {name: _mean(values[name]) for name in MEASURES}


def _ranked(videos: Sequence[Matches], a: int, most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers of right and wrong predictions among the most confident 1, 2, … of all videos: (10, D)."""
    order = np.argsort(-np.concatenate([m.scores[:most] for m in videos]), kind="stable")
    found = np.concatenate([m.found[a, :, :most] for m in videos], axis=1)[:, order]
    ignored = np.concatenate([m.ignored[a, :, :most] for m in videos], axis=1)[:, order]
    return found.cumsum(1), (~found & ~ignored).cumsum(1)


def _precision(right: NDArray[np.int64], wrong: NDArray[np.int64], objects: int) -> NDArray[np.float64]:
    """The (10, 101) highest precision with at least each recall; 0 where it is never reached."""
    recall = right / objects
    precision = right / np.maximum(right + wrong, 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    ended = np.concatenate([envelope, np.zeros((len(envelope), 1))], axis=1)
    return np.stack(
        [row[np.searchsorted(r, RECALLS, side="left")] for row, r in zip(ended, recall, strict=True)]
    )


def _mean(values: NDArray[np.float64]) -> float:
    known = values[values != ABSENT]
    return float(known.mean()) if known.size else ABSENT


def _rle(masklet: Masklet, t: int, size: tuple[int, int]) -> Rle:
    return {"size": list(size), "counts": masklet.masks[t] or b""}
