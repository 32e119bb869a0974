"""Settings of video instance segmentation from ``key=value`` texts, beside those of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from sampt.errors import ConfigError
from sampt.naming import unknown_name

from .masklets import VisSettings

OWN = tuple(field.name for field in fields(VisSettings))
"""What keys begin with that are not the model's."""


def is_own(override: str) -> bool:
    """Whether a ``key=value`` is one of these settings, and not one of the model's configuration."""
    return override.partition("=")[0].partition(".")[0] in OWN


def parse_vis_settings(overrides: Sequence[str]) -> VisSettings:
    """Settings from ``key=value``, such as ``redetect.every=10`` or ``proposals.points_per_side=16``.

    Raises:
        ConfigError: a key or a value is not valid; the closest key is named.
    """
    values = OmegaConf.structured(VisSettings)
    for override in overrides:
        key, equals, _ = override.partition("=")
        if not equals:
            raise ConfigError(f"-o {override}: give a setting as key=value, such as -o redetect.every=10")
        known = list(_keys(values))
        if key not in known:
            raise ConfigError(f"-o {override}: {unknown_name('setting', key, known)}")
        try:
            values = OmegaConf.merge(values, OmegaConf.from_dotlist([override]))
            OmegaConf.to_object(values)
        except (YAMLError, OmegaConfBaseException, ValueError) as error:
            raise ConfigError(f"-o {override} is not valid: {str(error).partition(chr(10))[0]}") from error
    made = OmegaConf.to_object(values)
    assert isinstance(made, VisSettings)
    return made


def as_plain(settings: VisSettings) -> Mapping[str, Any]:
    """The settings as plain values, for ``run.json``."""
    plain = OmegaConf.to_container(OmegaConf.structured(settings))
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _keys(values: DictConfig, prefix: str = "") -> Iterator[str]:
    for key in map(str, values):
        node = values._get_node(key)
        if isinstance(node, DictConfig):
            yield from _keys(node, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
