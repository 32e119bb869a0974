"""A server and an empty folder of weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .faulty_server import FaultyServer


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``SAMPT_HOME``, not made yet."""
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("SAMPT_OFFLINE", "SAMPT_WEIGHTS_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"
