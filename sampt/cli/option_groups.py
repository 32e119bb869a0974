"""Options that several commands share, passed to each as one argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import wraps
from typing import Any


def option_group(name: str, kind: type[Any], options: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    """Decorator that gives a command some options as one argument.

    Args:
        name: name of the argument.
        kind: dataclass with one field per option.
        options: click's decorators for the options.
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
