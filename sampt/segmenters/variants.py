"""Models of the SAM family by name, with their weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from sampt._internal.host_memory import keep_freed_memory
from sampt._internal.names import unknown_name
from sampt.weights.loading import load_checkpoint, load_strictly

from .attention import fuse_attention
from .packages import check_packages
from .sam import SamSegmenter

ModelAndSegmenter = tuple[nn.Module, type[SamSegmenter]]


@dataclass(frozen=True)
class Variant:
    """Published model: its name in messages, and a function that builds it with new parameters."""

    label: str
    build: Callable[[], ModelAndSegmenter]


def _sam(kind: str) -> ModelAndSegmenter:
    from segment_anything import sam_model_registry

    return sam_model_registry[kind](), SamSegmenter


def _hq_sam(kind: str) -> ModelAndSegmenter:
    from .hq_sam import HqSamSegmenter, package

    return package.sam_model_registry[kind](), HqSamSegmenter


def _mobile_sam() -> ModelAndSegmenter:
    from .mobile_sam import build_mobile_sam

    return build_mobile_sam(), SamSegmenter


VARIANTS: dict[str, Variant] = {
    "sam-vit-b": Variant("SAM ViT-B", partial(_sam, "vit_b")),
    "sam-vit-l": Variant("SAM ViT-L", partial(_sam, "vit_l")),
    "sam-vit-h": Variant("SAM ViT-H", partial(_sam, "vit_h")),
    "hq-sam-vit-b": Variant("HQ-SAM ViT-B", partial(_hq_sam, "vit_b")),
    "hq-sam-vit-l": Variant("HQ-SAM ViT-L", partial(_hq_sam, "vit_l")),
    "hq-sam-vit-h": Variant("HQ-SAM ViT-H", partial(_hq_sam, "vit_h")),
    "hq-sam-light": Variant("Light HQ-SAM", partial(_hq_sam, "vit_tiny")),
    "mobile-sam": Variant("MobileSAM", _mobile_sam),
}


def from_checkpoint(
    name: str,
    path: str | Path,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    compile: bool = False,
) -> SamSegmenter:
    """The variant called ``name`` with the weights of an official checkpoint file.

    Raises:
        CheckpointError: the file is missing, corrupt, or another model's.
    """
    state = load_checkpoint(path)  # first: a wrong path should not cost the seconds that building takes
    model, segmenter = _built(name)
    load_strictly(model, state, path, VARIANTS[name].label)
    return _ready(name, model, segmenter, device, dtype, compile)


def with_random_weights(
    name: str,
    seed: int,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    compile: bool = False,
) -> SamSegmenter:
    """The variant called ``name`` with random weights, to measure its speed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, segmenter = _built(name)
    return _ready(name, model, segmenter, device, dtype, compile)


def _built(name: str) -> ModelAndSegmenter:
    if name not in VARIANTS:
        raise ValueError(unknown_name("segmenter", name, VARIANTS))
    check_packages(name)
    return VARIANTS[name].build()


def _ready(
    name: str,
    model: nn.Module,
    segmenter: type[SamSegmenter],
    device: str | torch.device,
    dtype: torch.dtype,
    compile: bool,
) -> SamSegmenter:
    fuse_attention(model)
    if torch.device(device).type == "cpu":
        keep_freed_memory()
    made = segmenter(model, device, dtype, compile)
    made.name = name
    return made
