"""Options that several commands have, given to each as one argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import wraps
from typing import Any


def option_group(name: str, kind: type[Any], options: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    """A decorator that gives a command these options; it gets them as one argument called ``name``.

    kind: a dataclass, a field an option.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def with_group(*args: Any, **kwargs: Any) -> Any:
            group = kind(**{field.name: kwargs.pop(field.name) for field in fields(kind)})
            return command(*args, **{name: group}, **kwargs)

        decorated: Callable[..., Any] = with_group
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate
