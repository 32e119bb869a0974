"""What the packaged ablations compare; the papers' rows, written out once more here on purpose."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import inf

import pytest

from sampt.benchmarks.ablations.sweep import read_sweep
from sampt.config import Config

ROWS: dict[str, tuple[str, Callable[[Config], object], list[object]]] = {
    "negatives": ("sam_pt", lambda c: c.sampling.negative.points, [0, 1, 8, 16, 72]),
    "refinements": ("sam_pt", lambda c: c.prompting.refinements, [0, 1, 3, 12]),
    "patch_similarity": (
        "sam_pt",
        lambda c: c.patch_filter.enabled and c.patch_filter.threshold,
        [False, 0.002, 0.01],
    ),
    "samplers": (
        "sam_pt",
        lambda c: (c.sampling.positive.name, c.sampling.positive.points),
        [*product(["random", "k-medoids", "shi-tomasi", "mixed"], [1, 8, 16, 72])],
    ),
    "reinit": (
        "sam_pt_reinit",
        lambda c: (c.reinit.strategy, c.reinit.horizon),
        [*product(["horizon", "median-area", "similar-area", "similar-area-sync"], [4, 8, 16, 24])],
    ),
    "segmenters": (
        "sam_pt",
        lambda c: (c.segmenter.name, c.prompting.refinements),
        [
            *product(["sam-vit-h", "sam-vit-l", "sam-vit-b", "hq-sam-vit-h"], [12]),
            *product(["hq-sam-light", "mobile-sam"], [3]),
        ],
    ),
    "trackers": (
        "sam_pt",
        lambda c: (c.tracker.name, c.tracker.options),
        [
            ("lucas-kanade", {}),
            ("dis", {}),
            ("raft", {}),
            ("raft", {"iterations": 32, "max_side": None, "occlusion": False, "margin": inf}),
            ("pips", {}),
            ("cotracker1", {"visibility_threshold": 0.7, "support_grid": 2, "support_grid_every": 12}),
            ("cotracker2", {"visibility_threshold": 0.7, "support_grid": 2, "support_grid_every": 12}),
            ("cotracker3", {}),
            ("cotracker3-offline", {}),
        ],
    ),
}
"""The setting that each varies, what is read of its configurations, and the values."""


@pytest.mark.parametrize("name", ROWS)
def test_a_packaged_ablation(name: str) -> None:
    base, read, rows = ROWS[name]
    sweep = read_sweep(name)
    assert (sweep.base, sweep.seeds) == (base, 8)
    assert [read(sweep.config(setting)) for setting in sweep.settings()] == rows
