"""Registry of methods by name: checked without torch, built with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sampt._internal.devices import check_device, check_dtype
from sampt._internal.names import unknown_name
from sampt.config import Config, load_config
from sampt.errors import ConfigError
from sampt.segmenters.registry import check_segmenter

if TYPE_CHECKING:
    from sampt.segmenters.base import PromptableSegmenter

    from .base import VideoMethod


@dataclass(frozen=True)
class Registered:
    """Location of a method.

    Attributes:
        module: module with ``kind``, the method's class, which has ``from_config``.
        checks: module with ``check`` and ``describe``, which read a ``Config`` without importing torch, and
            ``check_live``.
    """

    module: str
    kind: str
    checks: str


METHODS: dict[str, Registered] = {
    "sam-pt": Registered("sampt.methods.sam_pt.pipeline", "SamPt", "sampt.methods.sam_pt.checks"),
}
"""Methods that ``--method`` and ``method:`` can name."""


def check(config: Config) -> None:
    """Check, without importing torch, that everything that a configuration names exists.

    Raises:
        ConfigError: an unknown method, tracker, segmenter, sampler, strategy or device, an option that one of
            them does not have, or a package that is not installed.
        CheckpointError: a checkpoint's file does not exist, or may not be downloaded.
    """
    found = _registered(config)
    check_device(config.device)
    check_dtype(config.dtype)
    check_segmenter(config.segmenter)
    import_module(found.checks).check(config)


def check_live(config: Config) -> None:
    """Check that a method can segment frames that arrive one at a time, before its weights are fetched.

    Raises:
        ConfigError: it needs the whole clip.
    """
    import_module(_registered(config).checks).check_live(config)


def describe(config: Config) -> dict[str, str]:
    """Result of ``VideoMethod.describe`` without building the method; the device is named as it was set."""
    described: dict[str, str] = import_module(_registered(config).checks).describe(config)
    return described


def build_method(
    config: str | Path | Config,
    overrides: Sequence[str] = (),
    segmenter: PromptableSegmenter | None = None,
) -> VideoMethod:
    """The method that a configuration names, with all its parts.

    Args:
        config: a YAML file, the name of one that comes with the package, or a ``Config``.
        overrides: ``key=value`` each, as ``-o`` takes them.
        segmenter: used instead of the one that the configuration names.

    Raises:
        ConfigError: an unknown or mistyped key, method, tracker, segmenter, sampler or strategy.
        CheckpointError: a checkpoint is missing, corrupt or another model's.
    """
    config = load_config(config, overrides)
    found = _registered(config)
    kind: Any = getattr(import_module(found.module), found.kind)
    made: VideoMethod = kind.from_config(config, segmenter=segmenter)
    return made


def _registered(config: Config) -> Registered:
    if config.method not in METHODS:
        raise ConfigError(f"method: {unknown_name('method', config.method, METHODS)}")
    return METHODS[config.method]
