"""RAFT by torchvision against the original implementation, with stand-in weights at full size."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from sampt.trackers.raft.options import RaftOptions
from sampt.trackers.raft.tracker import RaftFlow
from sampt.trackers.raft.weights import build_raft, raft_size, torchvision_state

TOLERANCE = 0.01
"""Pixels."""


@pytest.fixture(scope="module", params=["large", "small"])
def size(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def manifest(golden_dir: Path, size: str) -> dict:
    return json.loads((golden_dir / f"raft_{size}.shapes.json").read_text())


@pytest.fixture(scope="module")
def golden(golden_dir: Path, size: str) -> dict[str, np.ndarray]:
    return dict(np.load(golden_dir / f"raft_{size}.npz"))


@pytest.fixture(scope="module")
def weights(manifest: dict, stand_ins: ModuleType) -> dict[str, torch.Tensor]:
    """Under the original's names."""
    return stand_ins.stand_in_state_dict(
        manifest["shapes"], manifest["seed"], manifest["gain"], manifest.get("scale")
    )


@pytest.fixture(scope="module")
def flow(weights: dict[str, torch.Tensor], golden: dict[str, np.ndarray], size: str) -> RaftFlow:
    model = build_raft(size)
    model.load_state_dict(torchvision_state(weights), strict=True)
    return RaftFlow(model, RaftOptions(iterations=int(golden["iters"])))


@pytest.fixture(scope="module")
def clip(golden: dict[str, np.ndarray], stand_ins: ModuleType) -> np.ndarray:
    return stand_ins.stand_in_video(*golden["video_args"].tolist())


def test_every_original_name_has_one_of_torchvisions_and_the_same_shape(manifest: dict, size: str) -> None:
    original = {name: torch.empty(shape) for name, shape in manifest["shapes"].items()}
    renamed = {name: tuple(value.shape) for name, value in torchvision_state(original).items()}
    assert renamed == {name: tuple(value.shape) for name, value in build_raft(size).state_dict().items()}
    aliases = [name for name in original if ".norm3." in name]
    assert len(renamed) == len(original) - len(aliases)


def test_the_size_is_told_from_the_weights(weights: dict[str, torch.Tensor], size: str) -> None:
    assert raft_size(torchvision_state(weights)) == size


def test_the_flow_at_low_resolution(flow: RaftFlow, clip: np.ndarray, golden: dict[str, np.ndarray]) -> None:
    coarse, _ = flow.coarse_flow(flow.prepare(clip[0]), flow.prepare(clip[1]))
    np.testing.assert_allclose(coarse.numpy(), golden["flow_low"], atol=TOLERANCE, rtol=0)


def test_the_flow_at_the_frames_resolution(
    flow: RaftFlow, clip: np.ndarray, golden: dict[str, np.ndarray]
) -> None:
    full = flow(flow.prepare(clip[0]), flow.prepare(clip[1]))
    assert full.shape == (*clip.shape[1:3], 2)
    recorded = golden["flow_up"][0].transpose(1, 2, 0)
    # The original's flow is that of the padded frames, until its padder cuts it.
    top, left = ((recorded.shape[axis] - full.shape[axis]) // 2 for axis in (0, 1))
    inside = recorded[top : top + full.shape[0], left : left + full.shape[1]]
    np.testing.assert_allclose(full, inside, atol=TOLERANCE, rtol=0)
