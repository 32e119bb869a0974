"""CoTracker's first version against the official code of that time, alone and as SAM-PT uses it.

Stand-in weights at full size; coordinates are compared in pixels of the original clip. Where a point's window
begins before its query, the official code leaves the window's own numbers there, which belong to no track;
ours come from the reversed clip, so those frames are not compared.
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

from sampt.trackers.clip import Clip
from sampt.trackers.cotracker.first import CoTracker1Model, build_cotracker1
from sampt.trackers.cotracker.online import CoTracker1
from sampt.trackers.cotracker.options import CoTracker1Options

PIXELS, SCORE = 0.005, 1e-3

SAM_PT = CoTracker1Options(visibility_threshold=0.7, support_grid=2, support_grid_every=12)

Golden = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Use:
    """One way in which official code uses the model, and how closely it must be met, in pixels."""

    queries: str
    options: CoTracker1Options
    frames: int | None = None
    pixels: float = PIXELS


USES = {
    "sampt": Use("queries", SAM_PT),
    "short": Use("short_queries", SAM_PT, frames=5),  # less than a window
    # The grid's coordinates differ in the last bit, which the model amplifies.
    "predictor": Use("queries", CoTracker1Options(support_grid_every=100), pixels=2 * PIXELS),
}
"""By the name that the recorded outputs have: SAM-PT's tracker twice, then the official predictor."""


@dataclass(frozen=True)
class Recorded:
    """The goldens, and the clip and the model that they were recorded with."""

    golden: Golden
    video: NDArray[np.uint8]
    model: CoTracker1Model

    def tracked(self, queries: NDArray[np.float32], frames: int) -> NDArray[np.bool_]:
        """Where official tracks are tracks, (T, N): after the query, and before the first window with it."""
        step = self.model.window // 2
        first_window = np.maximum(np.ceil((queries[:, 0] + 1) / step) - 2, 0) * step
        t = np.arange(frames)[:, None]
        return (t > queries[:, 0]) | (t < first_window)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Beside other processes, threads that share such small work wait for each other most of the time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def manifest(golden_dir: Path) -> dict:
    file = golden_dir / "cotracker1.shapes.json"
    if not file.exists():
        pytest.skip(f"{golden_dir} has no recorded outputs of CoTracker 1")
    return json.loads(file.read_text())


@pytest.fixture(scope="module")
def recorded(manifest: dict, golden_dir: Path, stand_ins: ModuleType) -> Recorded:
    golden = dict(np.load(golden_dir / "cotracker1.npz"))
    model = build_cotracker1()
    model.load_state_dict(
        stand_ins.stand_in_state_dict(
            manifest["shapes"], manifest["seed"], manifest["gain"], manifest["scale"]
        )
    )
    return Recorded(golden, stand_ins.stand_in_video(*golden["video_args"].tolist()), model)


def visible_inside(visible: NDArray[np.bool_], xy: NDArray[np.float32], clip: NDArray) -> NDArray[np.bool_]:
    """The official code calls points outside the frame visible, too."""
    height, width = clip[0].shape[:2]
    return visible & ((xy >= -0.5) & (xy <= [width - 0.5, height - 0.5])).all(-1)


def test_names_and_shapes(manifest: dict) -> None:
    shapes = {name: list(weight.shape) for name, weight in build_cotracker1().state_dict().items()}
    assert shapes == manifest["shapes"]


@pytest.mark.slow
def test_the_model(recorded: Recorded) -> None:
    golden, queries = recorded.golden, recorded.golden["queries"][0]
    predictions = list(
        CoTracker1(recorded.model, CoTracker1Options(support_grid=0)).predict(
            Clip.of(recorded.video), queries
        )
    )
    xy, score = np.stack([p.xy for p in predictions]), np.stack([p.score for p in predictions])
    shrunk = np.float32(recorded.video.shape[2:0:-1]) / golden["interp_shape"][::-1]
    after = np.arange(len(xy))[:, None] >= queries[:, 0]
    official = golden["model_tracks"][0] * shrunk
    np.testing.assert_allclose(xy[after], official[after], rtol=0, atol=PIXELS)
    np.testing.assert_allclose(score[after], golden["model_vis"][0][after], rtol=0, atol=SCORE)


@pytest.mark.slow
@pytest.mark.parametrize("part", USES)
def test_the_tracker(part: str, recorded: Recorded) -> None:
    use = USES[part]
    clip, queries = recorded.video[: use.frames], recorded.golden[use.queries][0]
    tracks = CoTracker1(recorded.model, use.options).track(clip, queries)
    xy, visible = recorded.golden[f"{part}_tracks"][0], recorded.golden[f"{part}_vis"][0].astype(bool)
    where = recorded.tracked(queries, len(clip))
    assert where.any()
    np.testing.assert_allclose(tracks.xy[where], xy[where], rtol=0, atol=use.pixels)
    np.testing.assert_array_equal(tracks.visible[where], visible_inside(visible, xy, clip)[where])
