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
try:
    benchmarks.{call}
except SamptError as error:
    print(type(error).__name__, "torch" in sys.modules)
"""

CALLS = [
    'run_vos(dataset, "quick", "taken")',
    'run_sweep("points", dataset, "taken")',
    'run_interactive_benchmark(dataset, "quick", "taken")',
]


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


@pytest.mark.parametrize("call", CALLS)
def test_a_folder_of_other_files_is_refused_before_torch_is_imported(call: str, folder: Path) -> None:
    assert said(SCRIPT.format(dataset="davis2017", call=call), folder) == ["OutputError", "False"]


@pytest.mark.parametrize("call", CALLS)
def test_an_unknown_dataset_is_refused_before_torch_is_imported(call: str, folder: Path) -> None:
    assert said(SCRIPT.format(dataset="davis2018", call=call), folder) == ["ConfigError", "False"]


def test_the_package_imports_nothing_but_itself(tmp_path: Path) -> None:
    heavy = "sorted({'cv2', 'numpy', 'pandas', 'torch'} & set(sys.modules))"
    assert said(f"import sys, sampt.benchmarks; print(*{heavy})", tmp_path) == []
