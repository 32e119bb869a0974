"""PIPS' tracker around stand-ins for its network, which needs a checkpoint to follow anything."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from sampt.trackers.pips.network import CHANNELS, STRIDE, PipsNetwork, Window
from sampt.trackers.pips.options import WINDOW, PipsOptions
from sampt.trackers.pips.tracker import Pips


class Seeing(PipsNetwork):
    """Follows texture: its feature maps are the grey images, its refinement is Lucas-Kanade's."""

    def __init__(self) -> None:
        super().__init__(width=8, depth=1)

    def encode(self, images: Tensor) -> Tensor:
        below, right = (-side % STRIDE for side in images.shape[2:])
        grey = F.pad(images.mean(1, keepdim=True), (0, right, 0, below), "replicate")
        return F.pixel_unshuffle(grey, STRIDE)

    def describe(self, feature_map: Tensor, xy: Tensor) -> Tensor:
        return torch.zeros(len(xy), CHANNELS)

    def forward(self, feature_maps: Tensor, xy: Tensor, features: Tensor, iterations: int = 6) -> Window:
        first, *others = F.pixel_shuffle(feature_maps, STRIDE)[:, 0].numpy().astype(np.uint8)
        start = xy.numpy()
        found, seen = [start], [np.ones(len(start), bool)]
        for other in others:
            there, forth = _flow(first, other, start)
            back, home = _flow(other, first, there)
            found.append(there)
            seen.append(forth & home & (np.linalg.norm(back - start, axis=1) < 1))
        visibility = np.where(seen, 5, -5).astype(np.float32)
        return Window(torch.from_numpy(np.stack(found, 1)), torch.from_numpy(visibility).T)


class Scripted(PipsNetwork):
    """Moves every point by ``velocity`` px a frame, as visible as ``visibility`` says; notes what it sees.

    visibility: from points (N, 2) at a window's beginning, (N, WINDOW) values from 0 to 1.
    """

    def __init__(
        self,
        velocity: tuple[float, float] = (0.0, 0.0),
        visibility: Callable[[Tensor], Tensor] = lambda xy: torch.ones(len(xy), WINDOW),
    ) -> None:
        super().__init__(width=8, depth=1)
        self.velocity = torch.tensor(velocity)
        self.visibility = visibility
        self.encoded: list[tuple[int, int]] = []  # (height, width) of every image
        self.windows: list[tuple[list[int], list[list[float]]]] = []  # marks of the frames, and points

    def encode(self, images: Tensor) -> Tensor:
        self.encoded.append(tuple(images.shape[2:]))
        return images[:, :1, :1, :1].expand(-1, CHANNELS, 1, 1)

    def describe(self, feature_map: Tensor, xy: Tensor) -> Tensor:
        return feature_map[:, 0, 0].expand(len(xy), -1)

    def forward(self, feature_maps: Tensor, xy: Tensor, features: Tensor, iterations: int = 6) -> Window:
        self.windows.append((feature_maps[:, 0, 0, 0].int().tolist(), xy.tolist()))
        elapsed = torch.arange(WINDOW)[None, :, None]
        return Window(xy[:, None] + elapsed * self.velocity, self.visibility(xy).logit())


def pips_case(**options: object) -> Pips:
    """A cheap tracker for the conformance suite, at a working resolution of its own."""
    return Pips(Seeing(), PipsOptions(**{"longest_side": 192, **options}))


def numbered(frames: int, height: int = 40, width: int = 60) -> np.ndarray:
    """A clip whose frame t has the value t everywhere."""
    return np.ones((1, height, width, 3), np.uint8) * np.arange(frames, dtype=np.uint8)[:, None, None, None]


def _flow(first: np.ndarray, second: np.ndarray, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    there, status, _ = cv2.calcOpticalFlowPyrLK(first, second, xy, np.zeros_like(xy), winSize=(21, 21))
    return there, status.ravel() == 1
