"""A small finished run, and its page read back."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from sampt.benchmarks.running.record import SequenceRecord
from sampt.benchmarks.running.report import RunReport, write_report

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
        "encoder": {"encoded": 20, "reused": 7},
        "quality": "full",
        "scores": None,
    }
    return SequenceRecord(**{**values, **changes})


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
    """``tags``: elements with their attributes. ``rows``: table rows as cells. ``bars``: items as texts."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.bars: list[list[str]] = []
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
        if tag == "li":
            self.bars.append([])

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self._words.append(data)
        if "td" in self._open or "th" in self._open:
            self.rows[-1][-1] += data
        if "li" in self._open and data.strip():
            self.bars[-1].append(data)


def page(folder: Path, what: RunReport) -> Page:
    write_report(folder / "report.html", what)
    return Page(folder / "report.html")
