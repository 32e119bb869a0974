"""Every segmenter keeps the protocol's promises."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from sampt.segmenters.base import Decoded, PromptableSegmenter, Prompts
from sampt.segmenters.grabcut import GrabCutSegmenter
from tests.sampt.parts import ENCODER_SIDE, tiny_hq_segmenter, tiny_segmenter

from .discs import disc_box, on_disc, one, picture, same

MAKERS = {"grabcut": GrabCutSegmenter, "sam": tiny_segmenter, "hq-sam": tiny_hq_segmenter}
"""The classes; ``mobile-sam`` is a ``SamSegmenter``, too, and has its parity test."""
SIZES = {"landscape": (48, 80), "portrait": (90, 41), "odd": (33, 47), "square": (64, 64)}


@pytest.fixture(scope="module", params=MAKERS)
def segmenter(request: pytest.FixtureRequest) -> PromptableSegmenter:
    return MAKERS[request.param]()


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
class TestConformance:
    def test_a_batch_of_frames_encodes_as_single_frames_do(self, segmenter, size):
        frames = [picture(*size, seed) for seed in range(3)]
        for together, frame in zip(segmenter.encode(frames), frames, strict=True):
            (alone,) = segmenter.encode([frame])
            assert together.size == alone.size == size
            assert together.nbytes == alone.nbytes > 0
            same(segmenter.decode(together, on_disc(size)), segmenter.decode(alone, on_disc(size)))

    def test_a_batch_of_objects_decodes_as_single_objects_do(self, segmenter, size):
        (embedding,) = segmenter.encode([picture(*size)])
        prompts = on_disc(size, 3)
        prior = segmenter.decode(embedding, prompts).low_res
        for asked in (prompts, prompts.refined(disc_box(size, 3), prior)):
            together = segmenter.decode(embedding, asked)
            for k in range(3):
                alone = segmenter.decode(embedding, one(asked, k))
                same(Decoded(together.low_res[k : k + 1], together.scores[k : k + 1]), alone)

    def test_contexts_belong_to_their_objects(self, segmenter, size):
        (first, later) = segmenter.encode([picture(*size, 0), picture(*size, 1)])
        prompts = on_disc(size, 2)
        contexts = segmenter.learn(first, prompts)
        assert (contexts is not None) == segmenter.learns
        if contexts is None:
            return
        assert len(contexts) == 2
        together = segmenter.decode(later, prompts, contexts)
        for k in range(2):
            alone = segmenter.decode(later, one(prompts, k), contexts[k : k + 1])
            same(Decoded(together.low_res[k : k + 1], together.scores[k : k + 1]), alone)

    def test_shapes_and_types(self, segmenter, size):
        (embedding,) = segmenter.encode([picture(*size)])
        decoded = segmenter.decode(embedding, on_disc(size, 2))
        assert decoded.low_res.ndim == 3 and len(decoded.low_res) == 2
        assert decoded.scores.shape == (2,)
        assert decoded.low_res.dtype == decoded.scores.dtype == torch.float32
        full = segmenter.upscale(decoded.low_res, size)
        assert full.shape == (2, *size) and full.dtype == torch.float32
        assert full.isfinite().all()

    def test_extent_is_that_of_the_upscaled_mask(self, segmenter, size):
        (embedding,) = segmenter.encode([picture(*size)])
        low_res = segmenter.decode(embedding, on_disc(size, 2)).low_res
        boxes, areas = segmenter.extent(low_res, size)
        # The encoder's pixels may be larger or smaller than the frame's: up to one of each off.
        pixel = 1 + max(size) / ENCODER_SIDE
        for mask, box, area in zip(segmenter.upscale(low_res, size) > 0, boxes, areas, strict=True):
            rows, columns = np.nonzero(mask.numpy())
            assert len(rows) > 0 and area > 0
            truth = [columns.min(), rows.min(), columns.max(), rows.max()]
            np.testing.assert_allclose(box, truth, atol=pixel)

    def test_the_extent_of_nothing_has_no_area(self, segmenter, size):
        (embedding,) = segmenter.encode([picture(*size)])
        low_res = segmenter.decode(embedding, on_disc(size, 2)).low_res
        assert segmenter.extent(torch.full_like(low_res, -1.0), size)[1].tolist() == [0, 0]

    def test_candidates(self, segmenter, size):
        (embedding,) = segmenter.encode([picture(*size)])
        several = segmenter.candidates(embedding, on_disc(size, 2))
        assert several.low_res.ndim == 4 and several.low_res.shape[:2] == several.scores.shape
        assert len(several.scores) == 2

    def test_prepared_frames_are_encoded_alike(self, segmenter, size):
        (plain,) = segmenter.encode([picture(*size)])
        (prepared,) = segmenter.encode([segmenter.prepare(picture(*size))])
        same(segmenter.decode(plain, on_disc(size)), segmenter.decode(prepared, on_disc(size)))
        assert plain.size == prepared.size == size

    def test_a_box_alone_is_a_prompt(self, segmenter, size):
        (embedding,) = segmenter.encode([picture(*size)])
        nowhere = Prompts(torch.zeros(1, 0, 2), torch.zeros(1, 0, dtype=torch.int64), boxes=disc_box(size))
        decoded = segmenter.decode(embedding, nowhere)
        assert decoded.low_res.isfinite().all() and decoded.scores.isfinite().all()

    def test_box_and_mask_can_both_be_given(self, segmenter, size):
        (embedding,) = segmenter.encode([picture(*size)])
        before = segmenter.decode(embedding, on_disc(size))
        refined = segmenter.decode(embedding, on_disc(size).refined(disc_box(size), before.low_res))
        assert refined.low_res.shape == before.low_res.shape

    def test_the_same_prompts_give_the_same_bits(self, segmenter, size):
        def run(seed: int) -> Decoded:
            cv2.setRNGSeed(seed)  # whatever else uses OpenCV's generator must not matter
            (embedding,) = segmenter.encode([picture(*size)])
            contexts = segmenter.learn(embedding, on_disc(size))
            return segmenter.decode(embedding, on_disc(size), contexts)

        first, second = run(1), run(2)
        assert torch.equal(first.low_res, second.low_res) and torch.equal(first.scores, second.scores)
