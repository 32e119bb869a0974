"""Registry of segmenters by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from sampt._internal.environment import check_torchvision
from sampt._internal.names import unknown_name
from sampt.config.schema import SegmenterConfig
from sampt.errors import CheckpointError, ConfigError
from sampt.trackers.extensions import all_names, load_extension

from .packages import check_packages

if TYPE_CHECKING:  # listing and checking names should not take the second that torch needs
    import torch

    from .base import PromptableSegmenter

Maker: TypeAlias = "Callable[[str | None, torch.device, torch.dtype, bool], PromptableSegmenter]"

WITHOUT_WEIGHTS = "grabcut"
"""Name of the segmenter that is not a neural network."""


def _grabcut(
    checkpoint: str | None, device: torch.device, dtype: torch.dtype, compile: bool
) -> PromptableSegmenter:
    from .grabcut import GrabCutSegmenter

    return GrabCutSegmenter()


def _sam_family(
    name: str, checkpoint: str | None, device: torch.device, dtype: torch.dtype, compile: bool
) -> PromptableSegmenter:
    check_torchvision()
    from sampt.weights.download import checkpoint_path

    from .variants import from_checkpoint

    return from_checkpoint(name, checkpoint or checkpoint_path(name), device, dtype, compile)


_SAM_FAMILY = (
    *("sam-vit-b", "sam-vit-l", "sam-vit-h"),
    *("hq-sam-vit-b", "hq-sam-vit-l", "hq-sam-vit-h", "hq-sam-light"),
    "mobile-sam",
)
"""SAM family, named here so that listing them imports no model; ``variants`` builds them."""

SEGMENTERS: dict[str, Maker] = {
    WITHOUT_WEIGHTS: _grabcut,
    **{name: partial(_sam_family, name) for name in _SAM_FAMILY},
}
"""Makers of our own segmenters: functions of a checkpoint's path (or None), device, dtype and compile."""


def segmenter_names() -> list[str]:
    """Names of all segmenters: our own, then those of other packages."""
    return all_names("segmenter", SEGMENTERS)


def find_segmenter(name: str) -> Maker:
    """Maker of the segmenter called ``name``, ours or another package's.

    Raises:
        ConfigError: there is no such segmenter (names the closest), or another package's cannot be used.
    """
    wanted = "a function of a checkpoint, a device, a dtype, and whether to compile"
    try:
        found: Maker | None = load_extension("segmenter", name, SEGMENTERS, callable, wanted)
    except ValueError as error:
        raise ConfigError(f"segmenter: {error}") from error
    return found or SEGMENTERS[name]


def check_segmenter(config: SegmenterConfig) -> None:
    """Check, without importing torch, that a segmenter can be built.

    Raises:
        ConfigError: there is no such segmenter or option, or it takes no checkpoint.
        SamptError: it needs a package that is not installed.
        CheckpointError: its checkpoint does not exist, or may not be downloaded.
    """
    name, checkpoint = config.name, config.checkpoint
    if name not in segmenter_names():
        raise ConfigError(f"segmenter: {unknown_name('segmenter', name, segmenter_names())}")
    for option in config.options:
        raise ConfigError(f"segmenter: {name} takes no options; remove {option!r}")
    if name == WITHOUT_WEIGHTS:
        if checkpoint is not None:
            raise ConfigError(
                f"segmenter {name} takes no checkpoint: leave it out, or choose one of the SAM family, "
                "such as --segmenter sam-vit-b"
            )
        return
    check_packages(name)
    if checkpoint is None and name in SEGMENTERS:
        from sampt.weights.download import check_obtainable  # its client takes a while to import

        check_obtainable(name)
    elif checkpoint is not None and not Path(checkpoint).is_file():
        raise CheckpointError(
            f"checkpoint {checkpoint} does not exist: give the path of a downloaded checkpoint file"
        )


def create_segmenter(
    name: str,
    checkpoint: str | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    options: Mapping[str, Any] | None = None,
    compile: bool = False,
) -> PromptableSegmenter:
    """The segmenter called ``name``; its official checkpoint is downloaded if no other is given.

    Args:
        name: one of ``segmenter_names``.
        checkpoint: path of a checkpoint file; None for the official one.
        device: device to run on.
        dtype: dtype of the computation; None means float32.
        options: options of the segmenter.
        compile: whether to ``torch.compile`` the model.

    Raises:
        ConfigError: there is no such segmenter or option, or it takes no checkpoint.
        CheckpointError: the checkpoint is missing, corrupt, another model's, or cannot be downloaded.
    """
    check_segmenter(SegmenterConfig(name, checkpoint, dict(options or {})))
    import torch

    return find_segmenter(name)(checkpoint, torch.device(device), dtype or torch.float32, compile)
