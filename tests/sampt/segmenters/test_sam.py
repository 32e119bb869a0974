"""SAM gives what its own package gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from segment_anything import SamPredictor

from sampt.segmenters.base import Prompts
from sampt.segmenters.sam import SamSegmenter
from tests.sampt.parts import tiny_sam

from .discs import disc_box, on_disc, picture, same


class TestSamAgainstItsPackage:
    """Sizes above, below and at the encoder's 64 px, so that frames, points and boxes are all resized."""

    @pytest.fixture
    def model(self):
        return tiny_sam()

    @pytest.fixture(params=[(48, 64), (64, 64), (120, 200), (200, 90), (31, 57), (24, 20)], ids=str)
    def size(self, request) -> tuple[int, int]:
        return request.param

    @pytest.fixture
    def predictor(self, model, size) -> SamPredictor:
        predictor = SamPredictor(model)
        predictor.set_image(picture(*size))
        return predictor

    @pytest.mark.parametrize("with_box", [False, True], ids=["points", "points and box"])
    @pytest.mark.parametrize("with_mask", [False, True], ids=["no mask", "mask"])
    def test_same_logits_and_scores(self, model, predictor, size, with_box, with_mask):
        segmenter = SamSegmenter(model)
        (embedding,) = segmenter.encode([picture(*size)])
        prompts = on_disc(size)
        points, labels = prompts.points[0].numpy(), prompts.labels[0].numpy()
        box, mask = None, None
        if with_mask:
            _, _, mask = predictor.predict(points, labels, multimask_output=False)
            prompts = Prompts(
                prompts.points, prompts.labels, masks=segmenter.decode(embedding, prompts).low_res
            )
        if with_box:
            box = disc_box(size)[0].numpy()
            prompts = Prompts(prompts.points, prompts.labels, disc_box(size), prompts.masks)
        full, scores, low_res = predictor.predict(
            points, labels, box, mask, multimask_output=False, return_logits=True
        )
        ours = segmenter.decode(embedding, prompts)
        assert np.ptp(low_res) > 0.1  # not a constant picture, which would agree with anything
        np.testing.assert_allclose(ours.low_res, low_res, atol=1e-4)
        np.testing.assert_allclose(ours.scores, scores, atol=1e-4)
        np.testing.assert_allclose(segmenter.upscale(ours.low_res, size), full, atol=1e-4)

    def test_box_alone(self, model, predictor, size):
        segmenter = SamSegmenter(model)
        (embedding,) = segmenter.encode([picture(*size)])
        _, scores, low_res = predictor.predict(box=disc_box(size)[0].numpy(), multimask_output=False)
        nowhere = Prompts(torch.zeros(1, 0, 2), torch.zeros(1, 0, dtype=torch.int64), boxes=disc_box(size))
        ours = segmenter.decode(embedding, nowhere)
        np.testing.assert_allclose(ours.low_res, low_res, atol=1e-4)
        np.testing.assert_allclose(ours.scores, scores, atol=1e-4)

    def test_a_box_is_scaled_into_the_encoders_frame(self, model):
        """The same box in a picture of twice the size is another prompt, and twice the box the same one."""
        segmenter = SamSegmenter(model)
        small = picture(32, 64)
        large = np.repeat(np.repeat(small, 2, 0), 2, 1)
        (a,), (b,) = segmenter.encode([small]), segmenter.encode([large])
        features = type(a)(a.features, b.size, b.nbytes)  # the same features, said to be of the large frame
        points, labels = torch.tensor([[[20.0, 10.0]]]), torch.tensor([[1]])
        box = torch.tensor([[10.0, 4.0, 40.0, 20.0]])
        first = segmenter.decode(a, Prompts(points, labels, box))
        same(first, segmenter.decode(features, Prompts(2 * points, labels, 2 * box)))
        unscaled = segmenter.decode(features, Prompts(2 * points, labels, box))
        assert (first.low_res - unscaled.low_res).abs().max() > 1e-3
