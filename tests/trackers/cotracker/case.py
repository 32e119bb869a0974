"""CoTracker with random weights and few channels, cheap enough for every test of the conformance suite."""

from __future__ import annotations

from collections.abc import Callable

import torch

from sampt.trackers.base import PointTracker
from sampt.trackers.cotracker.first import CoTracker1Model
from sampt.trackers.cotracker.models import CoTracker2Model, CoTracker3Model
from sampt.trackers.cotracker.offline import CoTracker3Offline
from sampt.trackers.cotracker.online import CoTracker1, CoTracker2, CoTracker3

CALM = 1e-4
"""What the last layers are multiplied by: untrained, a refinement is then noise far below a pixel, so that
points stay about where they are, as they should wherever nothing moves."""

TINY1 = {"dim": 16, "width": 32, "depth": 1}
TINY = {**TINY1, "virtual_tracks": 4}
TINY3 = {**TINY, "hidden": 16, "correlation": 8}

MAKERS: dict[str, tuple[type[PointTracker], Callable[[], torch.nn.Module]]] = {
    "cotracker3-offline": (CoTracker3Offline, lambda: CoTracker3Model(60, **TINY3)),
    "cotracker3": (CoTracker3, lambda: CoTracker3Model(16, **TINY3)),
    "cotracker2": (CoTracker2, lambda: CoTracker2Model(8, **TINY, size=(64, 96))),
    "cotracker1": (CoTracker1, lambda: CoTracker1Model(8, **TINY1)),
}


def make_cotracker(
    name: str, calm: float = CALM, dtype: torch.dtype = torch.float32, **options
) -> PointTracker:
    """The tracker called ``name``, always with the same weights; points do not follow what moves.

    Unsure whether anything is visible, the model gives a score of at least a quarter, which is above the
    threshold here.
    """
    tracker, build = MAKERS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build()
    with torch.no_grad():
        for head, rows in [("flow_head", 2), ("vis_conf_head", 2)]:
            if layer := getattr(model.updateformer, head, None):
                layer.weight[:rows] *= calm
                layer.bias[:rows] *= calm
        if name in ("cotracker2", "cotracker1"):
            model.vis_predictor[0].weight *= calm
            model.vis_predictor[0].bias *= calm
    defaults = {"iterations": 1, "size": (64, 96), "support_grid": 2, "visibility_threshold": 0.2}
    return tracker(model, tracker.Options(**{**defaults, **options}), dtype=dtype)
