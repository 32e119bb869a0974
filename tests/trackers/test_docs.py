"""The options in docs/trackers are those that the trackers have, with their defaults."""

from __future__ import annotations

from dataclasses import fields
from itertools import takewhile
from pathlib import Path

import pytest
import yaml

from sampt.trackers.registry import TRACKERS

DOCS = Path(__file__).parent.parent.parent / "docs" / "trackers"
PAGES = {name: DOCS / f"{name.replace('-', '_').rstrip('123')}.md" for name in TRACKERS} | {
    "cotracker3-offline": DOCS / "cotracker.md"
}


def documented(name: str) -> dict[str, object]:
    """Option → default on the tracker's page, where the column is called ``default`` or like the tracker."""
    lines = PAGES[name].read_text().splitlines()
    (begin,) = (k for k, line in enumerate(lines) if line.startswith("| option |"))
    table = takewhile(lambda line: line.startswith("|"), lines[begin:])
    header, _, *rows = (line.strip("| ").split(" | ") for line in table)
    column = header.index("default" if "default" in header else f"`{name}`")
    return {row[0].strip("`"): yaml.safe_load(row[column]) for row in rows}


@pytest.mark.parametrize("name", TRACKERS)
def test_the_table_is_the_dataclass(name):
    def plain(value: object) -> object:
        return list(value) if isinstance(value, tuple) else value

    options = TRACKERS[name].options
    assert documented(name) == {field.name: plain(field.default) for field in fields(options)}
