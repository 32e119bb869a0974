"""The fixed embeddings of time, place and motion that CoTracker's tokens are made of."""

from __future__ import annotations

import math

import torch
from torch import Tensor

MOTION_OCTAVES = 10
MOTION_WIDTH = 4 * (1 + 2 * MOTION_OCTAVES)

_FLOW_WAVES = 32
FLOW_WIDTH = 2 + 4 * _FLOW_WAVES

# Motion is measured in widths and heights of the feature map that the models were trained with.
_TRAINED_AT = (128.0, 96.0)


def sinusoids(positions: Tensor, width: int) -> Tensor:
    """The sines, then cosines, of ``positions``, (...), at ``width`` / 2 frequencies: (..., width) float32.

    The frequencies fall geometrically from 1 towards 1 / 10,000 (Vaswani et al., 2017).
    """
    exponent = torch.arange(width // 2, dtype=torch.float64) / (width / 2)
    angle = positions[..., None].double() / 10_000**exponent
    return torch.cat([angle.sin(), angle.cos()], dim=-1).float()


def motion_code(xy: Tensor) -> Tensor:
    """CoTracker3's code of the motion of tracks (N, S, 2), in feature pixels: (N, S, MOTION_WIDTH).

    Each frame has its offsets from the next and from the previous frame, zero at either end, both as they are
    and as sines and cosines at octaves of frequency.
    """
    step = xy[:, 1:] - xy[:, :-1]
    none = torch.zeros_like(xy[:, :1])
    offsets = torch.cat([torch.cat([-step, none], 1), torch.cat([none, step], 1)], dim=-1)
    offsets = offsets / xy.new_tensor(_TRAINED_AT * 2)
    octaves = 2.0 ** torch.arange(MOTION_OCTAVES, device=xy.device)
    angle = (offsets[..., None, :] * octaves[:, None]).flatten(-2)
    return torch.cat([offsets, angle.sin(), (angle + math.pi / 2).sin()], dim=-1)


def flow_code(flow: Tensor) -> Tensor:
    """CoTracker 2's code of offsets (..., 2), in feature pixels: (..., FLOW_WIDTH).

    It is the offsets themselves, then their sines and cosines.
    """
    waves = torch.arange(_FLOW_WAVES, device=flow.device) * (1000.0 / _FLOW_WAVES)
    angle = flow[..., None] * waves
    code = torch.stack([angle.sin(), angle.cos()], dim=-1)
    return torch.cat([flow, code.flatten(-3)], dim=-1)
