"""The measures of the DAVIS benchmarks: region similarity J, contour accuracy F, and their statistics.

Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016,
section 4, with the boundary map, the tolerance and the binning of the official evaluation of DAVIS 2017.
The numbers equal those of the official code, but are found without its dilation of whole frames by a disc.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

TOLERANCE = 0.008
"""How far apart two matching boundary pixels may be, as a share of the frame's diagonal."""

RECALL_THRESHOLD = 0.5
DECAY_BINS = 4
_QUAD = np.ones((2, 2), np.uint8)


class Statistics(NamedTuple):
    """A measure over an object's frames: mean, share of frames above 0.5, first quarter minus last."""

    mean: float
    recall: float
    decay: float


def region_similarity(prediction: NDArray[np.bool_], annotation: NDArray[np.bool_]) -> float:
    """Region similarity J of one frame: intersection over union, 1 if both masks are empty.

    Args:
        prediction: (H, W) bool.
        annotation: (H, W) bool.

    Raises:
        ValueError: the masks differ in shape, or are not 2-D bool arrays.
    """
    _check(prediction, annotation)
    union = np.count_nonzero(prediction | annotation)
    return np.count_nonzero(prediction & annotation) / union if union else 1.0


def contour_accuracy(
    prediction: NDArray[np.bool_], annotation: NDArray[np.bool_], tolerance: float = TOLERANCE
) -> float:
    """Contour accuracy F of one frame: the harmonic mean of the boundary's precision and recall.

    A boundary pixel is matched if the other mask has one within ``ceil(tolerance * diagonal)`` pixels. Two
    masks without boundary agree (1); one with and one without do not (0). A mask that fills the frame has no
    boundary.

    Args:
        prediction: (H, W) bool.
        annotation: (H, W) bool.
        tolerance: the distance of a match, as a share of the frame's diagonal.

    Raises:
        ValueError: the masks differ in shape, or are not 2-D bool arrays.
    """
    _check(prediction, annotation)
    radius = math.ceil(tolerance * math.hypot(*prediction.shape))
    window = _window(prediction, annotation)
    ours, truth = boundary(prediction[window]), boundary(annotation[window])
    n_ours, n_truth = np.count_nonzero(ours), np.count_nonzero(truth)
    if n_ours == 0 or n_truth == 0:
        return float(n_ours == n_truth)
    precision = _matches(ours, truth, radius) / n_ours
    recall = _matches(truth, ours, radius) / n_truth
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of an (H, W) bool mask that differ from their east, south or south-east neighbour.

    The last row is compared only with the east, the last column only with the south, and their common corner
    is never boundary. A pixel and the neighbours that it has differ if their maximum is not their minimum.
    """
    pixels = mask.view(np.uint8)
    return cv2.morphologyEx(pixels, cv2.MORPH_GRADIENT, _QUAD, anchor=(0, 0)).view(np.bool_)


def statistics(values: ArrayLike) -> Statistics:
    """The mean, recall and decay over the scored frames of one object, (T,) float with T >= 1.

    As in the official code, the four bins of the decay share their border frames. Unlike there, they are also
    right for 256 frames or more, which no DAVIS sequence has.

    Raises:
        ValueError: there are no values, or not one for each frame.
    """
    scores = np.asarray(values, np.float64)
    if scores.ndim != 1 or len(scores) == 0:
        raise ValueError(f"statistics need at least one value in a (T,) array, not shape {scores.shape}")
    # The official code adds this much before rounding, so that 2.5 is rounded up and not to even.
    borders = np.round(np.linspace(1, len(scores), DECAY_BINS + 1) + 1e-10).astype(int) - 1
    first, last = scores[: borders[1] + 1], scores[borders[-2] :]
    recall = np.count_nonzero(scores > RECALL_THRESHOLD) / len(scores)
    return Statistics(float(scores.mean()), recall, float(first.mean() - last.mean()))


def _window(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The part of the frame with every boundary pixel of both masks, one pixel around their pixels."""
    x, y, width, height = cv2.boundingRect((a | b).view(np.uint8))
    return slice(max(y - 1, 0), y + height + 1), slice(max(x - 1, 0), x + width + 1)


def _matches(points: NDArray[np.bool_], others: NDArray[np.bool_], radius: int) -> int:
    """The number of pixels in ``points`` at most ``radius`` away from one in ``others``, both (H, W) bool.

    The result is exactly that of a dilation by the disc x² + y² <= radius². Dilations by squares are cheaper:
    a pixel of the square inside the disc is a match, one outside the square around the disc is not, and only
    the few pixels in between are compared with the rest of the disc one by one.
    """
    inner, ring_y, ring_x = _square_and_rest(radius)
    within_square = _near(others, inner)
    sure = points & within_square
    unsure = (points & _near(within_square, radius - inner)) ^ sure
    padded = cv2.copyMakeBorder(others.view(np.uint8), radius, radius, radius, radius, cv2.BORDER_CONSTANT)
    y, x = divmod(np.flatnonzero(unsure), points.shape[1])
    at = (y + radius) * padded.shape[1] + x + radius
    found = padded.ravel()[at[:, None] + (ring_y * padded.shape[1] + ring_x)]
    return int(np.count_nonzero(sure) + np.count_nonzero(found.any(axis=1)))


@lru_cache
def _square_and_rest(radius: int) -> tuple[int, NDArray[np.intp], NDArray[np.intp]]:
    """Half the side of the largest square in a disc, and the y and x of the disc's other pixels."""
    inner = math.isqrt(radius**2 // 2)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    rest = (x**2 + y**2 <= radius**2) & (np.maximum(abs(x), abs(y)) > inner)
    return inner, y[rest], x[rest]


def _near(pixels: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """The pixels dilated by a square of side 2 * reach + 1."""
    square = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return cv2.dilate(pixels.view(np.uint8), square).view(np.bool_)


def _check(prediction: NDArray[np.bool_], annotation: NDArray[np.bool_]) -> None:
    for name, mask in (("prediction", prediction), ("annotation", annotation)):
        if mask.ndim != 2 or mask.dtype != np.bool_:
            raise ValueError(
                f"the {name} must be an (H, W) bool mask, not {mask.dtype} of shape {mask.shape}"
            )
    if prediction.shape != annotation.shape:
        raise ValueError(f"prediction {prediction.shape} and annotation {annotation.shape} differ in shape")
