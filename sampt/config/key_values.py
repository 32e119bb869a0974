"""Values of command-line options in the form ``KEY=VALUE``."""

from __future__ import annotations

import re

from sampt.errors import ConfigError

KEY = re.compile(r"\w+(\.\w+)*")
"""Pattern of a valid key: words separated by dots."""


def key_and_value(text: str, option: str, example: str) -> tuple[str, str]:
    """The two sides of ``KEY=VALUE``.

    Args:
        text: the value of the option.
        option: name of the option, such as ``-o``, for the error message.
        example: a valid value, for the error message.

    Raises:
        ConfigError: there is no ``=``, or the text before it is not a key.
    """
    key, equals, value = text.partition("=")
    if not equals or not KEY.fullmatch(key):
        raise ConfigError(f"{option} {text}: give it as KEY=VALUE, such as {option} {example}")
    return key, value
