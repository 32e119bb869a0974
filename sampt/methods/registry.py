"""The methods by name."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from sampt._internal.names import unknown_name
from sampt.config import Config, load_config
from sampt.errors import ConfigError
from sampt.segmenters.base import PromptableSegmenter

from .base import VideoMethod

METHODS: dict[str, tuple[str, str]] = {
    "sam-pt": ("sampt.methods.sam_pt.pipeline", "SamPt"),
}
"""The module and class of each method; the class builds itself with ``from_config``."""


def build_method(
    config: str | Path | Config,
    overrides: Sequence[str] = (),
    segmenter: PromptableSegmenter | None = None,
) -> VideoMethod:
    """The method that a configuration names, with everything else that it names.

    Args:
        config: a YAML file, the name of one that comes with the package, or a ``Config``.
        overrides: ``key=value`` each, as ``-o`` takes them.
        segmenter: used instead of the one that the configuration names.

    Raises:
        ConfigError: an unknown or mistyped key, method, tracker, segmenter, sampler or strategy.
        CheckpointError: a checkpoint is missing, corrupt or another model's.
    """
    config = load_config(config, overrides)
    if config.method not in METHODS:
        raise ConfigError(f"method: {unknown_name('method', config.method, METHODS)}")
    module, name = METHODS[config.method]
    kind: Any = getattr(import_module(module), name)
    made: VideoMethod = kind.from_config(config, segmenter=segmenter)
    return made
