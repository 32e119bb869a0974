"""K-Medoids of pixels: points that divide a mask evenly among them."""

from __future__ import annotations

import kmedoids
import numpy as np
from numpy.typing import NDArray

from sampt._internal.names import unknown_name

CLUSTERED_PIXELS = 1800
"""Maximum number of pixels that K-Medoids clusters: its cost grows with their square."""

FILL_IN_PIXELS = 2000
"""The same, where medoids replace missing corners; the reference implementation takes more of them there."""

ALGORITHMS = ("fasterpam", "alternating")
"""Algorithms of K-Medoids. FasterPAM leaves less distance between pixels and medoids; the reference
implementation alternates."""


def check_algorithm(name: str) -> None:
    """Check that an algorithm exists.

    Raises:
        ValueError: it does not; the error names the closest.
    """
    if name not in ALGORITHMS:
        raise ValueError(unknown_name("algorithm", name, ALGORITHMS))


def draw(pixels: NDArray[np.float32], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """``count`` of the (K, 2) pixels in random order, each once before any is repeated."""
    chosen = rng.choice(len(pixels), min(count, len(pixels)), replace=False)
    return np.resize(pixels[chosen], (count, 2))


def medoids(
    pixels: NDArray[np.float32],
    count: int,
    rng: np.random.Generator,
    algorithm: str = "fasterpam",
    at_most: int = CLUSTERED_PIXELS,
) -> NDArray[np.float32]:
    """``count`` medoids of the (K, 2) pixels, by Euclidean distances; repeated if K is less.

    Args:
        pixels: (K, 2) float32 of (x, y).
        count: number of medoids.
        rng: the only source of randomness.
        algorithm: one of ``ALGORITHMS``.
        at_most: number of pixels to cluster, drawn if there are more.

    Returns:
        (count, 2) float32 of (x, y).
    """
    candidates = draw(pixels, min(len(pixels), max(count, at_most)), rng)
    if count == 0 or count >= len(candidates):
        return np.resize(candidates, (count, 2))
    distances = pairwise_distances(candidates)
    if algorithm == "alternating":
        return candidates[alternating_medoids(distances, count)]
    # The candidates are in random order, so the first ones are a random start from our own generator.
    found = kmedoids.fasterpam(distances, np.arange(count), n_cpu=1)
    indices: NDArray[np.uint64] = found.medoids
    return candidates[indices]


def alternating_medoids(
    distances: NDArray[np.float32], count: int, iterations: int = 300
) -> NDArray[np.intp]:
    """Indices, (count,), of medoids found by alternation, as ``KMedoids`` of scikit-learn-extra finds them.

    It starts with the points that have the least total distance to all others. Then it alternates: every
    point joins its nearest medoid, and every cluster's medoid becomes its point with the least total distance
    to the others. Of equals, the first counts, and a medoid stays unless another point is better.

    Args:
        distances: (K, K) float32, K > count.
        count: number of medoids.
        iterations: maximum number of rounds.
    """
    chosen = np.argpartition(distances.sum(1), count - 1)[:count]
    for _ in range(iterations):
        nearest = distances[chosen].argmin(0)
        before = chosen.copy()
        for cluster in range(count):
            members = np.flatnonzero(nearest == cluster)
            totals = distances[np.ix_(members, members)].sum(1)
            if totals.min() < totals[members == before[cluster]]:
                chosen[cluster] = members[totals.argmin()]
        if (chosen == before).all():
            break
    return chosen


def pairwise_distances(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(K, K) float32 Euclidean distances between (K, 2) points."""
    dx, dy = (np.subtract.outer(axis, axis) for axis in points.T)
    squared: NDArray[np.float32] = dx * dx + dy * dy
    return np.sqrt(squared)
