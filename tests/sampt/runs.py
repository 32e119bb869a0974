"""The method made of small parts, two objects for it, and what to do with its results."""

from __future__ import annotations

import numpy as np
import pytest

from sampt import ObjectQuery, QueryPoints, SamPt
from sampt.config.schema import OnLoss, Prompting
from sampt.interactive.session import InteractiveSession
from sampt.methods.results import FrameResult
from sampt.methods.sam_pt.pipeline import Sampling
from sampt.methods.sam_pt.reinitialisation import AtHorizon, MedianArea, Reinit, SimilarArea, SimilarAreaSync
from sampt.methods.sam_pt.samplers import RandomSampler

from .parts import ColourSegmenter, SteadyTracker

HORIZON = {
    "horizon": AtHorizon(4, 4),
    "median-area": MedianArea(4, 4),
    "similar-area": SimilarArea(4, 4),
    "similar-area-sync": SimilarAreaSync(4, 4),
}
REINIT: dict[str, Reinit | None] = {
    "none": None,
    **HORIZON,
    "horizon, tracked farther": AtHorizon(4, 6),
    "on-loss": OnLoss(),
}
every_reinit = pytest.mark.parametrize("reinit", REINIT.values(), ids=REINIT)
every_horizon = pytest.mark.parametrize("reinit", HORIZON.values(), ids=HORIZON)


def model(reinit: Reinit | None = None, **parts: object) -> SamPt:
    sampling = Sampling(RandomSampler(), RandomSampler(), 5, 2)
    settings = {
        "tracker": SteadyTracker(),
        "segmenter": ColourSegmenter(),
        "sampling": sampling,
        "prompting": Prompting(refinements=1),
        **parts,
    }
    return SamPt(reinit=reinit, **settings)


def red(frame: int = 0, **more: object) -> ObjectQuery:
    return ObjectQuery(1, frame, [(10 + frame, 10), (15 + frame, 15)], **more)


def green(frame: int = 0, **more: object) -> ObjectQuery:
    return ObjectQuery(2, frame, [(8 + frame, 30)], [(50, 45)], **more)


def segment(made: SamPt, clip: object, *objects: ObjectQuery, backward: bool = True) -> list[FrameResult]:
    return list(made.stream(clip, QueryPoints(objects), backward=backward))


def results_of(session: InteractiveSession) -> list[FrameResult]:
    """All frames of a session's video, in order."""
    return [session.frame(t) for t in range(len(session.video))]


def masks_of(results: list[FrameResult], id: int) -> np.ndarray:
    return np.stack([r.masks[r.object_ids.index(id)] for r in results])


def equal(a: list[FrameResult], b: list[FrameResult]) -> None:
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        assert (one.index, one.object_ids, one.lost) == (other.index, other.object_ids, other.lost)
        for name in ("masks", "logits", "scores", "points", "visibility", "positive", "owners"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
