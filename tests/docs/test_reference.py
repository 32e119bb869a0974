"""The reference has everything that is public, and the front page stays short."""

from __future__ import annotations

import re

import pytest

import sampt
import sampt.benchmarks

from .blocks import ROOT


@pytest.mark.parametrize(("page", "package"), [("api", sampt), ("api_benchmarks", sampt.benchmarks)])
def test_every_public_name_is_in_the_reference(page, package):
    shown = re.findall(
        rf"^::: {package.__name__}\.(\w+)$", (ROOT / "docs" / f"{page}.md").read_text(), re.MULTILINE
    )
    assert len(shown) == len(set(shown))
    assert set(shown) == set(package.__all__) - {"__version__"}


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120
