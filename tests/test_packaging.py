"""What the wheel holds, and that it runs without the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # From a copy, so that setuptools' build folder in the checkout is neither used nor made.
    source = folder / "source"
    source.mkdir()
    tracked = [p for p in ROOT.iterdir() if p.name in KEPT]
    subprocess.run(["cp", "-r", *map(str, tracked), str(source)], check=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        folder,
        source,
    ]
    subprocess.run(list(map(str, command)), check=True)
    return next(folder.glob("sampt-*.whl"))


KEPT = {"sampt", "trackers", "benchmarks", "configs", "pyproject.toml", "setup.cfg", "README.md", "LICENSE"}


def test_everything_is_inside_the_namespace(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"sampt"}
    for needed in (
        "sampt/py.typed",
        "sampt/trackers/base.py",
        "sampt/configs/quick.yaml",
        "sampt/cli/segment.py",
        *(f"sampt/benchmarks/running/{name}" for name in ("page.css", "page.js", "report.html.jinja")),
    ):
        assert needed in names
    assert not [name for name in names if "test" in name]


def test_every_module_is_in_the_wheel(wheel: Path) -> None:
    """A new subpackage must be added to setup.cfg."""
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {f"{p.relative_to(ROOT)}" for p in (ROOT / "sampt").rglob("*.py")}
    for top in ("trackers", "benchmarks", "configs"):
        modules |= {f"sampt/{p.relative_to(ROOT)}" for p in (ROOT / top).rglob("*.py")}
    assert modules <= names


def test_the_installed_wheel_runs(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, wheel]
    subprocess.run(list(map(str, install)), check=True)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import sampt; from sampt import SamPt; "
        f"assert sampt.__file__.startswith({str(site)!r}); "
        "print(SamPt.from_config('quick').describe()['tracker'])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "dis", done.stderr


def test_a_checkout_runs_without_being_installed(tmp_path: Path) -> None:
    """``python -m sampt`` in the checkout finds trackers/ and configs/ beside the package."""
    code = "import sys; sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f).lower()];" \
        "import sampt.trackers.base, sampt.configs; print(sampt.trackers.base.__file__)"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(ROOT / "trackers" / "base.py"), done.stderr
