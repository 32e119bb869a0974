"""Turns that pages take."""

from __future__ import annotations

import threading
import time

import pytest

from sampt.app.turns import Turns


def test_turns_are_taken_in_the_order_of_arrival() -> None:
    turns, order, threads = Turns(), [], []

    def take(name: int) -> None:
        with turns:
            order.append(name)

    with turns:
        for name in range(5):
            threads.append(threading.Thread(target=take, args=(name,)))
            threads[-1].start()
            deadline = time.monotonic() + 10
            while len(turns._waiting) <= name and time.monotonic() < deadline:
                time.sleep(0.001)
    with turns:
        order.append(5)
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3, 4, 5]


def test_turns_survive_an_exception() -> None:
    turns = Turns()
    with pytest.raises(KeyError), turns:
        raise KeyError
    with turns:
        pass
