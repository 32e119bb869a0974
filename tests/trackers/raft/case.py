"""RAFT with random weights, cheap enough for every test of the conformance suite."""

from __future__ import annotations

import torch

from sampt.trackers.raft.options import RaftOptions
from sampt.trackers.raft.tracker import Raft
from sampt.trackers.raft.weights import build_raft

CALM = 1e-3
"""What the last layer is multiplied by: untrained, the flow is then noise of a few hundredths of a pixel, so
that points stay about where they are, as they should wherever nothing moves."""


def make_raft(calm: float = CALM, dtype: torch.dtype = torch.float32, **options) -> Raft:
    """The small model with always the same weights; points do not follow what moves."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build_raft("small")
    with torch.no_grad():
        model.update_block.flow_head.conv2.weight.mul_(calm)
        model.update_block.flow_head.conv2.bias.mul_(calm)
    return Raft(model, RaftOptions(**{"iterations": 2, "max_side": 256, **options}), dtype=dtype)
