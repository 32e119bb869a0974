"""Visitors' workspaces without a server."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sampt.app.model_menu import ModelMenu, PartNames
from sampt.app.visitors import Workspaces
from sampt.app.workspace import Workspace
from sampt.config import Config, load_config

QUICK = PartNames("grabcut", "dis")


def settings(choice: PartNames) -> Config:
    return load_config("quick", [f"segmenter.name={choice.segmenter}", f"tracker.name={choice.tracker}"])


def make_workspaces(folder: Path, clip: Path, **limits: Any) -> Workspaces:
    def ready(workspace: Workspace) -> None:
        workspace.open(clip, clip.name)

    return Workspaces(folder, ModelMenu(settings, QUICK), ready, **{"pages": 9, **limits})


def in_time(happens: Callable[[], bool]) -> bool:
    """Whether something happens within some seconds."""
    deadline = time.monotonic() + 20
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.01)
    return happens()


def files_of(workspace: Workspace) -> list[Path]:
    return [path for path in workspace.folder.rglob("*") if path.is_file()]
