"""Reading a long JSON list entry by entry, since as a whole it would take many times its size in memory."""

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
    """Read the list in a JSON file entry by entry.

    Yields:
        The entries in order.

    Raises:
        EvaluationError: the file cannot be read, is not JSON, or contains something other than a list.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from _Reader(path, file.read).entries()
    except OSError as error:
        raise EvaluationError(f"cannot read the results {path} ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise EvaluationError(f"{path} is not a JSON file; give a list of predictions") from error


class _Reader:
    """The part of the file that is being read, ``text`` from ``place`` onward."""

    def __init__(self, path: Path, read: Any) -> None:
        self.path, self.read = path, read
        self.text, self.place = "", 0

    def entries(self) -> Iterator[Any]:
        if self._next() != "[":
            raise EvaluationError(
                f"{self.path} contains no list: give a list of predictions in the format of YouTube-VIS"
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
                f"{self.path} continues after the end of its list: give one list of all predictions"
            )

    def _next(self) -> str:
        """The next character that is not white space, or an empty string at the end."""
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
        """Read at least as much again as is left, so that no entry is parsed too often."""
        rest = self.text[self.place :]
        new = self.read(max(_CHUNK, len(rest)))
        self.text, self.place = rest + new, 0
        return bool(new)

    def _broken(self, where: str) -> EvaluationError:
        return EvaluationError(
            f"{self.path} is not valid JSON {where}: it may be cut short, so write it again"
        )
