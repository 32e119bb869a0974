"""What is refused is refused at once: before torch is imported, which takes seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sampt.benchmarks.datasets.miniature import write_miniature

SCRIPT = """
import sys
from sampt import benchmarks
from sampt.errors import SamptError

dataset = benchmarks.DatasetChoice({dataset!r}, "davis")
for run in (
    lambda: benchmarks.run_vos(dataset, "quick", "taken"),
    lambda: benchmarks.run_sweep("points", dataset, "taken"),
    lambda: benchmarks.run_interactive_benchmark(dataset, "quick", "taken"),
):
    try:
        run()
    except SamptError as error:
        print(type(error).__name__, "torch" in sys.modules)
"""


def said(script: str, folder: Path) -> list[str]:
    """The words that a Python process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_miniature("davis2017", tmp_path / "davis", frames=4)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/thesis.tex").touch()
    return tmp_path


@pytest.mark.parametrize(("dataset", "error"), [("davis2017", "OutputError"), ("davis2018", "ConfigError")])
def test_what_every_run_refuses_before_torch_is_imported(dataset: str, error: str, folder: Path) -> None:
    """A folder that holds other files, and a dataset that nobody knows."""
    assert said(SCRIPT.format(dataset=dataset), folder) == [error, "False"] * 3


def test_the_package_imports_nothing_but_itself(tmp_path: Path) -> None:
    heavy = "sorted({'cv2', 'numpy', 'pandas', 'torch'} & set(sys.modules))"
    assert said(f"import sys, sampt.benchmarks; print(*{heavy})", tmp_path) == []
