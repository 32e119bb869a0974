"""How far a command is, where there is no terminal."""

from __future__ import annotations

import re
import time

import pytest

from sampt._internal.console import progress


def test_a_line_now_and_then_says_how_far_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    with progress("segmenting", 40, every=0.05) as shown:
        for _ in range(10):
            shown.advance()
        time.sleep(0.3)
    first = capfd.readouterr().err.splitlines()[0]
    assert re.fullmatch(r"segmenting: 10 of 40 frames, [\d.e+]+ frames/s, \d:\d\d:\d\d left", first)


def test_a_short_task_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with progress("segmenting", 2) as shown:
        shown.advance()
    assert capfd.readouterr().err == ""


def test_how_many_there_are_may_be_known_later(capfd: pytest.CaptureFixture[str]) -> None:
    with progress("scoring", unit="sequences", every=0.05) as shown:
        shown.update(1)
        time.sleep(0.2)
        shown.update(2, 3)
        time.sleep(0.2)
    lines = capfd.readouterr().err.splitlines()
    assert lines[0].startswith("scoring: 1 sequences")
    assert lines[-1].startswith("scoring: 2 of 3 sequences")


def test_what_an_earlier_run_has_done_says_nothing_about_the_speed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with progress("segmenting", unit="sequences", every=0.05) as shown:
        shown.update(20, 30)
        time.sleep(0.2)
    assert capfd.readouterr().err.splitlines()[0] == "segmenting: 20 of 30 sequences"


def test_the_end_by_a_signal_says_how_many_are_done(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), progress("segmenting", 40) as shown:
        shown.update(7)
        raise KeyboardInterrupt
    assert "7 of 40 frames are done" in capfd.readouterr().err
