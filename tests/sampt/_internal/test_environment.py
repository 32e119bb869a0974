from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sampt._internal.environment import check_torchvision, versions
from sampt.version import __version__


def test_versions_name_what_can_change_a_result() -> None:
    found = versions()
    assert found["sampt"] == __version__
    assert "missing" not in found.values()


def test_torch_and_torchvision_fit_here() -> None:
    check_torchvision()


def test_a_torchvision_that_does_not_fit_is_said_clearly(tmp_path: Path) -> None:
    """As when a CPU-only torch lies beside the package index's torchvision."""
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from sampt._internal.environment import check_torchvision\n"
        "from sampt.errors import SamptError\n"
        "try: check_torchvision()\n"
        "except SamptError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "do not fit together" in done.stdout
    assert "pip install" in done.stdout
