"""GrabCut (Rother et al., SIGGRAPH 2004) seeded by points: the default segmenter, without weights.

Its masks are of preview quality. An object's colours are learned at its query frame from its points alone;
later frames are cut with that frozen appearance model, which drifts far less than one relearned in every
frame. All radii are pixels of a working frame whose longest side is 427.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sampt._internal.distances import distance_to_zero

from .base import Context, Decoded, Embedding, PromptableSegmenter, Prompts

WORKING_SIDE = 427
SEED_RADIUS = 3
GUESS_RADIUS = 6
PADDING = 0.25
# Distance between points that is assumed if there is only one.
LONE_SPACING = 80.0
MARGIN = 6
# Pixels around an object's region that are included in the cut: otherwise its border would cost nothing.
RIM = 2
# Maximum reach of later masks from the positives, relative to that of the first one, plus MARGIN.
STRETCH = 3.0
LEAST_VARIANCE = 1e-3
"""Least variance of a mixture's colours, in any direction."""
# Least share of the positives in a part of the mask; parts with fewer were left behind.
LEAST_SHARE = 0.1
BINS = 32
# Logits are this far from zero, less for doubtful foreground, so that the likelier of two objects wins.
CERTAINTY = 0.2

NO_RECTANGLE = (0, 0, 0, 0)
"""Unused box argument: ``cv2.grabCut`` is always given labels instead."""

Image = NDArray[np.uint8]
Labels = NDArray[np.uint8]
Points = NDArray[np.float32]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Appearance:
    """Appearance of an object at its query frame: OpenCV's two colour mixtures, and its points' place.

    Attributes:
        background: (1, 65) float64 mixture of the background, as ``cv2.grabCut`` stores it.
        foreground: (1, 65) float64 mixture of the object.
        ratio: (32, 32, 32) float32, log p(colour | object) − log p(colour | rest).
        positives: number of positive points that the object had.
        reach: maximum distance of its mask from them in pixels.
    """

    background: NDArray[np.float64]
    foreground: NDArray[np.float64]
    ratio: NDArray[np.float32]
    positives: int
    reach: float


class GrabCutSegmenter(PromptableSegmenter):
    """GrabCut with SAM's interface, and with an appearance model per object as its context."""

    name = "grabcut"
    preview: ClassVar[bool] = True
    learns: ClassVar[bool] = True

    def encode(self, frames: Sequence[NDArray[np.uint8]]) -> list[Embedding]:
        return [_shrunk(frame) for frame in frames]

    def learn(self, embedding: Embedding, prompts: Prompts) -> list[Context]:
        image: Image = embedding.features
        contexts: list[Context] = []
        for positives, negatives, box, _ in _working_prompts(embedding, prompts):
            contexts.append(_learned(image, positives, negatives, box))
        return contexts

    def decode(
        self, embedding: Embedding, prompts: Prompts, contexts: Sequence[Context] | None = None
    ) -> Decoded:
        image: Image = embedding.features
        logits, scores = [], []
        for index, (positives, negatives, box, prior) in enumerate(_working_prompts(embedding, prompts)):
            appearance = contexts[index] if contexts else None
            if appearance is None:
                appearance = _learned(image, positives, negatives, box)
            one, score = _later_cut(image, appearance, positives, negatives, box, prior)
            logits.append(one)
            scores.append(score)
        return Decoded(torch.from_numpy(np.stack(logits)), torch.tensor(scores, dtype=torch.float32))

    def upscale(self, low_res: Tensor, size: tuple[int, int]) -> Tensor:
        return functional.interpolate(low_res[:, None], size, mode="bilinear", align_corners=False)[:, 0]


def _shrunk(frame: NDArray[np.uint8]) -> Embedding:
    height, width = frame.shape[:2]
    scale = min(1.0, WORKING_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = cv2.resize(frame, size, interpolation=cv2.INTER_AREA) if scale < 1 else frame
    return Embedding(np.ascontiguousarray(image), (height, width), image.nbytes)


def _working_prompts(
    embedding: Embedding, prompts: Prompts
) -> list[tuple[Points, Points, NDArray[np.float32] | None, NDArray[np.bool_] | None]]:
    """Each object's positives, negatives, box and prior mask, in pixels of the working frame."""
    (height, width), (rows, columns) = embedding.size, embedding.features.shape[:2]
    scale = np.array([columns / width, rows / height], np.float32)
    points = (prompts.points.cpu().numpy() + 0.5) * scale - 0.5
    labels = prompts.labels.cpu().numpy()
    boxes = None if prompts.boxes is None else (prompts.boxes.cpu().numpy() + 0.5) * np.tile(scale, 2) - 0.5
    masks = None if prompts.masks is None else prompts.masks.cpu().numpy() > 0
    return [
        (
            points[i][labels[i] == 1],
            points[i][labels[i] == 0],
            None if boxes is None else boxes[i],
            None if masks is None else masks[i],
        )
        for i in range(len(prompts))
    ]


def _first_cut(
    image: Image, positives: Points, negatives: Points, box: NDArray[np.float32] | None
) -> NDArray[np.bool_]:
    """Mask of an object from its points (or box) alone, without an appearance model."""
    x0, y0, x1, y1 = region = _region(image, positives, box, margin=0)
    labels = np.full(image.shape[:2], cv2.GC_BGD, np.uint8)
    labels[y0:y1, x0:x1] = cv2.GC_PR_BGD
    guess = (
        _guess(image.shape[:2], positives, negatives) if len(positives) else np.ones(image.shape[:2], bool)
    )
    labels[y0:y1, x0:x1][guess[y0:y1, x0:x1]] = cv2.GC_PR_FGD
    _seed(labels, positives, negatives)
    if region == (0, 0, image.shape[1], image.shape[0]) and not (labels % 2 == 0).any():
        return np.ones(image.shape[:2], bool)
    return _cut(image, labels, _empty_model(), _empty_model(), 5, cv2.GC_INIT_WITH_MASK)


def _later_cut(
    image: Image,
    appearance: Appearance,
    positives: Points,
    negatives: Points,
    box: NDArray[np.float32] | None,
    prior: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.float32], float]:
    """Low-resolution logits and the confidence of one object in one frame, cut with frozen mixtures."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = _region(image, positives, box, margin=MARGIN)
    ratio = appearance.ratio[tuple((image[y0:y1, x0:x1] // (256 // BINS)).transpose(2, 0, 1))]
    likely = ratio > 0
    if prior is not None:
        likely |= prior[y0:y1, x0:x1]
    labels = np.full((height, width), cv2.GC_BGD, np.uint8)
    labels[y0:y1, x0:x1] = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    _seed(labels, positives, negatives)
    if len(positives):
        farthest = STRETCH * appearance.reach + MARGIN
        labels[_distance((height, width), positives) > farthest] = cv2.GC_BGD
    rim = np.s_[max(y0 - RIM, 0) : y1 + RIM, max(x0 - RIM, 0) : x1 + RIM]
    mask = np.zeros((height, width), bool)
    mask[rim] = _cut(
        image[rim],
        labels[rim],
        appearance.background.copy(),
        appearance.foreground.copy(),
        1,
        cv2.GC_EVAL_FREEZE_MODEL,
    )
    if len(positives):
        mask = _components_with(mask, positives)

    probability = 1 / (1 + np.exp(-np.clip(ratio, -30, 30)))
    inside = mask[y0:y1, x0:x1]
    share = min(1.0, len(positives) / appearance.positives) if appearance.positives else 1.0
    score = share * _mean(probability[inside]) * _mean(1 - probability[~inside], default=1.0)
    logits = np.full((height, width), -1, np.float32)
    logits[y0:y1, x0:x1][inside] = 1 + CERTAINTY * (probability[inside] - 1)
    return logits, score


def _region(image: Image, positives: Points, box: NDArray[np.float32] | None, margin: int) -> Box:
    """Region of the object: its box, or the padded box of its positives, as x0, y0, x1, y1 (exclusive)."""
    height, width = image.shape[:2]
    if box is None:
        if not len(positives):
            return 0, 0, width, height
        low, high = positives.min(0), positives.max(0)
        pad = np.maximum(PADDING * (high - low) + max(margin, SEED_RADIUS), _spacing(positives))
        box = np.concatenate([low - pad, high + pad])
    x0, y0 = np.floor(box[:2]).astype(int)
    x1, y1 = np.ceil(box[2:]).astype(int) + 1
    x0, y0 = min(max(x0, 0), width - 1), min(max(y0, 0), height - 1)
    return x0, y0, min(max(x1, x0 + 1), width), min(max(y1, y0 + 1), height)


def _spacing(points: Points) -> float:
    """Mean distance of points to their nearest neighbours."""
    if len(points) == 1:
        return LONE_SPACING
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(distances, np.inf)
    return float(distances.min(1).mean())


def _guess(shape: tuple[int, int], positives: Points, negatives: Points) -> NDArray[np.bool_]:
    """Probable foreground: the positives' convex hull and discs around them, where a positive is nearest."""
    guess = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(guess, cv2.convexHull(np.round(positives).astype(np.int32)), 1)
    _discs(guess, positives, max(GUESS_RADIUS, round(_spacing(positives) / 2)), 1)
    if len(negatives):
        guess[_distance(shape, negatives) < _distance(shape, positives)] = 0
    return guess.astype(bool)


def _distance(shape: tuple[int, int], points: Points) -> NDArray[np.float32]:
    """Distance of every pixel to the nearest of some points."""
    empty = np.ones(shape, np.uint8)
    columns, rows = np.round(points).astype(int).T
    empty[rows.clip(0, shape[0] - 1), columns.clip(0, shape[1] - 1)] = 0
    return distance_to_zero(empty)


def _seed(labels: Labels, positives: Points, negatives: Points) -> None:
    """Mark discs around the points as certain; a positive wins over a negative nearby."""
    _discs(labels, negatives, SEED_RADIUS, cv2.GC_BGD)
    _discs(labels, positives, SEED_RADIUS, cv2.GC_FGD)


def _discs(canvas: NDArray[np.uint8], points: Points, radius: int, value: int) -> None:
    for x, y in np.round(points).astype(int).tolist():
        cv2.circle(canvas, (x, y), radius, value, -1)


def _cut(
    image: Image,
    labels: Labels,
    background: NDArray[np.float64],
    foreground: NDArray[np.float64],
    iterations: int,
    mode: int,
) -> NDArray[np.bool_]:
    """Run ``cv2.grabCut`` on a copy of ``labels``; trivial if only one kind is possible."""
    certain = labels[0, 0]
    if labels.size == 1 or (certain in (cv2.GC_BGD, cv2.GC_FGD) and (labels == certain).all()):
        return np.asarray((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD))
    result = labels.copy()
    cv2.setRNGSeed(0)  # its k-means draws from OpenCV's global generator
    cv2.grabCut(image, result, NO_RECTANGLE, background, foreground, iterations, mode)
    return np.asarray((result == cv2.GC_FGD) | (result == cv2.GC_PR_FGD))


def _learned(
    image: Image, positives: Points, negatives: Points, box: NDArray[np.float32] | None
) -> Appearance:
    """Appearance of an object, learned from its points (or box) alone."""
    mask = _first_cut(image, positives, negatives, box)
    background, foreground = _mixtures(image, mask)
    centres = np.asarray((np.indices((BINS,) * 3).reshape(3, -1).T + 0.5) * (256 // BINS), np.float64)
    ratio = np.subtract(_log_likelihood(foreground, centres), _log_likelihood(background, centres))
    reach = 0.0
    if len(positives) and mask.any():
        reach = float(np.percentile(_distance(mask.shape, positives)[mask], 99))
    return Appearance(
        background, foreground, ratio.reshape((BINS,) * 3).astype(np.float32), len(positives), reach
    )


def _mixtures(image: Image, mask: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Colour mixtures of the pixels outside and inside a mask."""
    background, foreground = _empty_model(), _empty_model()
    labels = np.where(mask, cv2.GC_FGD, cv2.GC_BGD).astype(np.uint8)
    if mask.all() or not mask.any():  # grabCut needs both kinds: the frame's edge stands for the outside
        image = np.concatenate([image[:1], image, image[-1:]])
        labels = np.full(image.shape[:2], cv2.GC_FGD, np.uint8)
        labels[0] = labels[-1] = cv2.GC_BGD
    cv2.setRNGSeed(0)
    cv2.grabCut(image, labels, NO_RECTANGLE, background, foreground, 1, cv2.GC_INIT_WITH_MASK)
    return background, foreground


def _log_likelihood(model: NDArray[np.float64], colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log density of (M, 3) colours under a mixture as OpenCV stores it: 5 weights, means, covariances."""
    weights, means, covariances = model[0, :5], model[0, 5:20].reshape(5, 3), model[0, 20:].reshape(5, 3, 3)
    total = np.zeros(len(colours))
    for weight, mean, covariance in zip(weights, means, covariances, strict=True):
        if weight > 0:
            # OpenCV widens flat mixtures, but rounding can give one of few pixels a negative variance.
            covariance = covariance + max(0.0, LEAST_VARIANCE - np.linalg.eigvalsh(covariance)[0]) * np.eye(3)
            offset = colours - mean
            distance = np.einsum("ni,ij,nj->n", offset, np.linalg.inv(covariance), offset)
            total += weight / np.sqrt(np.linalg.det(covariance)) * np.exp(-0.5 * distance)
    return np.asarray(np.log(total + 1e-300))


def _empty_model() -> NDArray[np.float64]:
    return np.zeros((1, 65))


def _components_with(mask: NDArray[np.bool_], points: Points) -> NDArray[np.bool_]:
    """Connected parts of a mask that hold a fair share of the points in it."""
    count, parts = cv2.connectedComponents(mask.astype(np.uint8))
    columns, rows = np.round(points).astype(int).T
    held = parts[rows.clip(0, mask.shape[0] - 1), columns.clip(0, mask.shape[1] - 1)]
    points_in = np.bincount(held[held > 0], minlength=count)
    kept = (points_in > 0) & (points_in >= LEAST_SHARE * points_in.sum())
    return np.asarray(kept[parts])


def _mean(values: NDArray[np.float64] | NDArray[np.float32], default: float = 0.0) -> float:
    return float(values.mean()) if values.size else default
