"""MobileSAM against the official implementation, with stand-in weights at full size."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from sampt.segmenters.base import Decoded, Embedding, Prompts
from sampt.segmenters.mobile_sam import build_mobile_sam
from sampt.segmenters.sam import SamSegmenter

TOLERANCE = 1e-3

pytestmark = pytest.mark.xdist_group("mobile_sam")  # one worker, or each would encode the frame


@pytest.fixture(scope="module")
def manifest(golden_dir: Path) -> dict:
    return json.loads((golden_dir / "mobile_sam.shapes.json").read_text())


@pytest.fixture(scope="module")
def golden(golden_dir: Path) -> dict[str, np.ndarray]:
    return dict(np.load(golden_dir / "mobile_sam.npz"))


@pytest.fixture(scope="module")
def weights(manifest: dict, stand_ins: ModuleType) -> dict[str, torch.Tensor]:
    return stand_ins.stand_in_state_dict(
        manifest["shapes"], manifest["seed"], manifest["gain"], manifest.get("scale")
    )


@pytest.fixture(scope="module")
def segmenter(weights: dict[str, torch.Tensor]) -> SamSegmenter:
    """As recorded: without the attention biases.

    The official builder freezes them, all zero, before it loads the checkpoint; only a further ``eval()``,
    which its README calls and the recording did not, takes up those that were loaded. Ours always has them.
    """
    model = build_mobile_sam()
    model.load_state_dict({n: w * ("attention_biases" not in n) for n, w in weights.items()})
    return SamSegmenter(model)


@pytest.fixture(scope="module")
def frame(golden: dict[str, np.ndarray], stand_ins: ModuleType) -> np.ndarray:
    return stand_ins.stand_in_video(*golden["video_args"].tolist())[0]


@pytest.fixture(scope="module")
def embedding(segmenter: SamSegmenter, frame: np.ndarray) -> Embedding:
    return segmenter.encode([frame])[0]


@pytest.fixture(scope="module")
def prompts(golden: dict[str, np.ndarray]) -> Prompts:
    return Prompts(torch.from_numpy(golden["points"][None]).float(), torch.from_numpy(golden["labels"][None]))


def subsampled(full: torch.Tensor, recorded: np.ndarray) -> np.ndarray:
    """Every so many-th entry of each axis, as many as were recorded."""
    steps = [ours // theirs for ours, theirs in zip(full.shape, recorded.shape, strict=True)]
    return full[tuple(slice(None, None, step) for step in steps)].numpy()


def agrees(ours: torch.Tensor, recorded: np.ndarray) -> None:
    np.testing.assert_allclose(subsampled(ours, recorded), recorded, rtol=0, atol=TOLERANCE)


def test_names_and_shapes(manifest: dict) -> None:
    assert {n: list(w.shape) for n, w in build_mobile_sam().state_dict().items()} == manifest["shapes"]


def test_features(embedding: Embedding, golden: dict[str, np.ndarray]) -> None:
    agrees(embedding.features[0][0], golden["features"])


def test_single_mask(
    segmenter: SamSegmenter, embedding: Embedding, prompts: Prompts, golden: dict[str, np.ndarray]
) -> None:
    decoded: Decoded = segmenter.decode(embedding, prompts)
    agrees(decoded.low_res, golden["low_res"])
    agrees(decoded.scores, golden["iou"])


def test_several_masks(
    segmenter: SamSegmenter, embedding: Embedding, prompts: Prompts, golden: dict[str, np.ndarray]
) -> None:
    decoded = segmenter.candidates(embedding, prompts)
    agrees(decoded.low_res[0], golden["low_res_multi"])
    agrees(decoded.scores[0], golden["iou_multi"])


def test_the_loaded_attention_biases_are_used(
    weights: dict[str, torch.Tensor], embedding: Embedding, frame: np.ndarray
) -> None:
    model = build_mobile_sam()
    model.load_state_dict(weights)
    (biased,) = SamSegmenter(model).encode([frame])
    assert (biased.features[0] - embedding.features[0]).abs().max() > TOLERANCE
