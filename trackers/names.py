"""The error sentence for an unknown name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST_LISTED = 20


def unknown_name(kind: str, name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The sentence ``unknown KIND 'NAME'``, followed by the closest known name or by all of them.

    Args:
        kind: what the name should be, such as ``tracker``.
        name: the unknown name.
        known: the known names.
        otherwise: if no name is close, say this instead of all names, such as where they are listed.
    """
    names = sorted(known)
    folded = {n.casefold(): n for n in names}
    close = get_close_matches(name.casefold(), folded, n=1)
    if close:
        return f"unknown {kind} {name!r}; did you mean {folded[close[0]]!r}?"
    if otherwise:
        return f"unknown {kind} {name!r}; {otherwise}"
    if names:
        return f"unknown {kind} {name!r}; choose one of {_listed(names)}"
    return f"unknown {kind} {name!r}; there are none to choose from"


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {more} more" if more > 0 else "")
