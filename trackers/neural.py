"""What trackers with weights have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn

from .base import PointTracker

Weights: TypeAlias = Mapping[str, Tensor]
"""Parameters by name."""


class NeuralTracker(PointTracker):
    """A tracker around a network.

    Its constructor takes the network, an ``Options``, a device, and a dtype: float32, or bfloat16 for mixed
    precision by autocast.
    """

    @staticmethod
    @abstractmethod
    def build_network(weights: Weights) -> nn.Module:
        """The network that ``weights``, under its own names, belong to; it does not hold them yet.

        Raises:
            ValueError: they are not such a network's.
        """

    @staticmethod
    def rename_weights(weights: Weights) -> Weights:
        """Weights as they are published, under the network's names."""
        return weights


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """A context for a network at work: mixed precision if ``dtype`` is bfloat16."""
    return torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16)


def checked_dtype(dtype: torch.dtype) -> torch.dtype:
    """
    Raises:
        ValueError: it is neither float32 nor bfloat16.
    """
    if dtype not in (torch.float32, torch.bfloat16):
        raise ValueError(f"dtype must be float32 or bfloat16, not {dtype}")
    return dtype
