"""The segmenters by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..environment import check_torchvision
from ..errors import ConfigError
from ..naming import unknown_name
from .base import PromptableSegmenter

SEGMENTERS = (
    "grabcut",
    "sam-vit-b",
    "sam-vit-l",
    "sam-vit-h",
    "hq-sam-vit-b",
    "hq-sam-vit-l",
    "hq-sam-vit-h",
    "hq-sam-light",
    "mobile-sam",
)
"""The names; all but ``grabcut`` are variants of SAM with a checkpoint (``sampt.segmenters.variants``)."""


def create_segmenter(
    name: str,
    checkpoint: str | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    options: Mapping[str, Any] | None = None,
    compile: bool = False,
) -> PromptableSegmenter:
    """The segmenter called ``name``; its official checkpoint is downloaded if no other is given.

    checkpoint: the path of a checkpoint file, which needs no network.
    compile: ``torch.compile`` the model.

    Raises:
        ConfigError: there is no such segmenter or option, or it takes no checkpoint.
        CheckpointError: the checkpoint is missing, corrupt, or another model's, or cannot be downloaded.
    """
    if name not in SEGMENTERS:
        raise ConfigError(f"segmenter: {unknown_name('segmenter', name, SEGMENTERS)}")
    for option in options or {}:
        raise ConfigError(f"segmenter: {name} takes no options, so remove {option!r}")
    if name == "grabcut":
        from .grabcut import GrabCutSegmenter

        if checkpoint is not None:
            raise ConfigError(
                "segmenter grabcut takes no checkpoint: leave it out, or choose one of SAM, "
                "such as --segmenter sam-vit-b"
            )
        return GrabCutSegmenter()
    check_torchvision()
    from ..download import checkpoint_path
    from .variants import from_checkpoint

    return from_checkpoint(name, checkpoint or checkpoint_path(name), device, dtype, compile)
