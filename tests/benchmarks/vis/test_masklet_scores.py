"""What counts in a masklet's score."""

from __future__ import annotations

import numpy as np
import pytest

from sampt import ProposalSettings, SamPt
from sampt.benchmarks.vis.masklets import MaskletFinder
from sampt.benchmarks.vis.settings import VisSettings
from sampt.config.schema import Prompting
from sampt.methods.sam_pt.parts import Sampling
from sampt.methods.sam_pt.samplers import RandomSampler
from sampt.segmenters.base import Decoded, Embedding, Prompts
from tests.sampt.parts import ColourSegmenter, SteadyTracker, squares


class UnsureOfSomeFrames(ColourSegmenter):
    """Predicts an IoU of 0.9, and of 0.3 in frames whose red square has moved by an odd number of pixels."""

    def decode(self, embedding: Embedding, prompts: Prompts, contexts=None) -> Decoded:
        decoded = super().decode(embedding, prompts, contexts)
        left = int(np.flatnonzero((embedding.features[..., 0] > 100).any(0))[0])
        return Decoded(decoded.low_res, decoded.scores * (0.3 if left % 2 else 0.9))


@pytest.mark.parametrize(("threshold", "score"), [(0.7, 0.9), (None, 0.6)])
def test_frames_whose_mask_was_dropped_do_not_count(threshold: float | None, score: float) -> None:
    clip = squares(4)
    model = SamPt(
        SteadyTracker(),
        UnsureOfSomeFrames(),
        Sampling(RandomSampler(), RandomSampler(), 3, 0),
        Prompting(refinements=0, iou_threshold=threshold),
        overlapping=True,
    )
    grid = ProposalSettings(points_per_side=8, stability_score_offset=0.5, pred_iou_thresh=0)
    track = MaskletFinder(model, VisSettings(proposals=grid, proposal_score=False))
    found = track(clip, model.encoder(clip))
    assert found and [masklet.score for masklet in found] == pytest.approx([score] * len(found))
