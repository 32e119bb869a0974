"""Protocol of promptable segmenters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Context: TypeAlias = Any
"""What a segmenter has learned about one object at its query frame; opaque to all other code."""


@dataclass(frozen=True)
class Prompts:
    """Prompts of B objects in one frame, each object with equally many points.

    Objects with different numbers of points go into different batches: SAM's padding token would change
    its output. All coordinates are pixels of the original frame.

    Attributes:
        points: (B, P, 2) float32 of (x, y); P may be 0.
        labels: (B, P) int64, 1 for positive and 0 for negative points.
        boxes: (B, 4) float32 of x0, y0, x1, y1, or None.
        masks: (B, h, w) float32 low-resolution logits of an earlier pass, or None.
    """

    points: Tensor
    labels: Tensor
    boxes: Tensor | None = None
    masks: Tensor | None = None

    def __post_init__(self) -> None:
        if self.points.ndim != 3 or self.points.shape[2] != 2 or self.labels.shape != self.points.shape[:2]:
            raise ValueError(
                f"points are (B, P, 2) with labels (B, P), not {tuple(self.points.shape)} "
                f"with {tuple(self.labels.shape)}"
            )

    def __len__(self) -> int:
        return len(self.points)

    def refined(self, boxes: Tensor, masks: Tensor) -> Prompts:
        """The same points with the boxes and low-resolution logits of the current masks."""
        return replace(self, boxes=boxes, masks=masks)


@dataclass(frozen=True)
class Decoded:
    """B masks: low-resolution logits, (B, h, w) float32, and predicted IoU scores, (B,) float32.

    From ``candidates``, they are M masks for each of B prompts: (B, M, h, w) and (B, M).
    """

    low_res: Tensor
    scores: Tensor


@dataclass(frozen=True)
class Embedding:
    """Encoded frame; ``features`` is private to the segmenter, ``size`` is the original (height, width).

    The features of a segmenter on a GPU are a tuple of tensors, so that they can be moved.
    """

    features: Any
    size: tuple[int, int]
    nbytes: int

    def to(self, device: torch.device) -> Embedding:
        """A copy on another device; on the CPU in pinned memory, from which copying back is fast."""
        return replace(self, features=tuple(_moved(f, device) for f in self.features))


def _moved(features: Tensor, device: torch.device) -> Tensor:
    if device.type != "cpu" or features.device.type == "cpu":
        return features.to(device, non_blocking=True)
    # Not asynchronous: the CPU would not know when the copy is complete.
    return torch.empty(features.shape, dtype=features.dtype, pin_memory=True).copy_(features)


class PromptableSegmenter(ABC):
    """Segmenter of images by prompts: ``encode`` once per frame, ``decode`` as often as prompts change."""

    name: str
    preview: ClassVar[bool] = False
    """Whether results are only of preview quality, which outputs then mention."""

    learns: ClassVar[bool] = False
    """Whether ``learn`` returns contexts."""

    device: torch.device = torch.device("cpu")

    def prepare(self, frame: NDArray[np.uint8]) -> Any:
        """Do the part of ``encode`` that another thread can do in advance, for one (H, W, 3) uint8 RGB."""
        return frame

    @abstractmethod
    def encode(self, frames: Sequence[Any]) -> list[Embedding]:
        """Encode frames of one size, each (H, W, 3) uint8 RGB or the output of ``prepare``."""

    def learn(self, embedding: Embedding, prompts: Prompts) -> list[Context] | None:
        """Learn what B objects look like from their prompts at their query frame; None if not possible."""
        return None

    @abstractmethod
    def decode(
        self, embedding: Embedding, prompts: Prompts, contexts: Sequence[Context] | None = None
    ) -> Decoded:
        """One mask for each of B prompted objects; ``contexts`` is what ``learn`` returned for them."""

    def candidates(self, embedding: Embedding, prompts: Prompts) -> Decoded:
        """M masks for each of B ambiguous prompts, such as a part, a larger one, and the whole: (B, M, …)."""
        decoded = self.decode(embedding, prompts)
        return Decoded(decoded.low_res[:, None], decoded.scores[:, None])

    @abstractmethod
    def upscale(self, low_res: Tensor, size: tuple[int, int]) -> Tensor:
        """Logits at the frame's ``size`` (H, W): (B, h, w) → (B, H, W) float32."""

    def extent(self, low_res: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Boxes, (B, 4) float32 in pixels of a frame of ``size`` (H, W), and areas, (B,) int64, of the masks.

        They may be found at the segmenter's own resolution, whose pixels the areas then count. Everything
        stays on the device. The box of an empty mask is meaningless; its area is 0.
        """
        return mask_extent(self.upscale(low_res, size) > 0)


def mask_extent(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes (B, 4) float32 of inclusive x0, y0, x1, y1, and areas (B,), of masks (B, H, W) bool."""
    columns, rows = masks.any(1).float(), masks.any(2).float()
    width, height = columns.shape[1], rows.shape[1]
    x0, y0 = columns.argmax(1), rows.argmax(1)
    x1, y1 = width - 1 - columns.flip(1).argmax(1), height - 1 - rows.flip(1).argmax(1)
    return torch.stack([x0, y0, x1, y1], 1).float(), masks.sum((1, 2))
