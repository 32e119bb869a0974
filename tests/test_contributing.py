"""The examples of CONTRIBUTING.md pass the suites that it sends its readers to, and links lead somewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .guide import ROOT, TEXT, examples

PAGES = ["README.md", "CONTRIBUTING.md", *(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]
COPIED = ("sampt", "trackers", "benchmarks", "configs", "tests", "pyproject.toml", "setup.cfg")


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in which the guide was followed, from its first example to its last."""
    copy = tmp_path_factory.mktemp("followed")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "golden"))
        else:
            shutil.copy(ROOT / name, copy / name)
    for example in examples():
        example.put_into(copy)
    return copy


def test_every_example_says_where_it_goes() -> None:
    assert len(examples()) == TEXT.count("```python")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suite", "name"),
    [
        ("tests/trackers/test_conformance.py", "global-shift"),
        ("tests/sampt/methods/sam_pt/test_samplers.py", "top"),
        ("tests/benchmarks/datasets/test_conformance.py", "fishes"),
    ],
)
def test_the_example_passes_its_suite(followed: Path, suite: str, name: str) -> None:
    assert suite in TEXT
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", suite]
    done = subprocess.run(
        [*command, "-k", f"{name} or every_registered or every_dataset"],
        cwd=followed,
        env={**os.environ, "PYTHONPATH": str(followed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[-1]) > 8


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    text = path.read_text()
    # The one comment that pages have; CONTRIBUTING.md shows it.
    assert "<!--" not in re.sub(r"^<!-- needs: [\w, ]+ -->$", "", text, flags=re.MULTILINE)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


def test_paths_in_the_guide_exist() -> None:
    made = {example.file for example in examples() if not example.place}
    named = set(re.findall(r"`((?:trackers|sampt|benchmarks|configs|tests|docs)/[\w./]*)`", TEXT))
    missing = {path for path in named - made if not (ROOT / path).exists()}
    assert missing == {"tests/trackers/NAME/case.py"}
