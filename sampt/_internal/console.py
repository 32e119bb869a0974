"""The command line's output: results on standard output, progress on standard error."""

from __future__ import annotations

import codecs
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TextIO

from .signals import stop_if_asked

if TYPE_CHECKING:
    from rich.console import Console

TABLE_WIDTH = 120
"""Width of tables without a terminal, in columns, so that no name is cut in a log file."""

SECONDS_BETWEEN_LINES = 10.0
"""Interval of the progress lines that replace a bar without a terminal."""

_ASCII = str.maketrans(
    {"…": "...", "–": "-", "—": "-", "−": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "·": "-"}
    | {"×": "x", "±": "+-", "²": "^2", "ⁿ": "^n", "≤": "<=", "≥": ">=", "→": "->", "δ": "delta", "é": "e"}
)


def status_console() -> Console:
    """Console on standard error, for messages."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def result_console() -> Console:
    """Console on standard output, for results; wide enough for tables without a terminal."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = TABLE_WIDTH
    return console


def write_any_text() -> None:
    """Make both streams replace characters that their encoding lacks, instead of failing."""
    codecs.register_error("sampt.plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="sampt.plain")


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replacement for a character: the nearest ASCII, or an escape sequence."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_ASCII)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end


class ProgressBar(Protocol):
    """Progress of some work."""

    def update(self, done: int, total: int | None = None) -> None:
        """Set how many items are done and, if known, how many there are in total."""

    def advance(self) -> None:
        """Count one more item as done."""


@contextmanager
def progress(
    label: str, total: int | None = None, unit: str = "frames", every: float = SECONDS_BETWEEN_LINES
) -> Iterator[ProgressBar]:
    """Progress on standard error: a bar on a terminal, elsewhere a line of text at intervals.

    If the block is interrupted by Ctrl-C or a signal, a last line says how many items are done.

    Args:
        label: what is being done, such as "segmenting".
        total: number of items; None while unknown.
        unit: name of the items, in the plural.
        every: interval of the lines in seconds.
    """
    status = status_console()
    shown: _Bar | _Lines
    shown = _Bar(label, total, unit, status) if status.is_terminal else _Lines(label, total, unit, every)
    try:
        with shown:
            yield shown
    except KeyboardInterrupt:
        status.print(f"{shown.count} {unit} are done.")
        raise


class _Counted:
    """Counter of finished items."""

    def __init__(self, label: str, total: int | None, unit: str) -> None:
        self.label, self.total, self.unit, self.done = label, total, unit, 0

    @property
    def count(self) -> str:
        return str(self.done) if self.total is None else f"{self.done} of {self.total}"

    def update(self, done: int, total: int | None = None) -> None:
        stop_if_asked()
        self.done, self.total = done, self.total if total is None else total

    def advance(self) -> None:
        self.update(self.done + 1)


class _Bar(_Counted):
    def __init__(self, label: str, total: int | None, unit: str, status: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        super().__init__(label, total, unit)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=status,
            transient=True,
        )
        self._task = self._bar.add_task(label, total=total, speed="")

    def update(self, done: int, total: int | None = None) -> None:
        super().update(done, total)
        self._bar.update(self._task, completed=self.done, total=self.total)
        speed = self._bar.tasks[0].speed
        self._bar.update(self._task, speed=f"{speed:.1f} {self.unit}/s" if speed else "")

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


class _Lines(_Counted):
    def __init__(self, label: str, total: int | None, unit: str, every: float) -> None:
        super().__init__(label, total, unit)
        self._every, self._stream, self._over = every, sys.stderr, threading.Event()
        self._begin, self._before = time.monotonic(), 0
        self._thread = threading.Thread(target=_tell_regularly, args=(self, self._stream), daemon=True)
        self._moved = False

    def update(self, done: int, total: int | None = None) -> None:
        if not self._moved:
            # Items that are done at the start are from an earlier run: they say nothing about the speed.
            self._before = done if done > 1 else 0
            self._moved = True
        super().update(done, total)

    def line(self) -> str:
        """Such as ``segmenting: 12 of 40 frames, 2.4 frames/s, 0:00:12 left``."""
        speed = (self.done - self._before) / max(time.monotonic() - self._begin, 1e-9)
        parts = [f"{self.label}: {self.count} {self.unit}"]
        if speed:
            parts.append(f"{speed:.2g} {self.unit}/s")
        if speed and self.total is not None:
            parts.append(f"{timedelta(seconds=round((self.total - self.done) / speed))} left")
        return ", ".join(parts)

    def wait(self) -> bool:
        """Wait until it is time for a line; False if the work ends first."""
        return not self._over.wait(self._every)

    def __enter__(self) -> _Lines:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _tell_regularly(lines: _Lines, stream: TextIO) -> None:
    while lines.wait():
        try:
            print(lines.line(), file=stream, flush=True)
        except (OSError, ValueError):  # nobody reads any more: not a reason to stop the work
            return
