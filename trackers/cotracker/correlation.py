"""Feature pyramids of frames, and the features around points in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

LEVELS = 4
RADIUS = 3
NEIGHBOURS = (2 * RADIUS + 1) ** 2
"""Number of places, one feature pixel apart, around a point on each level."""

SAMPLED_BYTES = 64 * 2**20
"""Memory for features around points at any one time."""

Levels = tuple[Tensor, ...]
"""One frame's features on each level, (H, W, C), each level half the size of the one before."""


def pyramid_of(features: Tensor) -> Levels:
    """The levels of one frame with features (C, H, W); channels last, so that a pixel is read in one go."""
    levels = [features]
    for _ in range(LEVELS - 1):
        levels.append(F.avg_pool2d(levels[-1][None], 2)[0])
    return tuple(level.permute(1, 2, 0).contiguous() for level in levels)


@dataclass(frozen=True)
class Pyramid:
    """The features of S frames of a clip on each level.

    Attributes:
        levels: (F, H, W, C) each, with at least the frames in ``order``.
        order: (S,) int64, which of the F frames are used, in order.
        first: index of the first of them in the clip.
        clip_length: number of frames of the whole clip.
    """

    levels: Levels
    order: Tensor
    first: int = 0
    clip_length: int = 0

    @classmethod
    def stack(
        cls, frames: Sequence[Levels], length: int | None = None, first: int = 0, clip_length: int = 0
    ) -> Pyramid:
        """A pyramid of the frames in order, with the last one repeated until there are ``length`` of them."""
        levels = tuple(torch.stack(level) for level in zip(*frames, strict=True))
        order = torch.arange(max(length or 0, len(frames)), device=levels[0].device)
        return cls(levels, order.clamp(max=len(frames) - 1), first, clip_length)

    def __len__(self) -> int:
        return len(self.order)

    def reversed(self) -> Pyramid:
        """The same frames, last to first, without a copy."""
        return Pyramid(self.levels, self.order.flip(0))

    def points_at_once(self) -> int:
        """Number of points whose neighbourhoods in all frames are looked up together, to bound the memory.

        Each point is looked up independently, so this does not change the results.
        """
        features = self.levels[0]
        # What is sampled, and correlated with each of a template's neighbours, before and after blending.
        corners = (2 * RADIUS + 2) ** 2 * (features.shape[-1] + 2 * NEIGHBOURS) * features.element_size()
        return max(SAMPLED_BYTES // (len(self) * corners), 1)

    def corners(self, level: int, frame: Tensor, xy: Tensor) -> tuple[Tensor, Tensor]:
        """The pixels from which points' neighbourhoods are interpolated; the edge repeats beyond the border.

        Args:
            level: the pyramid level; 0 is the largest.
            frame: (...) int64, each point's frame, from 0 to S - 1.
            xy: (..., 2), in pixels of level 0.

        Returns:
            (..., 8, 8, C) features, x before y, and (..., 2) weights for ``blend``.
        """
        features = self.levels[level]
        height, width = features.shape[1:3]
        xy = xy / 2**level
        corner = xy.floor()
        reach = torch.arange(-RADIUS, RADIUS + 2, device=xy.device)
        # A coordinate far outside would overflow the integer.
        near = corner.clamp(-RADIUS - 2, max(height, width) + RADIUS).long()[..., None] + reach
        x, y = near[..., 0, :].clamp(0, width - 1), near[..., 1, :].clamp(0, height - 1)
        first_row = self.order[frame] * height
        rows = (first_row[..., None, None] + y[..., None, :]) * width + x[..., :, None]
        found = features.flatten(0, 2).index_select(0, rows.flatten())
        return found.view(*rows.shape, features.shape[-1]), xy - corner


def blend(values: Tensor, weights: Tensor) -> Tensor:
    """Interpolate neighbouring ``values``, (..., 8, 8, K), bilinearly: (..., 7, 7, K).

    One weight, (..., 2) of x and y, serves a point's whole neighbourhood, since its places are whole pixels
    apart. Anything linear may be computed from the corners before they are blended.
    """
    x, y = weights[..., 0, None, None, None], weights[..., 1, None, None, None]
    values = values.to(weights.dtype)  # lerp does not mix them
    columns = torch.lerp(values[..., :-1, :, :], values[..., 1:, :, :], x)
    return torch.lerp(columns[..., :-1, :], columns[..., 1:, :], y)


def sample(maps: Tensor, xy: Tensor, padding: str = "border") -> Tensor:
    """Interpolate ``maps``, (B, C, H, W), at (B, h, w, 2) of (x, y): (B, C, h, w).

    Beyond the maps, their edge is repeated (``border``), as in CoTracker 2, or they are zero (``zeros``), as
    in its first version. The two also divide in different orders, and the last bit counts.
    """
    last = [max(side - 1, 1) for side in maps.shape[:1:-1]]
    across = 2 * xy / xy.new_tensor(last) if padding == "zeros" else xy * xy.new_tensor([2 / n for n in last])
    return F.grid_sample(maps, across - 1, align_corners=True, padding_mode=padding)


def neighbours(device: torch.device) -> Tensor:
    """The offsets of a neighbourhood, (7, 7, 2) of (x, y), x before y."""
    reach = torch.arange(-RADIUS, RADIUS + 1.0, device=device)
    return torch.stack(torch.meshgrid(reach, reach, indexing="ij"), dim=-1)
