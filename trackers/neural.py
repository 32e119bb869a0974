"""The base class of trackers with weights."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn

from .base import PointTracker

Weights: TypeAlias = Mapping[str, Tensor]
"""A network's parameters by name."""


class NeuralTracker(PointTracker):
    """A tracker built around a network.

    Its constructor takes the network, the options, a device, and a dtype: float32, or bfloat16 for mixed
    precision by autocast.
    """

    @staticmethod
    @abstractmethod
    def build_network(weights: Weights) -> nn.Module:
        """The network for ``weights``, which have its own names; they are not loaded into it yet.

        Raises:
            ValueError: they do not belong to such a network.
        """

    @staticmethod
    def rename_weights(weights: Weights) -> Weights:
        """The published weights, renamed as the network names them."""
        return weights


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """The context in which a network runs: mixed precision if ``dtype`` is bfloat16."""
    return torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16)


def checked_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype itself, if networks can run in it.

    Raises:
        ValueError: it is neither float32 nor bfloat16.
    """
    if dtype not in (torch.float32, torch.bfloat16):
        raise ValueError(f"dtype must be float32 or bfloat16, not {dtype}")
    return dtype
