"""Trackers, samplers and segmenters that other installed packages add by entry points.

A package names them in its ``pyproject.toml``::

    [project.entry-points."sampt.trackers"]
    global-shift = "shift.tracker:GlobalShift"

Listing them imports nothing. A package is imported when one of its names is used, so a broken package affects
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from .names import unknown_name

KINDS = ("tracker", "sampler", "segmenter")
"""What can be added; the group of entry points is ``sampt.`` followed by the plural."""


def all_names(kind: str, built_in: Collection[str]) -> list[str]:
    """The built-in names, followed by those that other packages add, in alphabetical order."""
    return [*built_in, *sorted({entry.name for entry in _entries(kind)} - set(built_in))]


def load_extension(
    kind: str, name: str, built_in: Collection[str], fits: Callable[[Any], bool], wanted: str
) -> Any | None:
    """What another package has registered as ``name``; None if the name is built in.

    Args:
        kind: one of ``KINDS``.
        name: the name to look up.
        built_in: the built-in names.
        fits: says whether a registered object can be used.
        wanted: what it has to be, for errors.

    Raises:
        ValueError: the name is unknown (the error names the closest), it is registered more than once, or the
            package that registers it cannot be imported or used.
    """
    claims = [entry for entry in _entries(kind) if entry.name == name]
    owners = ["sampt"] * (name in built_in) + [f"the package {_package(entry)}" for entry in claims]
    if len(owners) > 1:
        raise ValueError(
            f"the {kind} {name!r} is registered by {' and by '.join(owners)}; uninstall or rename all but one"
        )
    if not owners:
        raise ValueError(unknown_name(kind, name, all_names(kind, built_in)))
    if not claims:
        return None
    try:
        found = claims[0].load()
    except Exception as error:  # another package's module may raise anything
        reason = (str(error) or type(error).__name__).partition("\n")[0]
        raise ValueError(
            f"the {kind} {name!r} of {owners[0]} cannot be loaded; repair or uninstall that package: {reason}"
        ) from error
    if not fits(found):
        raise ValueError(
            f"the {kind} {name!r} of {owners[0]} is unusable; repair or uninstall that package: "
            f"{claims[0].value} is not {wanted}"
        )
    return found


def _entries(kind: str) -> list[EntryPoint]:
    assert kind in KINDS
    return list(entry_points(group=f"sampt.{kind}s"))


def _package(entry: EntryPoint) -> str:
    return (entry.dist.name if entry.dist else None) or entry.module
