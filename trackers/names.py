"""What to say of a name that nothing has."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST_LISTED = 20


def unknown_name(kind: str, name: str, known: Iterable[str], otherwise: str = "") -> str:
    """``unknown KIND 'NAME'``, then the closest of ``known``; where none is close, what there is.

    Args:
        otherwise: said where no name is close, instead of listing all of them, such as where they are listed.
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
    return f"unknown {kind} {name!r}; there is none to choose"


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {more} more" if more > 0 else "")
