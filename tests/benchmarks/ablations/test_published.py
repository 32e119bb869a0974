"""What the packaged ablations compare; the papers' rows, written out once more here on purpose."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import inf
from typing import Any

import pytest

from sampt.benchmarks.ablations.sweep import read_sweep
from sampt.config import Config, load_config

SAMPLERS = [*product(["random", "k-medoids", "shi-tomasi", "mixed"], [1, 8, 16, 72])]
REINIT = [*product(["horizon", "median-area", "similar-area", "similar-area-sync"], [4, 8, 16, 24])]
COTRACKER = {"visibility_threshold": 0.7, "support_grid": 2, "support_grid_every": 12}
RAFT = {"iterations": 32, "max_side": None, "occlusion": False, "margin": inf}
WACV_TRACKER = load_config("paper/wacv_sam_pt").tracker.name


def sampler(config: Config) -> object:
    return config.sampling.positive.name, config.sampling.positive.points


def reinit(config: Config) -> object:
    return config.reinit.strategy, config.reinit.horizon


ROWS: dict[str, tuple[str, Callable[[Config], object], list[Any]]] = {
    "negatives": ("sam_pt", lambda c: c.sampling.negative.points, [0, 1, 8, 16, 72]),
    "refinements": ("sam_pt", lambda c: c.prompting.refinements, [0, 1, 3, 12]),
    "patch_similarity": (
        "sam_pt",
        lambda c: c.patch_filter.enabled and c.patch_filter.threshold,
        [False, 0.002, 0.01],
    ),
    "samplers": ("sam_pt", sampler, SAMPLERS),
    "reinit": ("sam_pt_reinit", reinit, REINIT),
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
            ("raft", RAFT),
            ("pips", {}),
            ("cotracker1", COTRACKER),
            ("cotracker2", COTRACKER),
            ("cotracker3", {}),
            ("cotracker3-offline", {}),
        ],
    ),
    "wacv_negatives": ("paper/wacv_sam_vit_h", lambda c: c.sampling.negative.points, [0, 1, 8, 16, 72]),
    "wacv_refinements": ("paper/wacv_sam_vit_h", lambda c: c.prompting.refinements, [0, 1, 3, 12]),
    "wacv_samplers": ("paper/wacv_sam_vit_h", sampler, SAMPLERS),
    "wacv_trackers": (
        "paper/wacv_sam_vit_h",
        lambda c: (c.tracker.name, c.tracker.options, c.sampling.positive.points),
        [("raft", RAFT, 16), ("pips", {}, 8), (WACV_TRACKER, COTRACKER, 16)],
    ),
    "wacv_reinit": ("paper/wacv_reinit", reinit, REINIT),
    "wacv_sequences": ("paper/wacv_sam_pt", reinit, [(None, 8), ("median-area", 24)]),
}
"""The setting that each varies, what is read of its configurations, and the values."""


@pytest.mark.parametrize("name", ROWS)
def test_a_packaged_ablation(name: str) -> None:
    base, read, rows = ROWS[name]
    sweep = read_sweep(name)
    assert (sweep.base, sweep.seeds) == (base, 8)
    assert [read(sweep.config(setting)) for setting in sweep.settings()] == rows


WITHOUT = {
    **dict.fromkeys(["samplers", "trackers", "wacv_samplers", "wacv_trackers"], (0, 0)),
    **dict.fromkeys(["negatives", "wacv_negatives"], (None, 0)),
    **dict.fromkeys(["refinements", "wacv_refinements", "reinit", "wacv_reinit"], (None, None)),
    "patch_similarity": (1, 12),
}
"""Negative points and refinements of all settings; None where they are varied, or those of the base."""


@pytest.mark.parametrize("name", WITHOUT)
def test_what_comes_later_in_the_papers_is_left_out(name: str) -> None:
    sweep = read_sweep(name)
    for setting in sweep.settings():
        config = sweep.config(setting)
        for value, found in zip(
            WITHOUT[name], (config.sampling.negative.points, config.prompting.refinements), strict=True
        ):
            assert value is None or found == value
