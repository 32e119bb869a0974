"""A lock that is granted in the order of arrival."""

from __future__ import annotations

from collections import deque
from threading import Lock
from types import TracebackType


class Turns:
    """Lock that is granted in the order in which it was requested.

    With an ordinary lock, a run that takes it again and again would rarely let anyone else in.
    """

    def __init__(self) -> None:
        self._inner = Lock()
        self._taken = False
        self._waiting: deque[Lock] = deque()

    def __enter__(self) -> None:
        ticket = Lock()
        with self._inner:
            if not self._taken:
                self._taken = True
                return
            ticket.acquire()
            self._waiting.append(ticket)
        ticket.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._inner:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
