"""Signals that ask a program to end, made to end it as Ctrl-C does: with everything tidied up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # a terminal that is closed sends the last; Windows has none

_received: list[int] = []


class Stopped(KeyboardInterrupt):
    """A signal has asked for the end; whatever tidies up after Ctrl-C does so after this, too."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """In the block, Ctrl-C, SIGTERM and SIGHUP raise ``Stopped``; what is ignored (``nohup``) stays so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    before = {n: handler for n in numbers if (handler := signal.getsignal(n)) is not signal.SIG_IGN}
    _received.clear()
    for number in before:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        _received.clear()
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _raise(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    raise Stopped(number)


def stop_if_asked() -> None:
    """Raise ``Stopped`` once more if a signal has come before, and the work goes on nevertheless.

    An exception that is raised while an object is finalised, or in a callback of C code, is lost.
    """
    if _received:
        raise Stopped(_received[-1])


def stopping_signal(error: BaseException) -> int:
    """The number of the signal that an exception came of, whatever it was turned into since."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, Stopped):
            return cause.number
        cause = cause.__cause__ or cause.__context__
    return int(signal.SIGINT)
