"""A clip, and a page's workspace that shows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sampt.app.visitors import Workspaces
from sampt.app.workspace import Workspace
from sampt.synthetic.scene import SyntheticScene
from sampt.video.writer import VideoWriter

from .pages import make_workspaces


@pytest.fixture(scope="package")
def scene() -> SyntheticScene:
    return SyntheticScene(frames=12, height=180, width=320, objects=2, seed=3)


@pytest.fixture(scope="package")
def clip(scene: SyntheticScene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with VideoWriter(path, scene.fps, scene.size) as writer:
        for frame in scene:
            writer.write(frame)
    return path


@pytest.fixture
def workspaces(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> Workspaces:
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path / "home"))
    folder = tmp_path / "visitors"
    folder.mkdir()
    return make_workspaces(folder, clip)


@pytest.fixture
def workspace(workspaces: Workspaces, scene: SyntheticScene) -> Workspace:
    """With a point on the first object."""
    made = workspaces.enter("page")
    rows, columns = np.nonzero(scene.masks(0)[0])
    made.add_point(0, float(columns.mean()), float(rows.mean()), True)
    return made
