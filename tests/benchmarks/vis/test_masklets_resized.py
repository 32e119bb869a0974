"""Masklets that are found at another size than that of the video."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco

from sampt import ProposalSettings, QueryPoints, SamPt
from sampt.benchmarks.vis import masklets
from sampt.benchmarks.vis.masklets import FoundMasklet, MaskletFinder
from sampt.benchmarks.vis.settings import Redetect, VisSettings
from sampt.config.schema import Prompting, WorkingSize
from sampt.methods.sam_pt.parts import Sampling
from sampt.methods.sam_pt.samplers import RandomSampler
from sampt.prompts.object_query import ObjectQuery
from sampt.proposals.generator import propose
from sampt.segmenters.base import Embedding, PromptableSegmenter
from tests.sampt.parts import GREEN, RED, ColourSegmenter, SteadyTracker, squares, tiny_segmenter, truth

DOUBLE = WorkingSize(shortest_side=96)
"""Of the squares' 48 by 64 pixels."""
GRID = ProposalSettings(points_per_side=8, stability_score_offset=0.5)
FEW = ProposalSettings(
    points_per_side=3, pred_iou_thresh=0, stability_score_thresh=0, box_nms_thresh=0.9, max_masks=4
)


class HueSegmenter(ColourSegmenter):
    """Sees things whole whose rims are darker, as they are after resizing."""

    def encode(self, frames: Sequence[np.ndarray]) -> list[Embedding]:
        strongest = (frame.argmax(-1) + 1 for frame in frames)
        lit = (hue * (frame.max(-1) > 60) for hue, frame in zip(strongest, frames, strict=True))
        return super().encode([np.repeat(hue[..., None], 3, -1).astype(np.uint8) for hue in lit])


class Moving(SteadyTracker):
    """Moves by 2 px a frame, as everything does at twice the size."""

    def stream(self, clip, queries):
        for t, (xy, visibility) in enumerate(super().stream(clip, queries)):
            yield xy + np.float32([max(t - queries[0, 0], 0), 0]), visibility


def model(segmenter: PromptableSegmenter, working: WorkingSize | None, seed: int = 0) -> SamPt:
    return SamPt(
        Moving(),
        segmenter,
        Sampling(RandomSampler(), RandomSampler(), 3, 0),
        Prompting(refinements=1, iou_threshold=None),
        overlapping=True,
        seed=seed,
        working_size=working,
    )


def found_in(clip: np.ndarray, sam_pt: SamPt, **settings: object) -> list[FoundMasklet]:
    finder = MaskletFinder(sam_pt, VisSettings(**settings))  # type: ignore[arg-type]
    return finder(clip, sam_pt.encoder(clip))


def enlarged(clip: np.ndarray) -> np.ndarray:
    return np.stack([Image.fromarray(frame).resize((128, 96), Image.Resampling.BILINEAR) for frame in clip])


def test_masklets_have_the_videos_size_and_places() -> None:
    clip = squares(4)
    found = found_in(clip, model(HueSegmenter(), DOUBLE), proposals=GRID)
    assert len(found) == 2
    for masklet in found:
        tube = np.stack([coco.decode(mask) for mask in masklet.masks]).astype(bool)  # type: ignore[arg-type]
        assert tube.shape == clip.shape[:3]
        overlaps = [
            (tube & truth(clip, colour)).sum() / (tube | truth(clip, colour)).sum() for colour in (RED, GREEN)
        ]
        assert max(overlaps) > 0.8


@pytest.mark.parametrize("first_mask", ["predicted", "given"])
def test_proposals_and_masks_are_those_of_resized_frames(first_mask: str) -> None:
    clip, small = squares(3), enlarged(squares(3))
    found = found_in(
        clip,
        model(tiny_segmenter(), DOUBLE),
        proposals=FEW,
        first_mask=first_mask,
        score_frames="all",
        proposal_score=False,
    )

    alone = model(tiny_segmenter(), None)
    proposals = propose(small[0], alone.segmenter, FEW)
    assert len(found) == len(proposals) > 1
    queries = QueryPoints(tuple(ObjectQuery(n, 0, mask=p.mask) for n, p in enumerate(proposals, start=1)))
    with alone.stream(small, queries, backward=False, given_masks=False) as run:
        results = list(run)
    logits = torch.from_numpy(np.stack([result.logits for result in results]))
    expected = torch.nn.functional.interpolate(logits, (48, 64), mode="bilinear").numpy() > 0
    if first_mask == "given":
        expected[0] = np.stack([p.mask[::2, ::2] for p in proposals])
    for k, masklet in enumerate(found):
        for t, mask in enumerate(masklet.masks):
            shown = np.zeros((48, 64), bool) if mask is None else coco.decode(mask) > 0
            np.testing.assert_array_equal(shown, expected[t, k])
        assert masklet.score == pytest.approx(np.mean([result.scores[k] for result in results]))


def test_redetection_compares_masks_at_one_size() -> None:
    clip = squares(5, gone=range(2))
    found = found_in(clip, model(HueSegmenter(), DOUBLE), proposals=GRID, redetect=Redetect(every=2))
    assert len(found) == 2
    assert [masklet.masks.count(None) for masklet in found] == [0, 2]


@pytest.mark.parametrize(("working", "batches"), [(None, 1), (DOUBLE, 2)])
def test_masks_of_both_sizes_count_in_the_memory_for_a_batch(
    working: WorkingSize | None, batches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_both_sizes = 48 * 64 + 96 * 128
    monkeypatch.setattr(masklets, "BYTES_TOGETHER", 2 * masklets.BYTES_PER_PIXEL * at_both_sizes - 1)
    sam_pt = model(HueSegmenter(), working)
    assert len(found_in(squares(3), sam_pt, proposals=GRID)) == 2
    assert len(sam_pt.parts.tracker.runs) == batches  # type: ignore[attr-defined]
