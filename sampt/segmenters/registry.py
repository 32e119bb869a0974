"""The segmenters by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch

from sampt._internal.environment import check_torchvision
from sampt.errors import ConfigError
from sampt.trackers.extensions import all_names, load_extension

from .base import PromptableSegmenter

Maker = Callable[[str | None, torch.device, torch.dtype, bool], PromptableSegmenter]


def _grabcut(
    checkpoint: str | None, device: torch.device, dtype: torch.dtype, compile: bool
) -> PromptableSegmenter:
    from .grabcut import GrabCutSegmenter

    if checkpoint is not None:
        raise ConfigError(
            "segmenter grabcut takes no checkpoint: leave it out, or choose one of the SAM family, "
            "such as --segmenter sam-vit-b"
        )
    return GrabCutSegmenter()


def _sam_family(
    name: str, checkpoint: str | None, device: torch.device, dtype: torch.dtype, compile: bool
) -> PromptableSegmenter:
    check_torchvision()
    from sampt.weights.download import checkpoint_path

    from .variants import check_packages, from_checkpoint

    check_packages(name)  # before a download
    return from_checkpoint(name, checkpoint or checkpoint_path(name), device, dtype, compile)


_SAM_FAMILY = (
    *("sam-vit-b", "sam-vit-l", "sam-vit-h"),
    *("hq-sam-vit-b", "hq-sam-vit-l", "hq-sam-vit-h", "hq-sam-light"),
    "mobile-sam",
)
"""Named here so that listing them imports no model; ``variants`` says what they are."""

SEGMENTERS: dict[str, Maker] = {
    "grabcut": _grabcut,
    **{name: partial(_sam_family, name) for name in _SAM_FAMILY},
}
"""Our own: what makes each from a checkpoint's path (or None), a device, a dtype, and whether to compile."""


def segmenter_names() -> list[str]:
    """All segmenters: our own, then those of other packages."""
    return all_names("segmenter", SEGMENTERS)


def find_segmenter(name: str) -> Maker:
    """What makes the segmenter called ``name``, ours or another package's.

    Raises:
        ConfigError: there is none (the closest name is given), or another package's cannot be used.
    """
    wanted = "a function of a checkpoint, a device, a dtype, and whether to compile"
    try:
        found: Maker | None = load_extension("segmenter", name, SEGMENTERS, callable, wanted)
    except ValueError as error:
        raise ConfigError(f"segmenter: {error}") from error
    return found or SEGMENTERS[name]


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
    make = find_segmenter(name)
    for option in options or {}:
        raise ConfigError(f"segmenter: {name} takes no options, so remove {option!r}")
    return make(checkpoint, torch.device(device), dtype, compile)
