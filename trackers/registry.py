"""The point trackers by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from inspect import signature

from .base import PointTracker
from .flow import Dis
from .lucas_kanade import LucasKanade

TRACKERS: dict[str, Callable[..., PointTracker]] = {
    LucasKanade.name: LucasKanade,
    Dis.name: Dis,
}
"""What makes each tracker; its keyword arguments are the tracker's options."""


def create_tracker(name: str, **options: object) -> PointTracker:
    """The tracker called ``name``, with ``options`` for its constructor.

    Raises:
        ValueError: there is no such tracker or option (the closest valid one is named), or an option's value
            is of the wrong type or out of its range.
    """
    if name not in TRACKERS:
        raise ValueError(f"there is no tracker called {name!r}{_hint(name, TRACKERS)}")
    valid = signature(TRACKERS[name], eval_str=True).parameters
    for option, value in options.items():
        if option not in valid:
            raise ValueError(f"the tracker {name!r} has no option {option!r}{_hint(option, valid)}")
        kind = valid[option].annotation
        # An int will do wherever a float is wanted.
        if not isinstance(value, kind) and not (isinstance(value, int) and isinstance(float(value), kind)):
            wanted = getattr(kind, "__name__", str(kind))
            raise ValueError(f"the option {option!r} of the tracker {name!r} takes {wanted}, not {value!r}")
    return TRACKERS[name](**options)


def _hint(word: str, valid: Iterable[str]) -> str:
    """The closest valid word, if one is close, and all of them."""
    names = list(valid)
    closest = get_close_matches(word, names, n=1)
    did_you_mean = f"; did you mean {closest[0]!r}?" if closest else "."
    return f"{did_you_mean} Available: {', '.join(names)}"
