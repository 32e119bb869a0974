"""The segmenters by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from ..environment import check_torchvision
from ..errors import ConfigError
from ..naming import unknown_name
from .base import PromptableSegmenter

Maker = Callable[..., PromptableSegmenter]


def _grabcut(checkpoint: str | None, device: torch.device, dtype: torch.dtype) -> PromptableSegmenter:
    from .grabcut import GrabCutSegmenter

    if checkpoint is not None:
        raise ConfigError("segmenter grabcut takes no checkpoint: leave it out, or choose --segmenter sam")
    return GrabCutSegmenter()


def _sam(checkpoint: str | None, device: torch.device, dtype: torch.dtype) -> PromptableSegmenter:
    check_torchvision()
    from .sam import SamSegmenter

    if checkpoint is None:
        raise ConfigError(
            "segmenter sam needs a checkpoint: give --checkpoint PATH of an official sam_vit file"
        )
    return SamSegmenter.from_checkpoint(checkpoint, device, dtype)


SEGMENTERS: dict[str, Maker] = {"grabcut": _grabcut, "sam": _sam}
"""What makes each segmenter from a checkpoint's path, a device, a dtype, and its own options."""


def create_segmenter(
    name: str,
    checkpoint: str | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    options: Mapping[str, Any] | None = None,
) -> PromptableSegmenter:
    """The segmenter called ``name``.

    Raises:
        ConfigError: there is no such segmenter or option, or it needs a checkpoint and has none.
        CheckpointError: the checkpoint is missing, corrupt, or another model's.
    """
    if name not in SEGMENTERS:
        raise ConfigError(f"segmenter: {unknown_name('segmenter', name, SEGMENTERS)}")
    for option in options or {}:
        raise ConfigError(f"segmenter: {name} takes no options, so remove {option!r}")
    return SEGMENTERS[name](checkpoint, torch.device(device), dtype)
