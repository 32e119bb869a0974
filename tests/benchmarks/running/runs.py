"""A small finished run, and its page read back."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from sampt.benchmarks.running.record import SequenceRecord
from sampt.benchmarks.running.report import RunReport, write_report
from sampt.benchmarks.vos.scoring import FrameScores

VOID = {"meta", "link", "img", "br", "hr", "input"}


def record(sequence: str, seed: int = 0, **changes: Any) -> SequenceRecord:
    """20 frames in 5 s, 3 of them spent on tracking and 1 on encoding."""
    values: dict[str, Any] = {
        "sequence": sequence,
        "seed": seed,
        "frames": 20,
        "objects": 2,
        "size": (480, 854),
        "seconds": {"track": 3.0, "encode": 1.0, "all": 5.0},
        "encoder": {"frames": 20, "device_hits": 0, "host_hits": 7, "disk_hits": 0, "misses": 20},
        "quality": "full",
        "scores": None,
    }
    return SequenceRecord(**{**values, **changes})


def frame_scores(sequence: str, *objects: list[float], first: int = 1) -> tuple[FrameScores, ...]:
    """J of each object, whose F is half of it, in frames that end together; ids are from 1."""
    longest = max(map(len, objects))
    frames = tuple(f"{first + t:05d}" for t in range(longest))
    return tuple(
        FrameScores(
            sequence,
            id,
            frames[longest - len(j) :],
            np.array(j),
            np.array(j) / 2,
            np.ones(len(j), bool),
        )
        for id, j in enumerate(objects, start=1)
    )


def report(scores: dict[str, float] | None = None, seeds: Sequence[int] = (0,), **changes: Any) -> RunReport:
    """Of DAVIS 2017; ``scores``: sequence → J&F, equal with all seeds; None where there is no truth."""
    named = {"bear": 0.9, "camel": 0.5} if scores is None and "records" not in changes else scores or {}
    values: dict[str, Any] = {
        "title": "first run",
        "dataset": "davis2017",
        "split": "val",
        "protocol": "davis",
        "seeds": seeds,
        "run": {"date": "2025-03-01", "config": {"tracker": {"name": "pips"}}, "versions": {"torch": "2.8"}},
        "records": [record(name, seed) for name in named for seed in seeds],
        "measures": {seed: {"J&F-Mean": 0.75, "J-Mean": 0.72, "F-Mean": 0.78} for seed in seeds},
        "per_sequence": {name: {"J&F-Mean": score} for name, score in named.items()},
    }
    return RunReport(**{**values, **changes})


class Page(HTMLParser):
    """``tags``: elements with their attributes. ``rows``: table rows as cells. ``scripts``: their texts."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.scripts: list[str] = []
        self._open: list[str] = []
        self._words: list[str] = []
        self.feed(self.source)
        assert not self._open, f"not closed: {self._open}"

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._words).split())

    def row(self, head: str) -> list[str]:
        """The cells after the row's head."""
        (found,) = [cells[1:] for cells in self.rows if cells and cells[0] == head]
        return found

    @property
    def sequences(self) -> list[list[str]]:
        """The rows of the table of sequences."""
        (head,) = [k for k, row in enumerate(self.rows) if row[:1] == ["sequence"] and "frames/s" in row]
        end = next((k for k in range(head + 1, len(self.rows)) if self.rows[k][0] == "stage"), None)
        return self.rows[head + 1 : end]

    def attributes(self, tag: str, name: str) -> list[str | None]:
        return [attributes.get(name) for kind, attributes in self.tags if kind == tag]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        if "script" in self._open:
            self.scripts[-1] += data
            return
        self._words.append(data)
        if "td" in self._open or "th" in self._open:
            self.rows[-1][-1] += data


def page(folder: Path, what: RunReport) -> Page:
    write_report(folder / "report.html", what)
    return Page(folder / "report.html")
