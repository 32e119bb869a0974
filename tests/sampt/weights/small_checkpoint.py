"""A small checkpoint ``net``, and little patience with its servers."""

from __future__ import annotations

import hashlib

import numpy as np

from sampt.weights.registry import Checkpoint
from sampt.weights.resuming import Retry

CONTENT = np.random.default_rng(0).bytes(300_000)
OTHER = np.random.default_rng(1).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = Retry(attempts=3, first_wait=0.01, longest_wait=0.05, timeout=0.5)


def checkpoint(*urls: str, size: int | None = len(CONTENT)) -> Checkpoint:
    return Checkpoint("net", "net.pth", urls, SHA256, size, "MIT", True, "Nobody, Nothing, 2020", "this test")
