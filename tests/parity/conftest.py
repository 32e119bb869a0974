"""Goldens come from SAMPT_GOLDEN_DIR, or from the copies beside these tests."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    return Path(os.environ.get("SAMPT_GOLDEN_DIR", Path(__file__).parent / "golden"))


@pytest.fixture(scope="session")
def stand_ins(golden_dir: Path) -> ModuleType:
    """The recipe for weights and clips that the goldens were made with."""
    spec = importlib.util.spec_from_file_location("golden_weights", golden_dir / "weights.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
