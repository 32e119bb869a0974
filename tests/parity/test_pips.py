"""PIPS against the official network, and against SAM-PT's chained use of it, with stand-in weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from sampt.trackers.pips.network import PipsNetwork, build_pips
from sampt.trackers.pips.options import PipsOptions
from sampt.trackers.pips.tracker import Pips

TOLERANCE = 1e-3
PIXELS = 0.005


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Beside other processes, threads that share such small work wait for each other most of the time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def manifest(golden_dir: Path) -> dict:
    return json.loads((golden_dir / "pips.shapes.json").read_text())


@pytest.fixture(scope="module")
def golden(golden_dir: Path) -> dict[str, np.ndarray]:
    return dict(np.load(golden_dir / "pips.npz"))


@pytest.fixture(scope="module")
def model(manifest: dict, stand_ins: ModuleType) -> PipsNetwork:
    model = build_pips().eval()
    weights = stand_ins.stand_in_state_dict(
        manifest["shapes"], manifest["seed"], manifest["gain"], manifest.get("scale")
    )
    model.load_state_dict(weights)
    return model


@pytest.fixture(scope="module")
def feature_maps(model: PipsNetwork, golden: dict[str, np.ndarray], stand_ins: ModuleType) -> torch.Tensor:
    clip = stand_ins.stand_in_video(*golden["video_args"].tolist())
    with torch.inference_mode():
        return model.encode(torch.from_numpy(clip).permute(0, 3, 1, 2).float())


@pytest.fixture(scope="module")
def points(golden: dict[str, np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(golden["xys"][0])


def agrees(ours: np.ndarray | torch.Tensor, recorded: np.ndarray, tolerance: float) -> None:
    np.testing.assert_allclose(ours, recorded, rtol=0, atol=tolerance)


def test_names_and_shapes(manifest: dict) -> None:
    assert {n: list(w.shape) for n, w in build_pips().state_dict().items()} == manifest["shapes"]


@torch.inference_mode()
def test_what_points_look_like(
    model: PipsNetwork, feature_maps: torch.Tensor, points: torch.Tensor, golden: dict[str, np.ndarray]
) -> None:
    agrees(model.describe(feature_maps[0], points), golden["feat"][0], TOLERANCE)


@torch.inference_mode()
@pytest.mark.parametrize(("recorded", "iterations"), [("coords_first", 1), ("coords_last", 6)])
def test_positions_in_a_window(
    recorded: str,
    iterations: int,
    model: PipsNetwork,
    feature_maps: torch.Tensor,
    points: torch.Tensor,
    golden: dict[str, np.ndarray],
) -> None:
    window = model(feature_maps, points, model.describe(feature_maps[0], points), iterations)
    agrees(window.xy.transpose(0, 1), golden[recorded][0], PIXELS)


@torch.inference_mode()
def test_visibility_in_a_window(
    model: PipsNetwork, feature_maps: torch.Tensor, points: torch.Tensor, golden: dict[str, np.ndarray]
) -> None:
    window = model(feature_maps, points, torch.from_numpy(golden["feat"][0]))
    agrees(window.visibility.T, golden["vis_logits"][0], TOLERANCE)


def test_chained_tracks(model: PipsNetwork, golden: dict[str, np.ndarray], stand_ins: ModuleType) -> None:
    clip = stand_ins.stand_in_video(*golden["chain_video_args"].tolist())
    tracks = Pips(model, PipsOptions(longest_side=None)).track(clip, golden["chain_queries"][0])
    agrees(tracks.xy, golden["chain_tracks"][0], PIXELS)
    assert not golden["chain_vis"].all()
    np.testing.assert_array_equal(tracks.visible, golden["chain_vis"][0])
