"""The simulated annotator's actions where a mask is not good enough (SAM-PT, Sec. 4.6 and supplement)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from sampt._internal.distances import distance_to_zero
from sampt.methods.sam_pt.clustering import draw, medoids
from sampt.prompts.edits import Point
from sampt.trackers.base import Visibility
from sampt.trackers.filters import mark_outside

if TYPE_CHECKING:
    from sampt.methods.runs import SeenPoint

Mask = NDArray[np.bool_]

WORKING_SIDE = 1024
"""Longer side, in pixels, of the frames of SAM-PT's evaluation, to which the constants below refer."""
CLUSTERED_PIXELS = 18000
"""Maximum number of an area's pixels that DBSCAN sees, drawn at random."""
LEAST_NEIGHBOURS = 10
"""DBSCAN's minimum number of pixels within reach of a core pixel, itself included."""
SMALLEST_CLUSTER = 180
"""If DBSCAN's largest cluster has fewer pixels, the whole area is used instead."""
CENTRED_PIXELS = 720
"""Maximum number of pixels that K-Medoids sees, drawn at random."""
CENTRES = 3


@dataclass(frozen=True)
class Removal:
    """Remove a point from this frame on."""

    point: Point


@dataclass(frozen=True)
class Addition:
    """Add a point at (x, y)."""

    x: float
    y: float
    positive: bool


Action = Removal | Addition


def next_action(
    points: Sequence[SeenPoint], mask: Mask, truth: Mask, rng: np.random.Generator
) -> Action | None:
    """The action that corrects a mask, or None if it is right.

    The first visible negative point on the object is removed, or else the first visible positive point off
    it. Otherwise a point is added: a positive one in the missed area if that is larger than the wrongly
    covered area, or else a negative one in the latter.

    Args:
        points: the object's points, the oldest first.
        mask: (H, W) bool.
        truth: (H, W) bool.
        rng: the source of randomness.
    """
    if np.array_equal(mask, truth):
        return None
    seen = [p for p in points if p.visibility == Visibility.VISIBLE]
    for positive in (False, True):
        for one in seen:
            if one.point.positive is positive and _on(truth, one) is not positive:
                return Removal(one.point)
    missed, wrong = truth & ~mask, mask & ~truth
    positive = bool(np.count_nonzero(missed) > np.count_nonzero(wrong))
    return Addition(*place_point(missed if positive else wrong, rng), positive)


def _on(truth: Mask, seen: SeenPoint) -> bool:
    x, y = np.rint(seen.xy).astype(int).tolist()
    height, width = truth.shape
    return bool(truth[min(max(y, 0), height - 1), min(max(x, 0), width - 1)])


def middle(mask: Mask, rng: np.random.Generator) -> tuple[float, float]:
    """The (x, y) of an object's first point: its K-Medoids centre; ``mask``, (H, W) bool, is not empty."""
    return _click(mask, _pixels(mask), 1, rng)


def place_point(area: Mask, rng: np.random.Generator) -> tuple[float, float]:
    """The (x, y) to click in an area, (H, W) bool with at least one pixel: the centre of one of its pixels.

    It is the first of up to three K-Medoids centres of the area's largest DBSCAN cluster.
    """
    terms = cluster_terms(area)
    cluster = largest_cluster(area, terms.reach, terms.neighbours)
    if np.count_nonzero(cluster) < terms.smallest:
        cluster = area
    pixels = _pixels(cluster)
    return _click(cluster, draw(pixels, min(CENTRED_PIXELS, len(pixels)), rng), CENTRES, rng)


def _pixels(mask: Mask) -> NDArray[np.float32]:
    return np.argwhere(mask)[:, ::-1].astype(np.float32)


def _click(
    mask: Mask, candidates: NDArray[np.float32], centres: int, rng: np.random.Generator
) -> tuple[float, float]:
    """The first medoid of the candidates, moved off the frame's border, where none counts, if possible."""
    click = medoids(candidates, min(centres, len(candidates)), rng, "alternating")[0]
    pixels = _pixels(mask)
    states = mark_outside(pixels, np.full(len(pixels), Visibility.VISIBLE, np.int8), mask.shape[:2])
    inside = pixels[states == Visibility.VISIBLE]
    x, y = click if not len(inside) else inside[np.square(inside - click).sum(1).argmin()]
    return float(x), float(y)


@dataclass(frozen=True)
class ClusterTerms:
    """The terms on which pixels form a cluster.

    Attributes:
        reach: DBSCAN's radius, px.
        neighbours: DBSCAN's minimum number of pixels within reach of a core pixel, itself included.
        smallest: fewest pixels of a cluster that is clicked by itself.
    """

    reach: float
    neighbours: int
    smallest: float


def cluster_terms(area: Mask) -> ClusterTerms:
    """The terms of the paper's simulator for an area, (H, W) bool, in pixels of its own frame.

    The simulator's frames are 1024 px long, and it counts pixels of a random part of a large area. Here, all
    pixels count, so the numbers of pixels grow by as many as stand for one of the simulator's.
    """
    height, width = area.shape
    scale = max(height, width) / WORKING_SIDE
    each = max(scale * scale, np.count_nonzero(area) / CLUSTERED_PIXELS)
    return ClusterTerms(
        max(2.4 * height * width / CLUSTERED_PIXELS / scale, 1.5),
        max(round(LEAST_NEIGHBOURS * each), 1),
        SMALLEST_CLUSTER * each,
    )


def largest_cluster(area: Mask, reach: float, least: int) -> Mask:
    """The largest DBSCAN cluster of the pixels of an area, (H, W) bool; empty if there is none.

    The result is exactly that of DBSCAN on all pixels, but found with filters. Pixels are on a grid, so a
    convolution counts neighbours, and a distance transform finds everything within reach of a cluster. A
    pixel that several clusters could claim counts for each.

    Args:
        area: (H, W) bool.
        reach: DBSCAN's radius in pixels, at least √2.
        least: DBSCAN's minimum number of neighbours, each pixel itself included.

    Raises:
        ValueError: ``reach`` is less than √2.
    """
    if reach * reach < 2:
        raise ValueError(f"the reach must be at least √2 pixels, not {reach}")
    largest = np.zeros(area.shape, bool)
    if not area.any():
        return largest
    x, y, width, height = cv2.boundingRect(area.view(np.uint8))
    window = (slice(y, y + height), slice(x, x + width))
    part = area[window]
    cores = part & (_neighbours(part, reach) >= least)
    count, labels = cv2.connectedComponents(cores.view(np.uint8), connectivity=8)
    unseen = np.ones(count, bool)
    unseen[0] = False
    size = 0
    while unseen.any():
        chain = np.zeros(count, bool)
        chain[unseen.argmax()] = True
        while True:
            near = _within(chain[labels], reach)
            more = np.unique(labels[near & unseen[labels] & ~chain[labels]])
            if not len(more):
                break
            chain[more] = True
        unseen &= ~chain
        cluster = part & near
        if np.count_nonzero(cluster) > size:
            size = int(np.count_nonzero(cluster))
            largest[window] = cluster
    return largest


def _neighbours(area: Mask, reach: float) -> NDArray[np.float32]:
    """The number of the area's pixels within reach of each pixel."""
    radius = int(reach)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (x * x + y * y <= reach * reach).astype(np.float32)
    counts = cv2.filter2D(area.astype(np.float32), cv2.CV_32F, disc, borderType=cv2.BORDER_CONSTANT)
    return np.rint(counts)


def _within(pixels: Mask, reach: float) -> Mask:
    """Everything within reach of some pixels."""
    rest = (~pixels).view(np.uint8)
    distance = distance_to_zero(rest)
    return np.asarray(np.rint(np.square(distance.astype(np.float64))) <= reach * reach)
