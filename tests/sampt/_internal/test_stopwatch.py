"""Seconds are added up per stage, whatever happens within."""

from __future__ import annotations

import time

import pytest

from sampt._internal.stopwatch import Stopwatch


@pytest.fixture
def clock(monkeypatch):
    """A clock that only goes on when told to."""

    class Clock:
        now = 0.0

        def wait(self, seconds: float) -> None:
            self.now += seconds

    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", lambda: clock.now)
    return clock


def test_stages_add_up(clock):
    stopwatch = Stopwatch()
    for seconds in (1, 2):
        with stopwatch("encode"):
            clock.wait(seconds)
        clock.wait(100)
    with stopwatch("decode"):
        clock.wait(4)
    assert stopwatch.seconds == {"encode": 3, "decode": 4}


def test_an_error_counts_and_goes_on(clock):
    stopwatch = Stopwatch()
    with pytest.raises(KeyError), stopwatch("encode"):
        clock.wait(5)
        raise KeyError
    assert stopwatch.seconds == {"encode": 5}


def test_iteration_counts_the_making_and_not_the_use(clock):
    def items():
        for n in range(3):
            clock.wait(1)
            yield n

    stopwatch, seen = Stopwatch(), []
    for item in stopwatch.iterate("track", items()):
        clock.wait(50)
        seen.append(item)
    assert seen == [0, 1, 2]
    assert stopwatch.seconds == {"track": 3}
