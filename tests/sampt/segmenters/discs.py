"""A picture of a disc, prompts for it, and how to compare answers."""

from __future__ import annotations

import numpy as np
import torch

from sampt.segmenters.base import Decoded, Prompts


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A bright disc on a dark ground, both noisy."""
    y, x = np.mgrid[:height, :width]
    disc = np.hypot(x - width * 0.4, y - height * 0.5) < min(height, width) * 0.3
    noise = np.random.default_rng(seed).integers(0, 30, (height, width, 3))
    return (np.where(disc[..., None], (190, 150, 60), (20, 40, 110)) + noise).astype(np.uint8)


def on_disc(size: tuple[int, int], objects: int = 1) -> Prompts:
    """Two positives near the disc's middle and a negative in a corner, a little different for each object."""
    height, width = size
    points = [
        [[0.4 * width + k, 0.5 * height], [0.4 * width, 0.5 * height - 2 * k], [width - 3 - k, 2]]
        for k in range(objects)
    ]
    return Prompts(torch.tensor(points, dtype=torch.float32), torch.tensor([[1, 1, 0]] * objects))


def one(prompts: Prompts, k: int) -> Prompts:
    return Prompts(
        prompts.points[k : k + 1],
        prompts.labels[k : k + 1],
        None if prompts.boxes is None else prompts.boxes[k : k + 1],
        None if prompts.masks is None else prompts.masks[k : k + 1],
    )


def disc_box(size: tuple[int, int], objects: int = 1) -> torch.Tensor:
    height, width = size
    cx, cy, r = width * 0.4, height * 0.5, min(height, width) * 0.3
    return torch.tensor([[cx - r, cy - r, cx + r, cy + r]] * objects, dtype=torch.float32)


def same(a: Decoded, b: Decoded, atol: float = 1e-4) -> None:
    torch.testing.assert_close(a.low_res, b.low_res, atol=atol, rtol=1e-4)
    torch.testing.assert_close(a.scores, b.scores, atol=atol, rtol=1e-4)
