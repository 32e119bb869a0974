"""Reading a long JSON list entry by entry: as a whole it would take many times its size in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sampt.errors import EvaluationError

_CHUNK = 1 << 20
_SPACE = re.compile(r"[ \t\r\n]*")


def json_entries(path: Path) -> Iterator[Any]:
    """The entries of the list that a JSON file holds, in order.

    Raises:
        EvaluationError: the file cannot be read, is no JSON, or holds something else than a list.
    """
    try:
        with path.open(encoding="utf-8") as file:
            yield from _Reader(path, file.read).entries()
    except OSError as error:
        raise EvaluationError(f"cannot read the results {path} ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise EvaluationError(f"{path} is no JSON file; give a list of predictions") from error


class _Reader:
    """The part of the file that is being read: ``text`` from ``place`` on."""

    def __init__(self, path: Path, read: Any) -> None:
        self.path, self.read = path, read
        self.text, self.place = "", 0

    def entries(self) -> Iterator[Any]:
        if self._next() != "[":
            raise EvaluationError(
                f"{self.path} holds no list: results are a list of predictions in the format of YouTube-VIS"
            )
        self.place += 1
        following = self._next()
        for n in range(1 << 62):
            if following == "]":
                break
            yield self._entry(n)
            following = self._next()
            if following not in ("]", ","):
                raise self._broken(f"after entry {n}")
            self.place += following == ","
        self.place += 1
        if self._next():
            raise EvaluationError(
                f"{self.path} goes on after the end of its list: give one list of all predictions"
            )

    def _next(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            space = _SPACE.match(self.text, self.place)
            assert space is not None
            self.place = space.end()
            if self.place < len(self.text) or not self._more():
                return self.text[self.place : self.place + 1]

    def _entry(self, n: int) -> Any:
        self._next()
        while True:
            try:
                value, self.place = json.JSONDecoder().raw_decode(self.text, self.place)
                return value
            except (ValueError, RecursionError) as error:
                if not self._more():
                    raise self._broken(f"in entry {n}") from error

    def _more(self) -> bool:
        """Read on, each time more than what is at hand, so that no entry is looked at too often."""
        rest = self.text[self.place :]
        new = self.read(max(_CHUNK, len(rest)))
        self.text, self.place = rest + new, 0
        return bool(new)

    def _broken(self, where: str) -> EvaluationError:
        return EvaluationError(
            f"{self.path} is no valid JSON {where}: it may be cut short, so write it again"
        )
