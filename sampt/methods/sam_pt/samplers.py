"""Samplers of query points inside a mask (SAM-PT, section 3.1, "query points selection").

A sampler is a frozen dataclass of its options, with a ``name`` and ``sample``; ``SAMPLERS`` lists our own.
Every point is the centre of a pixel of the mask, and all randomness comes from the generator that is passed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from sampt._internal.distances import distance_to_zero
from sampt.errors import ConfigError, PromptError
from sampt.trackers.extensions import all_names, load_extension
from sampt.trackers.options import at_least, from_0_to_1, read_options

from .clustering import FILL_IN_PIXELS, check_algorithm, draw, medoids

REFERENCE_SIDE = 427
"""Longer side, in pixels, of the image to which lengths "at a scale of 427" refer."""


class PointSampler(Protocol):
    """Sampler of points inside a mask."""

    @property
    def name(self) -> str: ...

    def sample(
        self, image: NDArray[np.uint8], mask: NDArray[np.bool_], count: int, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Pick ``count`` points.

        Args:
            image: (H, W, 3) uint8 RGB.
            mask: (H, W) bool, where points may be: the object for positives, its complement for negatives.
            count: number of points; pixels repeat if the mask has fewer.
            rng: the only source of randomness.

        Returns:
            (count, 2) float32 of (x, y) in pixels.

        Raises:
            PromptError: the mask is empty, or not of the image's size.
        """


@dataclass(frozen=True)
class RandomSampler:
    """Uniformly random pixels of the mask."""

    name: ClassVar[str] = "random"

    def sample(
        self, image: NDArray[np.uint8], mask: NDArray[np.bool_], count: int, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        return draw(mask_pixels(image, mask), count, rng)


@dataclass(frozen=True)
class KMedoidsSampler:
    """Medoids of the mask's pixels, which divide the mask evenly among them.

    Attributes:
        erosion: side, at a scale of 427, of the square by which the mask is first eroded; 0 for no erosion.
            An erosion that leaves fewer pixels than points is skipped.
        algorithm: fasterpam or alternating.
    """

    name: ClassVar[str] = "k-medoids"
    erosion: int = 0
    algorithm: str = "fasterpam"

    def __post_init__(self) -> None:
        at_least(0, erosion=self.erosion)
        check_algorithm(self.algorithm)

    def sample(
        self, image: NDArray[np.uint8], mask: NDArray[np.bool_], count: int, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        pixels = mask_pixels(image, mask)
        if self.erosion:
            radius = round((self.erosion - 1) / 2 * max(mask.shape) / REFERENCE_SIDE)
            eroded = erode(mask, 2 * radius + 1)
            if np.count_nonzero(eroded) >= max(count, 1):
                pixels = mask_pixels(image, eroded)
        return medoids(pixels, count, rng, self.algorithm)


@dataclass(frozen=True)
class ShiTomasiSampler:
    """Corners of the image well inside the mask; the mask's medoids replace missing ones.

    The mask is eroded by 6 % of its diameter, or by 2 %, 1 % or nothing while fewer than 10 pixels are left;
    corners keep a distance of the eroded mask's diameter / ``count``.

    Attributes:
        algorithm: algorithm that finds the medoids, fasterpam or alternating.
        zero_erosion: side, in pixels, of the square by which a mask is eroded that is so small that its share
            rounds down to 0; 0 for no erosion.
    """

    name: ClassVar[str] = "shi-tomasi"
    erosions: ClassVar[tuple[float, ...]] = (0.06, 0.02, 0.01)
    least_pixels: ClassVar[int] = 10
    algorithm: str = "fasterpam"
    zero_erosion: int = 0

    def __post_init__(self) -> None:
        at_least(0, zero_erosion=self.zero_erosion)
        check_algorithm(self.algorithm)

    def sample(
        self, image: NDArray[np.uint8], mask: NDArray[np.bool_], count: int, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        pixels = mask_pixels(image, mask)
        if count == 0:
            return draw(pixels, 0, rng)
        corners = self._corners(image, mask, diameter(pixels), count)
        missing = medoids(pixels, count - len(corners), rng, self.algorithm, FILL_IN_PIXELS)
        return np.concatenate([corners, missing])

    def _corners(
        self, image: NDArray[np.uint8], mask: NDArray[np.bool_], size: float, count: int
    ) -> NDArray[np.float32]:
        for share in self.erosions:
            inner = erode(mask, int(size * share) or self.zero_erosion)
            if np.count_nonzero(inner) >= self.least_pixels:
                break
        else:
            inner = mask
        corners = cv2.goodFeaturesToTrack(
            cv2.cvtColor(image, cv2.COLOR_RGB2GRAY),
            maxCorners=count,
            qualityLevel=0.001,
            minDistance=diameter(mask_pixels(image, inner)) / count,
            mask=inner.astype(np.uint8),
            blockSize=3,
        )
        return (
            np.zeros((0, 2), np.float32)
            if corners is None
            else np.asarray(corners, np.float32).reshape(-1, 2)
        )


@dataclass(frozen=True)
class MixedSampler:
    """Mix of points: a quarter K-Medoids, a third Shi-Tomasi (both rounded down), the rest random.

    Attributes:
        algorithm: as for ``k-medoids``.
        zero_erosion: as for ``shi-tomasi``.
    """

    name: ClassVar[str] = "mixed"
    algorithm: str = "fasterpam"
    zero_erosion: int = 0

    def __post_init__(self) -> None:
        at_least(0, zero_erosion=self.zero_erosion)
        check_algorithm(self.algorithm)

    def sample(
        self, image: NDArray[np.uint8], mask: NDArray[np.bool_], count: int, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        quarter, third = count // 4, count // 3
        return np.concatenate(
            [
                KMedoidsSampler(algorithm=self.algorithm).sample(image, mask, quarter, rng),
                ShiTomasiSampler(self.algorithm, self.zero_erosion).sample(image, mask, third, rng),
                RandomSampler().sample(image, mask, count - quarter - third, rng),
            ]
        )


@dataclass(frozen=True)
class RingSampler:
    """Negatives around an object: medoids of the ring that surrounds it, and of all that is farther out.

    As for every negative sampler, the mask it samples is the complement of the object's. If a zone has fewer
    pixels than its points, the rest go to the other zone; pixels nearer than the ring are used only if there
    are no others.

    Attributes:
        inner: distance of the ring's inner edge from the object in pixels at a scale of 427.
        outer: distance of the ring's outer edge from the object in pixels at a scale of 427.
        share: share of the points that go into the ring, 0 to 1.
    """

    name: ClassVar[str] = "ring"
    inner: float = 3.0
    outer: float = 25.0
    share: float = 0.75

    def __post_init__(self) -> None:
        if not 0 <= self.inner < self.outer:
            raise ValueError(f"inner must be from 0 to below outer, {self.outer}, not {self.inner}")
        from_0_to_1(share=self.share)

    def sample(
        self, image: NDArray[np.uint8], mask: NDArray[np.bool_], count: int, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        pixels = mask_pixels(image, mask)
        scale = max(mask.shape) / REFERENCE_SIDE
        # Without any object, every distance is huge, so all pixels are far.
        to_object = distance_to_zero(mask.astype(np.uint8))[mask]
        near = pixels[(to_object > self.inner * scale) & (to_object <= self.outer * scale)]
        far = pixels[to_object > self.outer * scale]
        if len(near) + len(far) == 0:
            return medoids(pixels, count, rng)
        ring = min(round(self.share * count), len(near))
        beyond = min(count - ring, len(far))
        # Points that the far zone cannot hold go back to the ring, which repeats pixels if necessary.
        ring = count - beyond if len(near) else 0
        return np.concatenate([medoids(near, ring, rng), medoids(far, count - ring, rng)])


SAMPLERS: dict[str, type[PointSampler]] = {
    "random": RandomSampler,
    "k-medoids": KMedoidsSampler,
    "shi-tomasi": ShiTomasiSampler,
    "mixed": MixedSampler,
    "ring": RingSampler,
}
"""Our own samplers; to add one, write a class and an entry here."""


REFERENCE_OPTIONS = {"algorithm": "alternating", "zero_erosion": 3}
"""Options of our own samplers with which they sample as the reference implementation of SAM-PT does."""


def sampler_names() -> list[str]:
    """Names of all samplers: our own, then those of other packages."""
    return all_names("sampler", SAMPLERS)


def create_sampler(name: str, **options: object) -> PointSampler:
    """The sampler called ``name``, ours or another package's, with ``options``.

    Raises:
        ConfigError: no sampler has that name, another package's cannot be used, it has no such option, or an
            option's value is invalid.
    """
    try:
        found: type[PointSampler] | None = load_extension(
            "sampler", name, SAMPLERS, _is_sampler, "a dataclass with a method sample"
        )
        return read_options(found or SAMPLERS[name], options, f"sampler {name!r}")
    except ValueError as error:
        raise ConfigError(str(error)) from error


def reference_options(name: str) -> dict[str, object]:
    """The options with which the sampler called ``name`` samples as the reference implementation does."""
    own = {field.name for field in fields(SAMPLERS[name])} if name in SAMPLERS else set()  # type: ignore[arg-type]
    return {option: value for option, value in REFERENCE_OPTIONS.items() if option in own}


def _is_sampler(found: Any) -> bool:
    return isinstance(found, type) and is_dataclass(found) and hasattr(found, "sample")


def select_points(
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    positive: PointSampler,
    positives: int,
    negative: PointSampler,
    negatives: int,
    rng: np.random.Generator,
    corner_if_empty: bool = False,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points on an object and off it, sampled from its mask.

    Args:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, the object.
        positive: sampler of the mask.
        positives: number of points on the object.
        negative: sampler of the mask's complement.
        negatives: number of points off the object.
        rng: the only source of randomness.
        corner_if_empty: give points at (0, 0) where there is no pixel to sample from, as the reference
            implementation does.

    Returns:
        (positives, 2) and (negatives, 2) float32 of (x, y). If the mask covers the whole frame, there are no
        negatives, unless ``corner_if_empty``.

    Raises:
        PromptError: the mask is empty and ``corner_if_empty`` is False, or it is not of the image's size.
    """
    if corner_if_empty and not mask.any():
        on = np.zeros((positives, 2), np.float32)
    else:
        on = positive.sample(image, mask, positives, rng)
    if mask.all():
        return on, np.zeros((negatives if corner_if_empty else 0, 2), np.float32)
    return on, negative.sample(image, ~mask, negatives, rng)


def mask_pixels(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The mask's pixels as points, (K, 2) float32 of (x, y), in reading order.

    Raises:
        PromptError: the mask is empty, or not of the image's size.
    """
    if mask.shape != image.shape[:2]:
        raise PromptError(
            f"the mask is {mask.shape[1]}×{mask.shape[0]} pixels but the image "
            f"{image.shape[1]}×{image.shape[0]}; give a mask of the image's size"
        )
    rows, columns = np.nonzero(mask)
    if not len(rows):
        raise PromptError(
            "points cannot be sampled from an empty mask; mark at least one pixel of the object"
        )
    return np.stack([columns, rows], axis=1).astype(np.float32)


def diameter(pixels: NDArray[np.float32]) -> float:
    """Diagonal of the bounding box of (K, 2) pixels, between pixel centres, in pixels."""
    return float(np.linalg.norm(pixels.max(axis=0) - pixels.min(axis=0)))


def erode(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """The mask eroded by a square of ``side`` pixels, not by the frame's border; unchanged if 0 or 1."""
    if side <= 1:
        return mask
    return cv2.erode(mask.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)
