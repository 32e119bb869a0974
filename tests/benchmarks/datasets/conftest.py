"""A miniature of each dataset, written once and never changed; tests that break one take a copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sampt.benchmarks.datasets.miniature import write_miniature

Miniature = Callable[[str], Path]


@pytest.fixture(scope="session")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> Miniature:
    """The root of a dataset's miniature."""
    folder = tmp_path_factory.mktemp("miniatures")

    def root(name: str) -> Path:
        if not (folder / name).exists():
            write_miniature(name, folder / name)
        return folder / name

    return root


@pytest.fixture
def copied(miniature: Miniature, tmp_path: Path) -> Miniature:
    """The root of a dataset's miniature that may be broken."""

    def root(name: str) -> Path:
        return Path(shutil.copytree(miniature(name), tmp_path / name, symlinks=True))

    return root
