"""SAM and its relatives give what their own packages give, however they are computed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import segment_anything
import torch
from safetensors.torch import save_file

from sampt.errors import CheckpointError
from sampt.segmenters import attention, hq_sam, variants
from sampt.segmenters.attention import RelativeAttention, TwoWayTransformer, fuse_attention
from sampt.segmenters.base import Prompts
from sampt.segmenters.registry import create_segmenter
from sampt.segmenters.sam import SamSegmenter
from sampt.segmenters.variants import VARIANTS, Variant, from_checkpoint, with_random_weights
from tests.sampt.parts import tiny_hq_sam, tiny_sam

FAMILY: dict[str, tuple[Callable, type[SamSegmenter], type]] = {
    "sam": (tiny_sam, SamSegmenter, segment_anything.SamPredictor),
    "hq-sam": (tiny_hq_sam, hq_sam.HqSamSegmenter, hq_sam.package.SamPredictor),
}
each_family = pytest.mark.parametrize("family", FAMILY)
SIZES = {"landscape": (144, 256), "portrait": (250, 130), "1024 wide": (300, 1024), "1024 high": (1024, 420)}


def noise(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def agree(ours: object, theirs: object) -> None:
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=0, atol=1e-4)


@pytest.fixture(scope="module", params=FAMILY)
def both(request):
    """Ours with fused attention, and the package's predictor with its own."""
    build, segmenter, predictor = FAMILY[request.param]
    model = build(1024, depth=2)
    plain = copy.deepcopy(model)
    fuse_attention(model)
    return segmenter(model), predictor(plain)


@pytest.fixture(scope="module", params=SIZES)
def encoded(request, both):
    size = SIZES[request.param]
    segmenter, predictor = both
    predictor.set_image(noise(size))
    return size, segmenter.encode([noise(size)])[0]


class TestAgainstItsPackage:
    """The decoder's and prompts' real geometry (1024 px, 64 × 64 features) behind a narrow encoder."""

    def points(self, size) -> tuple[np.ndarray, np.ndarray]:
        height, width = size
        xy = np.float32([[0.3, 0.4], [0.6, 0.7], [0.9, 0.1]]) * np.float32([width, height])
        return xy, np.array([1, 1, 0])

    @pytest.mark.parametrize("box", [False, True], ids=["", "box"])
    @pytest.mark.parametrize("mask", [False, True], ids=["", "mask"])
    def test_masks_and_scores(self, both, encoded, box, mask):
        segmenter, predictor = both
        size, embedding = encoded
        xy, labels = self.points(size)
        _, _, first = predictor.predict(xy, labels, multimask_output=False)
        corners = np.float32([10, 20, size[1] - 30, size[0] - 40])
        full, scores, low_res = predictor.predict(
            xy,
            labels,
            corners if box else None,
            first if mask else None,
            multimask_output=False,
            return_logits=True,
        )
        prompts = Prompts(
            torch.from_numpy(xy[None]),
            torch.from_numpy(labels[None]),
            torch.from_numpy(corners[None]) if box else None,
            torch.from_numpy(first) if mask else None,
        )
        decoded = segmenter.decode(embedding, prompts)
        assert np.ptp(low_res) > 0.1
        agree(decoded.low_res, low_res)
        agree(decoded.scores, scores)
        agree(segmenter.upscale(decoded.low_res, size), full)

    def test_candidates(self, both, encoded):
        segmenter, predictor = both
        size, embedding = encoded
        xy, labels = self.points(size)
        _, scores, low_res = predictor.predict(xy, labels, multimask_output=True)
        several = segmenter.candidates(
            embedding, Prompts(torch.from_numpy(xy[None]), torch.from_numpy(labels[None]))
        )
        agree(several.low_res[0], low_res)
        agree(several.scores[0], scores)


@pytest.mark.slow
def test_light_hq_sam_at_full_size():
    """The early features of TinyViT have another width than those of a ViT."""
    model, segmenter = VARIANTS["hq-sam-light"].build()
    predictor = hq_sam.package.SamPredictor(copy.deepcopy(model).eval())
    frame = noise((90, 160))
    predictor.set_image(frame)
    _, scores, low_res = predictor.predict(np.float32([[80, 40]]), np.array([1]), multimask_output=False)
    ours = segmenter(model)
    decoded = ours.decode(
        ours.encode([frame])[0], Prompts(torch.tensor([[[80.0, 40.0]]]), torch.tensor([[1]]))
    )
    agree(decoded.low_res, low_res)
    agree(decoded.scores, scores)


class TestFusedAttention:
    @pytest.mark.parametrize("side", [14, 24])
    @pytest.mark.parametrize("heads_at_once", [1, 2, 3])
    def test_equals_the_packages(self, side, heads_at_once, monkeypatch):
        torch.manual_seed(0)
        plain = segment_anything.modeling.image_encoder.Attention(
            48, num_heads=3, use_rel_pos=True, input_size=(side, side)
        )
        torch.nn.init.normal_(plain.rel_pos_h)
        torch.nn.init.normal_(plain.rel_pos_w)
        monkeypatch.setattr(attention, "BIAS_BYTES", heads_at_once * 2 * side**4 * 4)
        x = torch.randn(2, side, side, 48)
        with torch.inference_mode():
            torch.testing.assert_close(RelativeAttention(plain)(x), plain(x), rtol=0, atol=1e-5)

    @each_family
    def test_names_of_parameters_stay(self, family):
        model = FAMILY[family][0](depth=2)
        before = {n: w.shape for n, w in model.state_dict().items()}
        fuse_attention(model)
        assert {n: w.shape for n, w in model.state_dict().items()} == before
        assert sum(isinstance(m, RelativeAttention) for m in model.modules()) == 2
        assert isinstance(model.mask_decoder.transformer, TwoWayTransformer)

    def test_tinyvit_stays_as_it_is(self):
        model = VARIANTS["mobile-sam"].build()[0]
        fuse_attention(model)
        assert not any(isinstance(m, RelativeAttention) for m in model.modules())


@each_family
class TestPrecisionAndSpeed:
    def decoded(self, segmenter: SamSegmenter):
        (embedding,) = segmenter.encode([noise((48, 64))])
        return segmenter.decode(embedding, Prompts(torch.tensor([[[20.0, 30.0]]]), torch.tensor([[1]])))

    def test_bfloat16_is_close_to_float32(self, family):
        build, segmenter, _ = FAMILY[family]
        exact, rough = (
            self.decoded(segmenter(build())),
            self.decoded(segmenter(build(), dtype=torch.bfloat16)),
        )
        assert rough.low_res.dtype == rough.scores.dtype == torch.float32
        spread = exact.low_res.std()
        assert 0 < (exact.low_res - rough.low_res).abs().mean() < 0.1 * spread

    def test_bfloat16_embeddings_take_half_the_memory(self, family):
        build, segmenter, _ = FAMILY[family]
        (exact,) = segmenter(build()).encode([noise((48, 64))])
        (half,) = segmenter(build(), dtype=torch.bfloat16).encode([noise((48, 64))])
        assert half.nbytes * 2 == exact.nbytes == sum(f.numel() * 4 for f in exact.features)

    def test_bfloat16_still_tells_neighbouring_pixels_apart(self, family):
        """Positions are embedded in float32: bfloat16 would make 1000 and 1001 the same."""
        build, segmenter, _ = FAMILY[family]
        made = segmenter(build(), dtype=torch.bfloat16)
        (embedding,) = made.encode([noise((48, 64))])

        given, decoder = [], made._run_decoder

        def noting(features: object, sparse: torch.Tensor, *rest: object) -> object:
            given.append(sparse)
            return decoder(features, sparse, *rest)

        made._run_decoder = noting

        def sparse(x: float) -> torch.Tensor:
            made.decode(embedding, Prompts(torch.tensor([[[x, 30.0]]]), torch.tensor([[1]])))
            return given[-1]

        assert embedding.features[0].dtype == torch.bfloat16
        assert (sparse(60.0) - sparse(60.05)).abs().max() > 0

    def test_a_batch_of_frames_is_encoded_like_each_alone(self, family):
        build, make, _ = FAMILY[family]
        segmenter = make(build())
        frames = [noise((48, 64), seed) for seed in range(3)]
        for together, frame in zip(segmenter.encode(frames), frames, strict=True):
            (alone,) = segmenter.encode([frame])
            assert together.size == alone.size and together.nbytes == alone.nbytes
            for ours, theirs in zip(together.features, alone.features, strict=True):
                agree(ours, theirs)


@pytest.mark.slow
def test_compiled():
    """Of HQ-SAM, which does the most besides calling its modules."""

    def decoded(segmenter: SamSegmenter):
        (embedding,) = segmenter.encode([noise((48, 64))])
        return segmenter.decode(embedding, Prompts(torch.tensor([[[20.0, 30.0]]]), torch.tensor([[1]])))

    plain = decoded(hq_sam.HqSamSegmenter(tiny_hq_sam()))
    compiled = decoded(hq_sam.HqSamSegmenter(tiny_hq_sam(), compile=True))
    agree(compiled.low_res, plain.low_res)
    agree(compiled.scores, plain.scores)


class TestCheckpoints:
    """A tiny model takes the place of ``sam-vit-b``, so that files are small."""

    @pytest.fixture(autouse=True)
    def tiny_variant(self, monkeypatch):
        tiny = Variant("SAM tiny", lambda: (tiny_sam(seed=1), SamSegmenter))
        monkeypatch.setitem(variants.VARIANTS, "sam-vit-b", tiny)

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "weights.pth"

    @pytest.mark.parametrize("format", ["zip", "legacy", "safetensors"])
    def test_loads_what_was_saved(self, path, format):
        state = tiny_sam(seed=0).state_dict()
        if format == "safetensors":
            path = path.with_suffix(".safetensors")
            save_file(state, path)
        else:
            torch.save(state, path, _use_new_zipfile_serialization=format == "zip")
        loaded = create_segmenter("sam-vit-b", str(path))
        assert loaded.name == "sam-vit-b"
        (ours,), (theirs,) = (s.encode([noise((48, 64))]) for s in (loaded, SamSegmenter(tiny_sam(seed=0))))
        agree(ours.features[0], theirs.features[0])

    @pytest.mark.parametrize(
        "state",
        [{"weight": torch.zeros(2)}, {}, {"image_encoder.pos_embed": torch.tensor(1.0)}],
        ids=["other names", "empty", "scalar"],
    )
    def test_another_models(self, path, state):
        torch.save(state, path)
        with pytest.raises(CheckpointError, match=r"SAM tiny: .*image_encoder") as caught:
            from_checkpoint("sam-vit-b", path)
        assert str(path) in str(caught.value)

    def test_a_relative_with_more_parameters(self, path):
        torch.save({**tiny_sam().state_dict(), "mask_decoder.hf_token.weight": torch.zeros(1, 32)}, path)
        with pytest.raises(CheckpointError, match=r"SAM tiny: .*hf_token"):
            from_checkpoint("sam-vit-b", path)

    def test_half_of_a_model(self, path):
        state = tiny_sam().state_dict()
        torch.save({k: v for k, v in state.items() if k.startswith("image_encoder")}, path)
        with pytest.raises(CheckpointError, match=r"SAM tiny: .*prompt_encoder.* more"):
            from_checkpoint("sam-vit-b", path)

    def test_missing(self, path):
        with pytest.raises(CheckpointError, match="does not exist"):
            create_segmenter("sam-vit-b", str(path))

    def test_random_weights_depend_on_the_seed_alone(self, monkeypatch):
        monkeypatch.setitem(
            variants.VARIANTS,
            "sam-vit-b",
            Variant("SAM", lambda: (tiny_sam(seed=torch.initial_seed()), SamSegmenter)),
        )
        torch.manual_seed(7)
        state = torch.get_rng_state()
        first, again, other = (with_random_weights("sam-vit-b", seed) for seed in (3, 3, 4))
        assert torch.equal(torch.get_rng_state(), state)
        a, b, c = (s.encode([noise((48, 64))])[0].features[0] for s in (first, again, other))
        assert torch.equal(a, b) and not torch.equal(a, c)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_can_be_built(name):
    with nullcontext() if name in ("hq-sam-light", "mobile-sam") else torch.device("meta"):
        model, segmenter = VARIANTS[name].build()
    assert issubclass(segmenter, SamSegmenter)
    assert model.image_encoder.img_size == 1024
