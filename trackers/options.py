"""Options of trackers and samplers: frozen dataclasses made from what a user wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from .names import unknown_name

Options = TypeVar("Options")


@dataclass(frozen=True)
class NoOptions:
    """The options of a tracker that has none."""


def read_options(kind: type[Options], given: Mapping[str, Any], owner: str) -> Options:
    """The options made from what a user wrote; lists become tuples where an option is a tuple.

    Args:
        kind: the dataclass, with an init argument for every option; it checks their ranges itself.
        given: values by name, as YAML has them.
        owner: what the options belong to, such as ``tracker 'dis'``; errors begin with it.

    Raises:
        ValueError: an option is unknown (the error names the closest), or its value has the wrong type or is
            out of its range.
    """
    types = get_type_hints(kind)
    known = [field.name for field in fields(kind) if field.init]  # type: ignore[arg-type]
    values = {}
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"{owner}: {unknown_name('option', name, known)}")
        wanted = types[name]
        value = tuple(value) if isinstance(value, list) and _takes_tuple(wanted) else value
        if not _fits(value, wanted):
            described = wanted.__name__ if isinstance(wanted, type) and not get_args(wanted) else str(wanted)
            raise ValueError(f"{owner}: the option {name!r} takes {described}, not {value!r}")
        values[name] = value
    try:
        return kind(**values)
    except ValueError as error:
        raise ValueError(f"{owner}: {error}") from error


def at_least(least: float, **options: float | None) -> None:
    """Check that options are at least ``least``, or None.

    Raises:
        ValueError: one is lower; the error names it.
    """
    for name, value in options.items():
        if value is not None and not value >= least:
            raise ValueError(f"{name} must be at least {least}, not {value}")


def from_0_to_1(**options: float) -> None:
    """Check that options are from 0 to 1.

    Raises:
        ValueError: one is not; the error names it.
    """
    for name, value in options.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be from 0 to 1, not {value}")


def _takes_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple or any(get_origin(part) is tuple for part in get_args(kind))


def _fits(value: object, kind: Any) -> bool:
    """Whether ``value`` is of type ``kind``; an int counts as a float, but a bool counts as neither."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is tuple:
        return isinstance(value, tuple) and len(value) == len(parts) and all(map(_fits, value, parts))
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else origin or kind)
