"""The rows of the papers' tables, each with the run that gives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib import resources
from typing import Any

import yaml

from sampt._internal.names import unknown_name
from sampt.config import Config, load_config
from sampt.errors import ConfigError

from ..ablations.sweep import read_sweep
from ..datasets.registry import DATASETS, DatasetInfo
from ..running.published import PublishedRow, published, published_tables
from ..vis.datasets import VIS_DATASETS
from ..vis.settings import VisConfig

RUNS = ("vos", "vis", "interactive", "ablate")
"""The kinds of runs, named like the commands; ``interactive`` is ``interactive-benchmark``."""


NOT_READ = "not read"
"""Shown in place of a number that is in no text that could be read."""


@dataclass(frozen=True)
class Row:
    """One row of a table, and the run that gives it.

    Attributes:
        name: name on the command line.
        paper: "arxiv", "wacv" or "repository".
        table: name of the table or figure in the paper.
        row: name of the row, as in the published list if its numbers are known.
        dataset: name of the dataset on the command line.
        tracker: the paper's tracker.
        run: one of ``RUNS``; empty if there is no run.
        config: the configuration, or the ablation file.
        split: name of the split.
        options: the dataset's options.
        rules: how simulated annotators work, for ``Rules``.
        settings: setting of a sweep → name of its row in the published list.
        reason: why there is no run.
        nearest: name of the row to run instead.
        note: what a reader should know.

    Raises:
        ValueError: the values do not fit together.
    """

    name: str
    paper: str
    table: str
    row: str
    dataset: str
    tracker: str
    run: str = ""
    config: str = ""
    split: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    nearest: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.run not in ("", *RUNS):
            raise ValueError(f"{self.name}: run is {self.run!r}, not one of {', '.join(RUNS)}")
        if bool(self.run) != bool(self.config) or bool(self.run) == bool(self.reason):
            raise ValueError(f"{self.name} needs either a run with a config or a reason")
        if self.rules and self.run != "interactive":
            raise ValueError(f"{self.name}: only interactive runs have rules")
        if self.settings and self.run != "ablate":
            raise ValueError(f"{self.name}: only sweeps have settings")
        if self.dataset not in self._datasets:
            raise ValueError(f"{self.name}: {unknown_name('dataset', self.dataset, self._datasets)}")
        known = self._datasets[self.dataset].splits
        if not self.split:
            object.__setattr__(self, "split", known[0])
        elif self.split not in known:
            raise ValueError(f"{self.name}: {unknown_name('split', self.split, known)}")

    @property
    def _datasets(self) -> Mapping[str, DatasetInfo[Any]]:
        return VIS_DATASETS if self.run == "vis" else DATASETS

    def published(self, row: str = "") -> PublishedRow | None:
        """The published numbers of this row, or of a setting's row in its table; None if unknown."""
        tables = [
            table
            for table in published(self.dataset, self.split)
            if (table.paper, table.table) == (self.paper, self.table)
        ]
        return next((found for t in tables for found in t.rows if found.method == (row or self.row)), None)

    @property
    def numbers(self) -> str:
        """The published numbers on one line, those of a sweep's settings by their names."""
        if self.settings:
            found = [(setting, self.published(method)) for setting, method in self.settings.items()]
            return ", ".join(f"{setting} {next(iter(r.values.values()))}" for setting, r in found if r)
        numbers = self.published()
        if numbers is None:
            return NOT_READ
        return ", ".join(f"{name.removesuffix('-Mean')} {value}" for name, value in numbers.values.items())

    def configs(self) -> list[Config]:
        """The configurations that the run uses, several for a sweep; none if there is no run.

        Raises:
            ConfigError: a configuration is missing or invalid.
        """
        if not self.run:
            return []
        if self.run == "ablate":
            sweep = read_sweep(self.config)
            return [sweep.config(setting) for setting in sweep.settings()]
        return [read_config(self.config, self.run)]

    @property
    def why_not(self) -> str:
        """Why there is no run, and which row is the nearest; empty if there is one."""
        return f"{self.reason}; the nearest row is {self.nearest}" if self.nearest else self.reason

    def check_seeds(self, seeds: int | None) -> None:
        """Check that the run can have this number of seeds; None for its own.

        Raises:
            ConfigError: it has only one.
        """
        if self.run == "interactive" and seeds not in (None, 1):
            raise ConfigError(f"{self.name} is an interactive run, which has one seed; leave out --seeds")


@cache
def read_config(name: str, run: str) -> Config:
    """The packaged configuration of that name, as a kind of run reads it.

    Raises:
        ConfigError: it is missing or invalid.
    """
    return load_config(name, schema=VisConfig if run == "vis" else Config)


@dataclass(frozen=True)
class Paper:
    """A paper with its rows, in the order of its tables."""

    name: str
    title: str
    rows: tuple[Row, ...]

    def tables(self) -> dict[str, list[Row]]:
        """The rows by the names of their tables."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.table, []).append(row)
        return found

    def others(self, table: str) -> list[str]:
        """The rows of a table that are methods of others, which have no settings of ours."""
        names = (
            row.method
            for found in published_tables()
            if (found.paper, found.table) == (self.name, table)
            for row in found.rows
            if "SAM-PT" not in row.method
        )
        return list(dict.fromkeys(names))


@cache
def papers() -> tuple[Paper, ...]:
    """The papers with their rows.

    Raises:
        ValueError: a row of the file is invalid, or two have the same name.
    """
    text = resources.files(__package__).joinpath("rows.yaml").read_text(encoding="utf-8")
    found = tuple(
        Paper(entry["paper"], entry["title"], tuple(_rows(entry))) for entry in yaml.safe_load(text)
    )
    names = [row.name for paper in found for row in paper.rows]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two rows are called {twice[0]}")
    for row in (row for paper in found for row in paper.rows):
        if row.nearest and row.nearest not in names:
            raise ValueError(f"{row.name}: {unknown_name('row', row.nearest, names)}")
    return found


def rows() -> list[Row]:
    """All rows, in the order of the papers and their tables."""
    return [row for paper in papers() for row in paper.rows]


def find_row(name: str) -> Row:
    """The row of that name.

    Raises:
        ConfigError: there is no such row; names the closest.
    """
    found = {row.name: row for row in rows()}
    if name not in found:
        raise ConfigError(unknown_name("row", name, found, "`sampt reproduce` lists them"))
    return found[name]


def _rows(paper: Mapping[str, Any]) -> Iterator[Row]:
    known = {f.name for f in fields(Row)} - {"paper", "table", "tracker"}
    for table, entries in paper["tables"].items():
        for entry in entries:
            for key in entry.keys() - known:
                raise ValueError(f"{entry.get('name')}: {unknown_name('key', key, known)}")
            yield Row(paper=paper["paper"], tracker=paper["tracker"], table=table, **entry)
