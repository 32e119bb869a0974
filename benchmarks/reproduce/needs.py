"""What a row needs, and whether it can run here, found out without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

from sampt.config import Config
from sampt.config.schema import SegmenterConfig, TrackerConfig
from sampt.errors import SamptError
from sampt.methods.registry import check
from sampt.trackers.registry import TRACKERS
from sampt.weights.download import state
from sampt.weights.registry import CHECKPOINTS

from ..ablations.sweep import read_sweep
from .catalogue import Paper, Row, read_config


@dataclass(frozen=True)
class Needs:
    """What a row needs.

    Attributes:
        checkpoints: name → whether its file is here, in the order of first use.
        problem: why it cannot run here; empty if it can, perhaps after downloads.
        differs: how the run's settings are not the paper's; empty if they are.
    """

    checkpoints: Mapping[str, bool]
    problem: str = ""
    differs: str = ""

    @property
    def missing(self) -> list[str]:
        """The checkpoints that are not here."""
        return [name for name, here in self.checkpoints.items() if not here]

    @property
    def answer(self) -> str:
        """Whether the row can run here, in a word or two."""
        if self.problem:
            return "no"
        return "after download" if self.missing else "yes"


def needs_of(row: Row) -> Needs:
    """What a row needs, and what is missing here."""
    if not row.run:
        return Needs({}, row.why_not)
    parts = _parts(row.config) if row.run == "ablate" else [read_config(row.config, row.run)]
    problem = ""
    try:
        for config in parts:
            check(config)
    except SamptError as error:
        problem = str(error)
    names = dict.fromkeys(name for config in parts for name in _checkpoints(config))
    here = {name: state(CHECKPOINTS[name]) == "here" for name in names}
    return Needs(here, problem, _stand_in(row, [config.tracker.name for config in parts]))


@cache
def _parts(file: str) -> list[Config]:
    """A configuration for every tracker and segmenter of a sweep, without expanding all of its settings."""
    sweep = read_sweep(file)
    base = read_config(sweep.base, "vos")

    def names(key: str, otherwise: str) -> Iterator[str]:
        axes = [axis for axis in sweep.axes if any(key in choice.values for choice in axis.choices)]
        found = (choice.values.get(key, otherwise) for axis in axes for choice in axis.choices)
        yield from dict.fromkeys(found) if axes else [otherwise]

    trackers = names("tracker.name", base.tracker.name)
    segmenters = names("segmenter.name", base.segmenter.name)
    return [
        replace(base, tracker=TrackerConfig(tracker), segmenter=SegmenterConfig(segmenter))
        for tracker, segmenter in product(trackers, segmenters)
    ]


def _checkpoints(config: Config) -> list[str]:
    """The names of a configuration's checkpoints, not those that are given as files."""
    tracker = TRACKERS.get(config.tracker.name)
    names = (config.tracker.checkpoint or (tracker and tracker.checkpoint), config.segmenter.name)
    return [name for name in names if name in CHECKPOINTS]


def _stand_in(row: Row, trackers: list[str]) -> str:
    """A sentence about the paper's tracker if the run does not have it."""
    if row.tracker in trackers:
        return ""
    if len(set(trackers)) == 1:
        return f"tracks with {trackers[0]} in place of {row.tracker}, the paper's tracker"
    return f"has {', '.join(dict.fromkeys(trackers))}, but not {row.tracker}, the paper's tracker"


def notes_on(paper: Paper, table: str, needs: Mapping[str, Needs]) -> list[str]:
    """Sentences on a table: why rows cannot run, what stands in, and the methods of others.

    Args:
        paper: the paper.
        table: name of the table.
        needs: what its rows need, by their names.
    """
    rows = paper.tables()[table]
    said: dict[str, list[str]] = {}
    for row in rows:
        for part in filter(None, (needs[row.name].problem, needs[row.name].differs, row.note)):
            said.setdefault(part, []).append(row.name)
    notes = [f"{_named(names, rows)}: {part}" for part, names in said.items()]
    others = paper.others(table)
    return [*notes, *([f"methods of others, not run here: {', '.join(others)}"] if others else [])]


def _named(names: Sequence[str], rows: Sequence[Row]) -> str:
    return "all" if len(names) == len(rows) > 1 else ", ".join(names)
