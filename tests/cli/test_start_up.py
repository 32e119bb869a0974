"""What a command imports: nothing that it does not use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SHOW = """
import sys
from sampt.cli import run
code = run(sys.argv[1:])
print(*sorted({name.partition(".")[0] for name in sys.modules}))
sys.exit(code)
"""


def imported(*arguments: object, folder: Path) -> set[str]:
    """The packages that are imported when a command has ended."""
    command = [sys.executable, "-c", SHOW, *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("package", ["torch", "numpy", "rich", "omegaconf"])
def test_help_imports_nothing_heavy(package: str, tmp_path: Path) -> None:
    assert package not in imported("--help", folder=tmp_path)


def test_the_embedded_default_imports_only_what_it_uses(clip: Path, tmp_path: Path) -> None:
    there = imported(
        *("segment", clip, "--point", "1:0:80,48:+", "--max-frames", 2, "--output", "out"), folder=tmp_path
    )
    assert "torch" in there
    others = {"timm", "segment_anything", "segment_anything_hq", "torchvision", "transformers", "supervision"}
    assert not there & (others | {"pandas", "scipy", "sklearn", "matplotlib"})
