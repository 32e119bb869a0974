"""A small network of PIPS."""

from __future__ import annotations

import pytest
import torch

from sampt.trackers.pips.network import PipsNetwork


@pytest.fixture(scope="module")
def network() -> PipsNetwork:
    """Small, and with small steps: of random steps, every iteration multiplies rounding a thousandfold."""
    torch.manual_seed(0)
    network = PipsNetwork(width=16, depth=1).eval()
    network.delta_block.to_delta[-1].weight.data *= 0.03
    network.delta_block.to_delta[-1].bias.data *= 0.03
    return network
