"""What counts in a masklet's score."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import pytest
import torch

from sampt import ProposalSettings, SamPt
from sampt.benchmarks.vis.masklets import FoundMasklet, MaskletFinder, masklet_score
from sampt.benchmarks.vis.settings import VisSettings
from sampt.config.schema import Prompting
from sampt.methods.sam_pt.parts import Sampling
from sampt.methods.sam_pt.reinitialisation import AtHorizon
from sampt.methods.sam_pt.samplers import RandomSampler
from sampt.segmenters.base import Decoded, Embedding, Prompts
from sampt.trackers.base import Step, Visibility
from sampt.trackers.clip import Clip
from tests.sampt.parts import ColourSegmenter, SteadyTracker, squares

GRID = ProposalSettings(points_per_side=8, stability_score_offset=0.5, pred_iou_thresh=0)


class Predicting(ColourSegmenter):
    """Predicts an IoU for each frame, which it tells by how far the red square has moved."""

    def __init__(self, ious: np.ndarray) -> None:
        super().__init__()
        self.ious = ious

    def decode(self, embedding: Embedding, prompts: Prompts, contexts=None) -> Decoded:
        decoded = super().decode(embedding, prompts, contexts)
        left = int(np.flatnonzero((embedding.features[..., 0] > 100).any(0))[0])
        return Decoded(decoded.low_res, decoded.scores * float(self.ious[left - 6]))


def found_in(
    ious: np.ndarray,
    hidden: Collection[int] = (),
    score_frames: str = "all",
    threshold: float | None = 0.7,
    reinit: AtHorizon | None = None,
    weight: bool = False,
) -> list[FoundMasklet]:
    clip = squares(len(ious))
    method = SamPt(
        SteadyTracker(hidden),  # type: ignore[arg-type]
        Predicting(ious),
        Sampling(RandomSampler(), RandomSampler(), 3, 0),
        Prompting(refinements=0, iou_threshold=threshold),
        reinit,
        overlapping=True,
    )
    settings = VisSettings(proposals=GRID, proposal_score=weight, score_frames=score_frames)
    return MaskletFinder(method, settings)(clip, method.encoder(clip))


def scores_of(*arguments: object, **options: object) -> list[float]:
    found = found_in(*arguments, **options)  # type: ignore[arg-type]
    assert len(found) == 2
    return [masklet.score for masklet in found]


SURE_AND_NOT = np.array([0.9, 0.3, 0.9, 0.3])


@pytest.mark.parametrize(
    ("frames", "threshold", "score"),
    [("seen", 0.7, 0.9), ("seen", None, 0.6), ("all", 0.7, 0.6), ("all", None, 0.6)],
)
def test_frames_whose_mask_was_dropped_count_only_if_all_do(
    frames: str, threshold: float | None, score: float
) -> None:
    found = found_in(SURE_AND_NOT, score_frames=frames, threshold=threshold)
    assert [masklet.score for masklet in found] == pytest.approx([score] * 2)
    for masklet in found:
        assert [mask is None for mask in masklet.masks] == [False, bool(threshold), False, bool(threshold)]


def test_one_frame_without_a_visible_point_gives_the_lowest_score_if_all_count() -> None:
    ious = np.full(5, 0.9)
    assert scores_of(ious, {3}, "seen") == pytest.approx([0.9] * 2)
    assert scores_of(ious, {3}, "all") == [-np.inf] * 2


def plain_score(ious: np.ndarray, hidden: Collection[int]) -> float:
    """The reference's rule without reinitialisation: the mean over all frames of what SAM says."""
    return float(np.mean([-np.inf if t in hidden else iou for t, iou in enumerate(ious)]))


def plain_score_with_restarts(
    ious: np.ndarray, hidden: Collection[int], horizon: int, threshold: float
) -> float:
    """The reference's rule with restarts from the last mask of each stretch, until one is empty."""
    said = np.array([-np.inf if t in hidden else iou for t, iou in enumerate(ious)])
    written = np.full(len(ious), np.nan)
    start: int | None = 0
    while start is not None:
        end, last = start + horizon, start + horizon - 1
        written[start:end] = said[start:end]
        start = last if end < len(ious) and said[last] >= threshold else None
    return float(np.nanmean(written))


@pytest.mark.parametrize("seed", range(12))
def test_the_score_is_the_references(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ious = rng.uniform(0.4, 1.0, 9)
    hidden = set((1 + np.flatnonzero(rng.uniform(size=8) < 0.1)).tolist())
    expected = plain_score(ious, hidden)
    assert scores_of(ious, hidden) == pytest.approx([expected] * 2)
    expected = plain_score_with_restarts(ious, hidden, 3, 0.7)
    assert scores_of(ious, hidden, reinit=AtHorizon(3, 3)) == pytest.approx([expected] * 2)


def test_frames_after_a_failed_reinitialisation_do_not_count() -> None:
    ious = np.array([0.9, 0.8, 0.3, 0.9, 0.9, 0.9])  # the third mask is dropped, so there is no restart
    assert scores_of(ious, reinit=AtHorizon(3, 3)) == pytest.approx([2 / 3] * 2)
    assert scores_of(ious, {5}, reinit=AtHorizon(3, 3)) == pytest.approx([2 / 3] * 2)
    assert scores_of(ious, {1}, reinit=AtHorizon(3, 3)) == [-np.inf] * 2


def test_the_proposal_weighs_a_score_but_not_the_lowest() -> None:
    assert scores_of(np.full(3, 0.9), weight=True) == pytest.approx([0.9 * 0.9] * 2)
    assert scores_of(np.full(3, 0.9), {1}, weight=True) == [-np.inf] * 2
    assert masklet_score([0.5, -np.inf], weight=-0.1) == -np.inf
    assert masklet_score([0.5, -np.inf], weight=0.0) == -np.inf
    assert masklet_score([], weight=0.5) == 0


class NegativesOnly(SteadyTracker):
    """Each object has 2 positives and 8 negatives; from frame 2 on, only negatives are seen."""

    def stream(self, clip: Clip, queries: np.ndarray) -> Iterator[Step]:
        for t, (xy, visibility) in enumerate(super().stream(clip, queries)):
            gone = (t >= 2) & (np.arange(len(queries)) % 10 < 2)
            yield xy, np.where(gone, Visibility.INVISIBLE, visibility).astype(np.int8)


class Doubtful(ColourSegmenter):
    """Finds nothing without a positive, but says so with a predicted IoU of 0.2."""

    def decode(self, embedding: Embedding, prompts: Prompts, contexts=None) -> Decoded:
        if bool((prompts.labels == 1).any()):
            return super().decode(embedding, prompts, contexts)
        count, (height, width) = len(prompts), embedding.size
        return Decoded(torch.full((count, height, width), -1.0), torch.full((count,), 0.2))


@pytest.mark.parametrize(("alone", "score"), [(False, -np.inf), (True, (1 + 1 + 0.2 + 0.2) / 4)])
def test_negatives_that_may_prompt_alone_give_a_score(alone: bool, score: float) -> None:
    clip = squares(4)
    method = SamPt(
        NegativesOnly(),
        Doubtful(),
        Sampling(RandomSampler(), RandomSampler(), 2, 8),
        Prompting(False, False, refinements=0, negatives_alone=alone),
        overlapping=True,
    )
    settings = VisSettings(proposals=GRID, proposal_score=False, score_frames="all")
    found = MaskletFinder(method, settings)(clip, method.encoder(clip))
    assert [masklet.score for masklet in found] == pytest.approx([score] * 2)
