"""What to say of a name that nothing has."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_MOST_LISTED = 20


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """``unknown KIND 'NAME'``, then the closest of ``known``, or all of them where none is close.

    Where they are too many to list, the closest is named however far it is.
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6 if len(names) <= _MOST_LISTED else 0.0)
    if close:
        return f"unknown {kind} {name!r}; did you mean {close[0]!r}?"
    if names:
        return f"unknown {kind} {name!r}; choose one of {', '.join(names)}"
    return f"unknown {kind} {name!r}; there is none to choose"
