"""Published results, to be shown beside a run's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml


@dataclass(frozen=True)
class PublishedRow:
    """One method's published results.

    Attributes:
        zero_shot: whether it was not trained on video segmentation data.
        values: measure → percentage as printed, such as "76.3 ± 0.6"; other measures are absent.
    """

    method: str
    zero_shot: bool
    values: Mapping[str, str]


@dataclass(frozen=True)
class PublishedTable:
    """A table of a paper or page; ``title`` names it, and ``source`` is its address."""

    title: str
    source: str
    measures: tuple[str, ...]
    rows: tuple[PublishedRow, ...]


def published(dataset: str, split: str) -> tuple[PublishedTable, ...]:
    """The published tables for a dataset's split; empty if none could be verified.

    Args:
        dataset: name of the dataset on the command line, such as "davis2017".
        split: name of the split, such as "val".
    """
    text = resources.files(__package__).joinpath("published.yaml").read_text(encoding="utf-8")
    return tuple(
        _table(entry)
        for entry in yaml.load(text, yaml.BaseLoader)  # keeps scalars as they were printed
        if (entry["dataset"], entry["split"]) == (dataset, split)
    )


def same_measure(one: str, other: str) -> bool:
    """Whether two names mean the same measure, such as "J&F" and "J&F-Mean", or "J_seen" and "J-Seen"."""
    return _plain(one) == _plain(other)


def _plain(measure: str) -> str:
    return re.sub(r"[^a-z&]", "", measure.lower()).replace("mean", "")


def _table(entry: Mapping[str, Any]) -> PublishedTable:
    measures = tuple(entry["measures"])
    rows = tuple(
        PublishedRow(
            method,
            zero_shot,
            {measure: value for measure, value in zip(measures, values, strict=True) if value != "-"},
        )
        for group, zero_shot in (("zero_shot", True), ("trained_on_video", False))
        for method, values in entry.get(group, {}).items()
    )
    return PublishedTable(entry["title"], entry["source"], measures, rows)
