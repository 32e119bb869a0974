"""CoTracker3 and CoTracker 2 against the official models and predictors, with stand-in weights at full size.

Coordinates are compared in pixels of the original clip. The official predictors' support grid is at the first
frame alone, which is a grid every so many frames as the clip has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sampt.trackers.base import PointTracker
from sampt.trackers.clip import Clip
from sampt.trackers.cotracker.base import Prediction
from sampt.trackers.cotracker.models import (
    CoTrackerModel,
    build_cotracker2,
    build_cotracker3,
    build_cotracker3_offline,
)
from sampt.trackers.cotracker.offline import CoTracker3Offline
from sampt.trackers.cotracker.online import CoTracker2, CoTracker3
from sampt.trackers.cotracker.points import SupportGrid

PIXELS = {"cotracker3_offline": 0.01, "cotracker3_online": 0.01, "cotracker2": 0.005}
SCORE = 1e-3

MODELS = {
    "cotracker3_offline": (build_cotracker3_offline, CoTracker3Offline),
    "cotracker3_online": (build_cotracker3, CoTracker3),
    "cotracker2": (build_cotracker2, CoTracker2),
}

Golden = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Recorded:
    """One file of goldens, and a tracker with the weights it was recorded with, that keeps all features."""

    name: str
    golden: Golden
    clip: Clip
    tracker: PointTracker

    @property
    def queries(self) -> NDArray[np.float32]:
        return self.golden["queries"][0]

    def after_query(self, frames: int) -> NDArray[np.bool_]:
        return np.arange(frames)[:, None] > self.queries[None, :, 0]

    def agrees(
        self, xy: NDArray[np.float32], recorded: NDArray[np.float32], where: NDArray[np.bool_]
    ) -> None:
        assert where.any()
        np.testing.assert_allclose(xy[where], recorded[where], rtol=0, atol=PIXELS[self.name])


def recorded(name: str, golden_dir: Path, stand_ins: ModuleType) -> Recorded:
    manifest = json.loads((golden_dir / f"{name}.shapes.json").read_text())
    golden = dict(np.load(golden_dir / f"{name}.npz"))
    build, make = MODELS[name]
    model = build()
    weights = stand_ins.stand_in_state_dict(
        manifest["shapes"], manifest["seed"], manifest["gain"], manifest.get("scale")
    )
    model.load_state_dict(weights | {buffer: model.state_dict()[buffer] for buffer in manifest["buffers"]})
    video = stand_ins.stand_in_video(*golden["video_args"].tolist())
    tracker = make(model, make.Options(support_grid_every=len(video), frames_kept=len(video)))
    return Recorded(name, golden, Clip.of(video), tracker)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Beside other processes, threads that share such small work wait for each other most of the time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def offline(golden_dir: Path, stand_ins: ModuleType) -> Recorded:
    return recorded("cotracker3_offline", golden_dir, stand_ins)


@pytest.fixture(scope="module")
def online(golden_dir: Path, stand_ins: ModuleType) -> Recorded:
    return recorded("cotracker3_online", golden_dir, stand_ins)


@pytest.fixture(scope="module")
def two(golden_dir: Path, stand_ins: ModuleType) -> Recorded:
    return recorded("cotracker2", golden_dir, stand_ins)


def stacked(predictions: list[Prediction]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Positions, (T, N, 2), and scores, (T, N)."""
    return np.stack([p.xy for p in predictions]), np.stack([p.score for p in predictions])


def original_pixels(tracks: NDArray[np.float32], recorded: Recorded) -> NDArray[np.float32]:
    """Tracks in pixels of the resized clip, in those of the original one."""
    height, width = recorded.clip[0].shape[:2]
    resized_height, resized_width = recorded.golden["interp_shape"]
    return tracks * np.float32([(width - 1) / (resized_width - 1), (height - 1) / (resized_height - 1)])


def visible_inside(visible: NDArray[np.bool_], xy: NDArray[np.float32], clip: Clip) -> NDArray[np.bool_]:
    """The official predictors call points outside the frame visible, too."""
    height, width = clip[0].shape[:2]
    return visible & ((xy >= -0.5) & (xy <= [width - 0.5, height - 0.5])).all(-1)


@pytest.mark.parametrize("name", MODELS)
def test_names_and_shapes(name: str, golden_dir: Path) -> None:
    manifest = json.loads((golden_dir / f"{name}.shapes.json").read_text())
    model: CoTrackerModel = MODELS[name][0]()
    assert {n: list(w.shape) for n, w in model.state_dict().items()} == manifest["shapes"]


@torch.inference_mode()
def test_cotracker3_offline_model(offline: Recorded) -> None:
    tracker, golden = offline.tracker, offline.golden
    assert isinstance(tracker, CoTracker3Offline)
    model = tracker.model
    pyramid = tracker.frames.pyramid(offline.clip, range(len(offline.clip)))
    size = tracker.frames.frame_size(offline.clip, 0)
    starts = torch.from_numpy(offline.queries[:, 0]).long()
    given = tracker.frames.to_features(offline.queries[:, 1:], size)
    xy = given[:, None].expand(-1, len(pyramid), -1)
    logits = torch.zeros(*xy.shape[:2], 2)
    templates = model.templates(pyramid, starts, given)
    xy, logits = model.refine(pyramid, templates, xy, logits, logits[..., 0] == 0, tracker.options.iterations)
    pixels = tracker.frames.to_pixels(xy, size).swapaxes(0, 1)
    everywhere = np.ones(pixels.shape[:2], bool)
    offline.agrees(pixels, original_pixels(golden["model_tracks"][0], offline), everywhere)
    scores = logits.sigmoid().numpy().swapaxes(0, 1)
    np.testing.assert_allclose(scores[..., 0], golden["model_vis"][0], rtol=0, atol=SCORE)
    np.testing.assert_allclose(scores[..., 1], golden["model_conf"][0], rtol=0, atol=SCORE)


@pytest.mark.slow
def test_cotracker3_offline_predictor(offline: Recorded) -> None:
    tracks = offline.tracker.track(offline.clip, offline.queries)
    xy, visible = (offline.golden[f"predictor_{part}"][0] for part in ("tracks", "vis"))
    offline.agrees(tracks.xy, xy, np.ones(visible.shape, bool))
    np.testing.assert_array_equal(tracks.visible, visible_inside(visible, xy, offline.clip))


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, -1], ids=["first chunk", "last chunk"])
def test_cotracker3_online_predictor(online: Recorded, which: int) -> None:
    tracker = online.tracker
    assert isinstance(tracker, CoTracker3)
    starts = sorted(int(key.removeprefix("tracks_")) for key in online.golden if key.startswith("tracks_"))
    assert starts[1] - starts[0] == online.golden["step"] == tracker.model.window // 2
    recorded_xy, recorded_visible = (
        online.golden[f"{part}_{starts[which]}"][0] for part in ("tracks", "vis")
    )
    frames = len(recorded_xy)
    # The official predictor is told of queries to come, and what it says about frames before a query counts.
    part = online.clip[:frames]
    xy, score = stacked(list(tracker.predict(part, online.queries)))
    online.agrees(xy, recorded_xy, np.ones((frames, len(online.queries)), bool))
    sure = np.abs(score - tracker.options.visibility_threshold) > SCORE
    assert sure.any()
    np.testing.assert_array_equal(
        (score > tracker.options.visibility_threshold)[sure], recorded_visible[sure]
    )


@pytest.mark.slow
def test_cotracker2_model(two: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(two.tracker, CoTracker2)
    monkeypatch.setattr(two.tracker, "support", SupportGrid(0, None))
    xy, score = stacked(list(two.tracker.predict(two.clip, two.queries)))
    # Before its query a point is not tracked: the official model's numbers there mean nothing.
    tracked = two.after_query(len(two.clip))
    two.agrees(xy, original_pixels(two.golden["model_tracks"][0], two), tracked)
    recorded_score = two.golden["model_vis"][0][tracked]
    np.testing.assert_allclose(score[tracked], recorded_score, rtol=0, atol=SCORE)


@pytest.mark.slow
def test_cotracker2_predictor(two: Recorded) -> None:
    tracks = two.tracker.track(two.clip, two.queries)
    xy, visible = (two.golden[f"predictor_{part}"][0] for part in ("tracks", "vis"))
    two.agrees(tracks.xy, xy, np.ones(visible.shape, bool))
    np.testing.assert_array_equal(tracks.visible, visible_inside(visible, xy, two.clip))
