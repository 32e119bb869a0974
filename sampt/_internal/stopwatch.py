"""Stopwatch for the stages of a run."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


class Stopwatch:
    """Wall-clock seconds per stage, summed over a run. Stages must not be nested.

    Args:
        settle: called before each look at the clock. A GPU runs behind the CPU: its work counts for the stage
            that first needs a result, unless ``settle`` waits for it (which costs some time).
    """

    def __init__(self, settle: Callable[[], None] | None = None) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.settle = settle

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = self._now()
        try:
            yield
        finally:
            self.seconds[stage] += self._now() - start

    def _now(self) -> float:
        if self.settle:
            self.settle()
        return time.perf_counter()

    def iterate(self, stage: str, items: Iterator[Item]) -> Iterator[Item]:
        """Iterator over the same items; the time to produce them counts for ``stage``."""
        while True:
            with self(stage):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item
