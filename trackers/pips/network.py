"""The network of PIPS, which refines the positions of points in eight frames step by step."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from .encoder import PipsEncoder
from .options import WINDOW

STRIDE = 4
"""Image pixels per feature along each side."""

CHANNELS = 128
"""Number of channels of a feature map, and of the features that describe a point."""

LEVELS = 4
"""Number of scales at which a point is compared with the frame, each half as fine as the one before."""

MIN_SIDE = STRIDE << (LEVELS - 1)
"""Smallest side of an image, px, so that the coarsest level has one feature."""

RADIUS = 3
"""Number of features on each side of a point's position that it is compared with at every level."""

FREQUENCIES = 32
"""Number of sines, and of cosines, that describe each coordinate of a displacement."""


class Window(NamedTuple):
    """N points in the frames of one window.

    Attributes:
        xy: (N, WINDOW, 2) float32, pixels of the image that was encoded.
        visibility: (N, WINDOW) float32 logits.
    """

    xy: Tensor
    visibility: Tensor


class PipsNetwork(nn.Module):
    """Persistent Independent Particles (Harley et al., ECCV 2022, arXiv 2204.04153), for inference.

    Points do not influence each other. A point's position and features in each frame of a window are
    corrected several times, based on how well the features match around the position.

    Args:
        width: number of channels of the mixer.
        depth: number of blocks of the mixer.
    """

    def __init__(self, width: int = 512, depth: int = 12) -> None:
        super().__init__()
        self.fnet = PipsEncoder(CHANNELS, STRIDE)
        self.delta_block = DeltaBlock(width, depth)
        self.norm = nn.GroupNorm(1, CHANNELS)
        self.ffeat_updater = nn.Sequential(nn.Linear(CHANNELS, CHANNELS), nn.GELU())
        self.vis_predictor = nn.Sequential(nn.Linear(CHANNELS, 1))

    def encode(self, images: Tensor) -> Tensor:
        """The feature maps, (B, CHANNELS, H // STRIDE, W // STRIDE), of (B, 3, H, W) images from 0 to 255.

        Height and width must be at least MIN_SIDE.
        """
        features: Tensor = self.fnet(2 * (images / 255) - 1)
        return features

    def describe(self, feature_map: Tensor, xy: Tensor) -> Tensor:
        """The features, (N, CHANNELS), of points ``xy``, (N, 2) px, in a map (CHANNELS, h, w).

        They are interpolated bilinearly; the map's edge repeats beyond it.
        """
        height, width = feature_map.shape[1:]
        x, y = (xy / STRIDE).T
        x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
        left, top = x.long(), y.long()
        right, bottom = (left + 1).clamp(max=width - 1), (top + 1).clamp(max=height - 1)
        fx, fy = (x - left)[:, None], (y - top)[:, None]
        upper = feature_map[:, top, left].T * (1 - fx) + feature_map[:, top, right].T * fx
        lower = feature_map[:, bottom, left].T * (1 - fx) + feature_map[:, bottom, right].T * fx
        features: Tensor = upper * (1 - fy) + lower * fy
        return features

    def forward(self, feature_maps: Tensor, xy: Tensor, features: Tensor, iterations: int = 6) -> Window:
        """Follow points from the first frame of a window through all of it.

        Args:
            feature_maps: (WINDOW, CHANNELS, h, w) of the frames.
            xy: (N, 2) float32, positions in the first frame, px, where they stay fixed.
            features: (N, CHANNELS) float32, which describe the points.
            iterations: number of corrections of positions and features.
        """
        pyramid = feature_pyramid(feature_maps)
        start = (xy / STRIDE)[:, None]
        here = start.expand(-1, WINDOW, -1)
        looks = features[:, None].expand(-1, WINDOW, -1)
        for _ in range(iterations):
            fit = torch.cat(
                [correlate(maps, looks, here / 2**level) for level, maps in enumerate(pyramid)], 2
            )
            step, change = (
                self.delta_block(looks, fit, here - here[:, :1]).float().split([2, CHANNELS], dim=2)
            )
            correction = self.ffeat_updater(self.norm(change.flatten(0, 1)))
            looks = looks + correction.view_as(change)
            here = torch.cat([start, (here + step)[:, 1:]], dim=1)
        return Window(here * STRIDE, self.vis_predictor(looks).squeeze(2).float())


class DeltaBlock(nn.Module):
    """An MLP-Mixer over a point's frames that corrects its positions and features."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        fit = LEVELS * (2 * RADIUS + 1) ** 2
        moments = 3 * (2 * FREQUENCIES + 1)
        self.to_delta = nn.Sequential(
            nn.Linear(CHANNELS + fit + moments, width),
            *(nn.Sequential(_mix_frames(width), _mix_channels(width)) for _ in range(depth)),
            nn.LayerNorm(width),
            FrameMean(),
            nn.Linear(width, WINDOW * (2 + CHANNELS)),
        )

    def forward(self, looks: Tensor, fit: Tensor, motion: Tensor) -> Tensor:
        """The corrections of positions, in feature pixels, and of features: (N, WINDOW, 2 + CHANNELS).

        Args:
            looks: (N, WINDOW, CHANNELS), the features so far.
            fit: (N, WINDOW, LEVELS · (2 · RADIUS + 1)²), how well they match their surroundings.
            motion: (N, WINDOW, 2), positions relative to the first frame, in feature pixels.
        """
        # As in training, the eighth frame is at 8, not at 7.
        times = torch.linspace(0, WINDOW, WINDOW, device=motion.device)
        moments = torch.cat([motion, times[None, :, None].expand(len(motion), -1, -1)], dim=2)
        delta: Tensor = self.to_delta(torch.cat([looks, fit, embed(moments)], dim=2))
        return delta.view(len(looks), WINDOW, 2 + CHANNELS)


class Residual(nn.Module):
    """A residual block that adds ``fn`` of the normalised input to the input."""

    def __init__(self, width: int, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.fn(self.norm(x))
        return x + mixed


class FrameMean(nn.Module):
    """The mean over frames, from (N, WINDOW, C) to (N, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)


# The identity layers take the place of the official code's dropout, so that the others keep their numbers.
def _mix_frames(width: int) -> Residual:
    wide = 4 * WINDOW
    layers = nn.Conv1d(WINDOW, wide, 1), nn.GELU(), nn.Identity(), nn.Conv1d(wide, WINDOW, 1)
    return Residual(width, nn.Sequential(*layers))


def _mix_channels(width: int) -> Residual:
    layers = nn.Linear(width, 4 * width), nn.GELU(), nn.Identity(), nn.Linear(4 * width, width)
    return Residual(width, nn.Sequential(*layers))


def embed(moments: Tensor) -> Tensor:
    """The sines and cosines of (N, WINDOW, 3) displacements and times, then these: (N, WINDOW, 3 · 65)."""
    rates = torch.arange(FREQUENCIES, device=moments.device) * (1000 / FREQUENCIES)
    angles = moments[..., None] * rates
    waves = torch.stack([angles.sin(), angles.cos()], dim=-1)
    return torch.cat([waves.flatten(2), moments], dim=2)


def feature_pyramid(feature_maps: Tensor) -> list[Tensor]:
    """Feature maps (F, C, h, w) at LEVELS scales, channels last: (F, h, w, C), (F, h // 2, w // 2, C), …"""
    levels = [feature_maps]
    for _ in range(LEVELS - 1):
        levels.append(F.avg_pool2d(levels[-1], 2))
    return [level.permute(0, 2, 3, 1).contiguous() for level in levels]


def correlate(maps: Tensor, looks: Tensor, xy: Tensor) -> Tensor:
    """How well features match at and around a position in each frame.

    The products with whole features are interpolated, not the features. The result is the same, since all
    (2 · RADIUS + 1)² places around a position have the same offset from the nearest features.

    Args:
        maps: (F, h, w, C).
        looks: (N, F, C), the features to compare.
        xy: (N, F, 2), positions in pixels of these maps; beyond the maps everything is zero.

    Returns:
        (N, F, (2 · RADIUS + 1)²), from left to right and from top to bottom in each column.
    """
    frames, height, width, channels = maps.shape
    corner = xy.floor()
    fx, fy = (xy - corner)[..., None, None].unbind(2)
    reach = torch.arange(-RADIUS, RADIUS + 2, device=xy.device)
    # Clamped, since a position far outside would overflow an index.
    x = corner[..., :1].clamp(-RADIUS - 2, width + RADIUS).long() + reach
    y = corner[..., 1:].clamp(-RADIUS - 2, height + RADIUS).long() + reach
    inside = ((x >= 0) & (x < width))[..., :, None] & ((y >= 0) & (y < height))[..., None, :]
    row = torch.arange(frames, device=xy.device)[:, None] * height + y.clamp(0, height - 1)
    index = row[..., None, :] * width + x.clamp(0, width - 1)[..., :, None]
    around = maps.view(-1, channels)[index]
    fit: Tensor = (
        torch.einsum("nfxyc,nfc->nfxy", around, looks.to(around.dtype)).float() * inside / channels**0.5
    )
    fit = fit[:, :, :-1] * (1 - fx) + fit[:, :, 1:] * fx
    fit = fit[..., :-1] * (1 - fy) + fit[..., 1:] * fy
    return fit.flatten(2)


def build_pips() -> PipsNetwork:
    """PIPS as published (``reference_model``), with random weights."""
    return PipsNetwork()
