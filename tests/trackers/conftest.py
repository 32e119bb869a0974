"""Scenes with known motion, and a source that says what was read of it."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray


def texture(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """A smooth random colour texture with detail of a few pixels, (height, width, 3) uint8."""
    noise = np.random.default_rng(seed).random((height, width, 3), np.float32)
    layers = sum(cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (2.0, 5.0))
    return cv2.normalize(layers, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def translating(
    frames: int = 12,
    height: int = 96,
    width: int = 128,
    velocity: tuple[float, float] = (1.5, -0.75),
    seed: int = 0,
) -> NDArray[np.uint8]:
    """(frames, height, width, 3): a texture that moves by ``velocity`` px a frame."""
    reach = int(np.ceil(np.abs(velocity).max() * frames)) + 2
    image = texture(height + 2 * reach, width + 2 * reach, seed)
    shifts = [
        np.float32([[1, 0, t * velocity[0] - reach], [0, 1, t * velocity[1] - reach]]) for t in range(frames)
    ]
    return np.stack([cv2.warpAffine(image, shift, (width, height)) for shift in shifts])


def occluded(frames: int = 20) -> NDArray[np.uint8]:
    """(frames, 96, 160, 3): a 40 px wide textured bar moves right by 10 px a frame over a still texture.

    In frame t it covers the pixels from x = 10·t - 40 to 10·t - 1.
    """
    still, bar = texture(96, 160, seed=1), texture(96, 40, seed=2)[:, :, ::-1]
    clip = np.repeat(still[None], frames, axis=0)
    for t in range(frames):
        left = 10 * t - 40
        first, last = np.clip([left, left + 40], 0, 160)
        clip[t, :, first:last] = bar[:, first - left : last - left]
    return clip


class WatchedSource:
    """Frames from memory that counts what is read, and how many frames it gave are still in use."""

    def __init__(self, frames: NDArray[np.uint8]) -> None:
        self._frames = frames
        self._given: list[weakref.ref[NDArray[np.uint8]]] = []
        self.reads: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        self.reads[index] += 1
        frame = self._frames[index].copy()
        self._given.append(weakref.ref(frame))
        return frame

    def frames_in_use(self) -> int:
        gc.collect()
        return sum(frame() is not None for frame in self._given)


@pytest.fixture(scope="session")
def make_translating():
    return translating


@pytest.fixture(scope="session")
def occluded_clip() -> NDArray[np.uint8]:
    return occluded()


@pytest.fixture
def watched() -> Iterator[type[WatchedSource]]:
    gc.freeze()  # or each count of frames in use would look through all of torch
    yield WatchedSource
    gc.unfreeze()
