"""What only a GPU can show: captured graphs, two memories, half precision, reading ahead."""

from __future__ import annotations

import pytest
import torch

from sampt import QueryPoints
from sampt.config.schema import CacheBudget
from sampt.methods.sam_pt.reinitialisation import AtHorizon
from sampt.segmenters.base import Prompts
from sampt.segmenters.captured import Captured
from sampt.segmenters.hq_sam import HqSamSegmenter
from sampt.segmenters.sam import SamSegmenter
from tests.sampt.parts import squares, tiny_hq_sam, tiny_sam
from tests.sampt.runs import green, masks_of, model, red, segment

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
MODELS = {"sam": (tiny_sam, SamSegmenter), "hq-sam": (tiny_hq_sam, HqSamSegmenter)}


@pytest.mark.parametrize("family", MODELS)
class TestDecoder:
    def prompts(self, seed: int, box: bool, device: str) -> Prompts:
        generator = torch.Generator().manual_seed(seed)
        points = torch.rand(3, 5, 2, generator=generator) * 48
        boxes = torch.tensor([[4.0, 4.0, 40.0, 40.0]]).repeat(3, 1) if box else None
        return Prompts(
            points.to(device),
            torch.tensor([[1, 1, 1, 0, 0]] * 3, device=device),
            None if boxes is None else boxes.to(device),
        )

    @pytest.mark.parametrize("box", [False, True])
    def test_as_on_the_cpu_again_and_again(self, family, box):
        """The second and third call replay the graph that the first one captured, with other values."""
        build, segmenter = MODELS[family]
        cpu, gpu = segmenter(build()), segmenter(build(), "cuda")
        for seed in range(3):
            (here,), (there,) = cpu.encode([squares()[seed]]), gpu.encode([squares()[seed]])
            ours = gpu.decode(there, self.prompts(seed, box, "cuda"))
            theirs = cpu.decode(here, self.prompts(seed, box, "cpu"))
            torch.testing.assert_close(ours.low_res.cpu(), theirs.low_res, atol=5e-3, rtol=1e-3)
            torch.testing.assert_close(ours.scores.cpu(), theirs.scores, atol=5e-3, rtol=1e-3)

    def test_extent_stays_on_the_device(self, family):
        build, segmenter = MODELS[family]
        made = segmenter(build(), "cuda")
        (embedding,) = made.encode([squares()[0]])
        low_res = made.decode(embedding, self.prompts(0, False, "cuda")).low_res
        with torch.cuda.device(low_res.device):
            torch.cuda.set_sync_debug_mode("error")
            try:
                boxes, _ = made.extent(low_res, (48, 64))
                made.decode(embedding, self.prompts(0, True, "cuda").refined(boxes, low_res))
            finally:
                torch.cuda.set_sync_debug_mode("default")

    def test_half_precision_is_close(self, family):
        build, segmenter = MODELS[family]
        exact = segment(model(segmenter=segmenter(build(), "cuda")), squares(8), red(), green())
        half = segment(
            model(segmenter=segmenter(build(), "cuda", torch.bfloat16)), squares(8), red(), green()
        )
        assert (masks_of(exact, 1) == masks_of(half, 1)).mean() > 0.9


def test_graphs_are_bounded_and_kept_apart_by_shape():
    captured = Captured(lambda x, y: (x * 2 if y is None else x * y,), torch.device("cuda"), limit=2)
    for n in (1, 2, 3, 1):
        x = torch.arange(n, device="cuda", dtype=torch.float32)
        assert torch.equal(captured(x, None)[0], x * 2)
        assert torch.equal(captured(x, x)[0], x * x)
    assert len(captured._graphs) == 2


def test_embeddings_overflow_to_pinned_memory():
    made = model(segmenter=SamSegmenter(tiny_sam(), "cuda"))
    (embedding,) = made.segmenter.encode([squares()[0]])
    pinned = embedding.to(torch.device("cpu"))
    assert all(f.is_pinned() for f in pinned.features)
    assert all(torch.equal(a.to("cuda"), b) for a, b in zip(pinned.features, embedding.features, strict=True))


def test_with_a_small_device_budget_the_host_keeps_frames_from_being_encoded_twice():
    made = model(AtHorizon(4, 4), segmenter=SamSegmenter(tiny_sam(), "cuda"), cache=CacheBudget(1, 1 << 30))
    stream = made.stream(squares(), QueryPoints((red(5), green(8))))
    results = list(stream)
    assert stream.encoder.calls == len(results) == 12
    assert stream.encoder.cache.host_hits > 0
