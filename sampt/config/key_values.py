"""``KEY=VALUE`` as options of the command line take it."""

from __future__ import annotations

import re

from sampt.errors import ConfigError

KEY = re.compile(r"\w+(\.\w+)*")
"""What a key looks like."""


def key_and_value(text: str, option: str, example: str) -> tuple[str, str]:
    """The two sides of ``KEY=VALUE``.

    Args:
        option: such as ``-o``, for the message.
        example: what could have been given.

    Raises:
        ConfigError: there is no ``=``, or what stands before it is no key.
    """
    key, equals, value = text.partition("=")
    if not equals or not KEY.fullmatch(key):
        raise ConfigError(f"{option} {text}: give it as KEY=VALUE, such as {option} {example}")
    return key, value
