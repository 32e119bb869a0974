"""Masklets of everything: found by colour, and tracked by someone who knows how all moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from pycocotools import mask as coco

from sampt.benchmarks.vis.masklets import FoundMasklet, MaskletFinder, encode_seen, new_proposals
from sampt.benchmarks.vis.settings import Redetect, VisSettings
from sampt.config.schema import Prompting
from sampt.errors import ConfigError
from sampt.methods.sam_pt.pipeline import Sampling, SamPt
from sampt.methods.sam_pt.samplers import create_sampler
from sampt.proposals.generator import Proposal, ProposalSettings, propose
from sampt.segmenters.base import Decoded, Embedding, Prompts
from sampt.segmenters.grabcut import GrabCutSegmenter
from tests.sampt.parts import GREEN, RED, ColourSegmenter, SteadyTracker, squares, truth

GRID = ProposalSettings(points_per_side=8, stability_score_offset=0.5)
"""For a segmenter whose logits are 1 and −1."""


class UnsureSegmenter(ColourSegmenter):
    """Right, but with a predicted IoU of 0.9 for proposals, and of 0.8 for masks of what is tracked."""

    def decode(self, embedding: Embedding, prompts: Prompts, contexts=None) -> Decoded:
        decoded = super().decode(embedding, prompts, contexts)
        return Decoded(decoded.low_res, decoded.scores * 0.8)

    def candidates(self, embedding: Embedding, prompts: Prompts) -> Decoded:
        decoded = super().candidates(embedding, prompts)
        return Decoded(decoded.low_res, decoded.scores / 0.8 * 0.9)


def model(segmenter: ColourSegmenter | None = None, tracker: SteadyTracker | None = None) -> SamPt:
    return SamPt(
        tracker or SteadyTracker(),
        segmenter or UnsureSegmenter(),
        Sampling(create_sampler("k-medoids"), create_sampler("mixed"), positives=3, negatives=0),
        Prompting(refinements=1, iou_threshold=None),
        overlapping=True,
    )


def found_in(clip: np.ndarray, sam_pt: SamPt | None = None, **settings: object) -> list[FoundMasklet]:
    sam_pt = sam_pt or model()
    track = MaskletFinder(sam_pt, VisSettings(proposals=GRID, **settings))
    return track(clip, sam_pt.encoder(clip))


def tube(masklet: FoundMasklet, clip: np.ndarray) -> np.ndarray:
    masks = [np.zeros(clip.shape[1:3], bool) if m is None else coco.decode(m) > 0 for m in masklet.masks]
    return np.stack(masks)


def test_everything_in_the_first_frame_is_tracked_to_the_end() -> None:
    clip = squares(4)
    tubes = [tube(masklet, clip) for masklet in found_in(clip)]
    assert len(tubes) == 2
    for colour in (RED, GREEN):
        assert any(np.array_equal(found, truth(clip, colour)) for found in tubes)


@pytest.mark.parametrize(("with_proposal", "score"), [(True, 0.8 * 0.9), (False, 0.8)])
def test_the_score_is_the_mean_predicted_iou_times_that_of_the_proposal(
    with_proposal: bool, score: float
) -> None:
    found = found_in(squares(4), proposal_score=with_proposal)
    assert [masklet.score for masklet in found] == pytest.approx([score] * 2)


def test_frames_in_which_an_object_is_not_seen_do_not_count() -> None:
    found = found_in(squares(6), model(tracker=SteadyTracker(hidden=range(2, 4))), proposal_score=False)
    for masklet in found:
        assert [mask is None for mask in masklet.masks] == [False, False, True, True, False, False]
        assert masklet.score == pytest.approx(0.8)


class Cautious(UnsureSegmenter):
    """Leaves out the left half of what it proposed."""

    def decode(self, embedding: Embedding, prompts: Prompts, contexts=None) -> Decoded:
        decoded = super().decode(embedding, prompts, contexts)
        logits = decoded.low_res.clone()
        for one in logits:
            columns = (one > 0).any(0).nonzero()[:, 0]
            one[:, columns[: len(columns) // 2]] = -1
        return Decoded(logits, decoded.scores)

    def candidates(self, embedding: Embedding, prompts: Prompts) -> Decoded:
        whole = UnsureSegmenter().candidates(embedding, prompts)
        return Decoded(whole.low_res, whole.scores)


@pytest.mark.parametrize(("first_mask", "columns"), [("given", 12), ("predicted", 6)])
def test_the_first_mask_is_the_proposal_or_the_methods_own(first_mask: str, columns: int) -> None:
    clip = squares(3)
    for masklet in found_in(clip, model(Cautious()), first_mask=first_mask):
        if coco.decode(masklet.masks[1])[10].any():  # the red one
            assert [int(mask.any(0).sum()) for mask in tube(masklet, clip)] == [columns, 6, 6]
            break
    else:
        pytest.fail("the red square was not found")


@pytest.mark.parametrize("size", [1, 2, None])
def test_batches_give_the_same_masklets(size: int | None) -> None:
    assert found_in(squares(4), objects_per_batch=size) == found_in(squares(4))


class LittleMemory(UnsureSegmenter):
    """Has room for one object at a time."""

    def decode(self, embedding: Embedding, prompts: Prompts, contexts=None) -> Decoded:
        if len(prompts) > 1:
            raise torch.OutOfMemoryError
        return super().decode(embedding, prompts, contexts)

    def candidates(self, embedding: Embedding, prompts: Prompts) -> Decoded:
        each = [
            super(LittleMemory, self).candidates(embedding, Prompts(p[None], label[None]))
            for p, label in zip(prompts.points, prompts.labels, strict=True)
        ]
        return Decoded(torch.cat([d.low_res for d in each]), torch.cat([d.scores for d in each]))


def test_where_memory_runs_out_fewer_objects_are_tracked_at_a_time(caplog: pytest.LogCaptureFixture) -> None:
    assert found_in(squares(3), model(LittleMemory())) == found_in(squares(3))
    assert "1 objects" in caplog.text


def test_the_first_frame_alone_is_looked_at_by_default() -> None:
    assert len(found_in(squares(6, gone=range(2)))) == 1


def test_redetection_finds_what_comes_later_and_nothing_twice() -> None:
    clip = squares(7, gone=range(3))
    red, green = found_in(clip, redetect=Redetect(every=2))  # looks at frames 0, 2, 4, 6
    np.testing.assert_array_equal(tube(red, clip), truth(clip, RED))
    assert green.masks[:4] == [None] * 4
    np.testing.assert_array_equal(tube(green, clip)[4:], truth(clip, GREEN)[4:])


def test_a_proposal_is_new_up_to_the_threshold() -> None:
    frame = squares(1)[0]
    (red, green) = propose(frame, UnsureSegmenter(), GRID)

    def shifted(proposal: Proposal) -> FoundMasklet:
        moved = np.roll(proposal.mask, 6, axis=1)  # of the red one, half: IoU 1/3
        return FoundMasklet([None, *encode_seen(moved[None])], 1.0)

    found = [shifted(p) for p in (red, green) if p.mask[10].any()]
    (first,) = (p for p in (red, green) if p.mask[10].any())
    assert first in new_proposals([red, green], found, 1, overlap=0.34)
    assert first not in new_proposals([red, green], found, 1, overlap=0.33)
    assert new_proposals([red, green], found, 0, overlap=0.0) == [red, green]  # it is absent there


@pytest.mark.parametrize(("every", "looks"), [(None, 1), (2, 3)])
@pytest.mark.parametrize(("layers", "crops"), [(0, 0), (1, 4)])
def test_a_frame_is_encoded_once_to_find_and_to_track(
    every: int | None, looks: int, layers: int, crops: int
) -> None:
    clip, sam_pt = squares(6), model()
    encoder = sam_pt.encoder(clip)
    settings = VisSettings(replace(GRID, crop_n_layers=layers), Redetect(every))
    assert MaskletFinder(sam_pt, settings)(clip, encoder)
    assert encoder.counts["frames"] == 6
    assert sam_pt.segmenter.encoded == 6 + looks * crops


def test_nothing_to_be_found() -> None:
    assert found_in(np.zeros((3, 48, 64, 3), np.uint8)) == []


def test_no_more_masklets_than_asked_for() -> None:
    sam_pt = model()
    settings = VisSettings(ProposalSettings(points_per_side=8, stability_score_offset=0.5, max_masks=1))
    assert len(MaskletFinder(sam_pt, settings)(squares(3), sam_pt.encoder(squares(3)))) == 1


def test_every_stage_is_timed() -> None:
    sam_pt, clip = model(), squares(3)
    track = MaskletFinder(sam_pt, VisSettings(GRID))
    track(clip, sam_pt.encoder(clip))
    assert {"propose", "select", "track", "encode", "prompt", "upscale", "write"} <= track.seconds.keys()


def test_the_preview_segmenter_makes_no_proposals() -> None:
    with pytest.raises(ConfigError, match="grabcut"):
        found_in(squares(3), model(GrabCutSegmenter()))


@pytest.mark.parametrize(
    ("kind", "setting", "value"),
    [(Redetect, "every", 0), (Redetect, "overlap", 1.5), (VisSettings, "objects_per_batch", 0)],
)
def test_settings_out_of_range(kind, setting, value) -> None:
    with pytest.raises(ValueError, match=setting):
        kind(**{setting: value})
