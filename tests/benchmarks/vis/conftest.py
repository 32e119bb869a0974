"""A miniature of each dataset, written once and never changed; tests that break one take a copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sampt.benchmarks.vis.miniature import write_vis_miniature

Miniature = Callable[[str], Path]


@pytest.fixture(scope="session")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> Miniature:
    """The root of a dataset's miniature; its videos have 4 frames."""
    folder = tmp_path_factory.mktemp("miniatures")

    def root(name: str) -> Path:
        if not (folder / name).exists():
            write_vis_miniature(name, folder / name, frames=4)
        return folder / name

    return root


@pytest.fixture
def copied(miniature: Miniature, tmp_path: Path) -> Miniature:
    """The root of a dataset's miniature that may be broken."""

    def root(name: str) -> Path:
        return Path(shutil.copytree(miniature(name), tmp_path / name))

    return root
