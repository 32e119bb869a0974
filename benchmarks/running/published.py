"""Published results, to be shown beside a run's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml


@dataclass(frozen=True)
class PublishedRow:
    """One method's published results.

    Attributes:
        zero_shot: whether it was not trained on video segmentation data.
        values: measure → percentage as printed, such as "76.3 ± 0.6"; other measures are absent.
        setting: our configuration with the row's settings, as ``--config`` takes it, such as
            "paper/arxiv_sam_pt"; empty for methods of others.
        source: where the row was read, as for its table.
    """

    method: str
    zero_shot: bool
    values: Mapping[str, str]
    setting: str = ""
    source: str = ""


@dataclass(frozen=True)
class PublishedTable:
    """A table of a paper or page, or the part of it that is about one dataset.

    Attributes:
        title: name of the table for people.
        source: address where it was read, or a sentence that says that it is only quoted.
        paper: "arxiv" (2307.01197v1), "wacv" (WACV 2025) or "repository" (SysCV/sam-pt).
        table: its name in the paper, such as "Table 3".
    """

    title: str
    source: str
    measures: tuple[str, ...]
    rows: tuple[PublishedRow, ...]
    dataset: str = ""
    split: str = ""
    paper: str = ""
    table: str = ""

    @property
    def read(self) -> bool:
        """Whether the table was read at its source, and not only quoted."""
        return self.source.startswith("https://")


@cache
def published_tables() -> tuple[PublishedTable, ...]:
    """All published tables, in the order of the file."""
    text = resources.files(__package__).joinpath("published.yaml").read_text(encoding="utf-8")
    return tuple(map(_table, yaml.load(text, yaml.BaseLoader)))  # keeps scalars as they were printed


def published(dataset: str, split: str) -> tuple[PublishedTable, ...]:
    """The published tables for a dataset's split; empty if there are none.

    Args:
        dataset: name of the dataset on the command line, such as "davis2017".
        split: name of the split, such as "val".
    """
    return tuple(table for table in published_tables() if (table.dataset, table.split) == (dataset, split))


def same_measure(one: str, other: str) -> bool:
    """Whether two names mean the same measure, such as "J&F" and "J&F-Mean", or "J_seen" and "J-Seen"."""
    return _plain(one) == _plain(other)


def _plain(measure: str) -> str:
    return re.sub(r"[^a-z0-9&]", "", measure.lower()).replace("mean", "")


def _table(entry: Mapping[str, Any]) -> PublishedTable:
    measures, source, settings = tuple(entry["measures"]), entry["source"], entry.get("settings", {})
    rows = tuple(
        PublishedRow(
            method,
            zero_shot,
            {measure: value for measure, value in zip(measures, values, strict=True) if value != "-"},
            settings.get(method, ""),
            source,
        )
        for group, zero_shot in (("zero_shot", True), ("trained_on_video", False))
        for method, values in entry.get(group, {}).items()
    )
    where = {key: entry[key] for key in ("dataset", "split", "paper", "table")}
    return PublishedTable(entry["title"], source, measures, rows, **where)
