"""Signals that stop the program as Ctrl-C does, with cleanup."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # a terminal that is closed sends the last; Windows has none

_received: list[int] = []


class Stopped(KeyboardInterrupt):
    """Raised when a signal asks the program to end; handled like Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """In the block, Ctrl-C, SIGTERM and SIGHUP raise ``Stopped``; ignored ones (``nohup``) stay ignored."""
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
    """Raise ``Stopped`` again if a signal has arrived but the work continues.

    An exception that is raised in a finaliser, or in a callback of C code, is lost.
    """
    if _received:
        raise Stopped(_received[-1])


def stopping_signal(error: BaseException) -> int:
    """Number of the signal behind an exception, even if it has been wrapped since."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, Stopped):
            return cause.number
        cause = cause.__cause__ or cause.__context__
    return int(signal.SIGINT)
