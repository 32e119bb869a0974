"""SAM (Kirillov et al., "Segment Anything", ICCV 2023), with Meta's ``segment-anything`` package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from segment_anything.utils.transforms import ResizeLongestSide
from torch import Tensor, nn
from torch.nn import functional

from .base import Context, Decoded, Embedding, PromptableSegmenter, Prompts, mask_extent
from .captured import Captured


@dataclass(frozen=True)
class PreparedFrame:
    """Frame at the encoder's resolution, before padding, (3, h, w) uint8; ``size`` is the original one."""

    pixels: Tensor
    size: tuple[int, int]


class SamSegmenter(PromptableSegmenter):
    """Segmenter with a ``segment_anything`` model.

    Args:
        model: model with its weights.
        device: device to run on.
        dtype: with bfloat16, the encoder and the mask decoder run under autocast; prompts are always embedded
            in float32, because bfloat16 cannot tell neighbouring pixels apart.
        compile: whether to ``torch.compile`` both, which pays off after some hundred frames.
    """

    name = "sam"

    def __init__(
        self,
        model: Any,  # nn.Module's type hints do not cover its submodules
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        compile: bool = False,
    ) -> None:
        self.device = torch.device(device)
        self.dtype = dtype
        self.model = model.to(self.device).eval()
        if dtype != torch.float32:
            for part in (self.model.image_encoder, self.model.mask_decoder):
                _store_weights(part, dtype)
        self._resize = ResizeLongestSide(self.model.image_encoder.img_size)
        self._scales: dict[tuple[int, int], Tensor] = {}
        self._run_encoder: Any = torch.compile(self._features) if compile else self._features
        self._run_decoder: Any = torch.compile(self._masks) if compile else self._masks
        self._captured = {
            multimask: Captured(partial(self._prompted, multimask=multimask), self.device)
            for multimask in (False, True)
        }

    def prepare(self, frame: NDArray[np.uint8]) -> PreparedFrame:
        pixels = torch.from_numpy(self._resize.apply_image(frame)).permute(2, 0, 1).contiguous()
        if self.device.type == "cuda":
            pixels = pixels.pin_memory()
        return PreparedFrame(pixels, (frame.shape[0], frame.shape[1]))

    @torch.inference_mode()
    def encode(self, frames: Sequence[NDArray[np.uint8] | PreparedFrame]) -> list[Embedding]:
        prepared = [f if isinstance(f, PreparedFrame) else self.prepare(f) for f in frames]
        batch = torch.stack([p.pixels.to(self.device, non_blocking=True) for p in prepared])
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            features = self._run_encoder(self.model.preprocess(batch))
        features = [f.to(self.dtype) for f in features]
        nbytes = sum(f[0].numel() * f.element_size() for f in features)
        # Copies: a view would keep the whole batch alive while any of its frames is cached.
        return [
            Embedding(tuple(f[i : i + 1].clone() for f in features), p.size, nbytes)
            for i, p in enumerate(prepared)
        ]

    def decode(
        self, embedding: Embedding, prompts: Prompts, contexts: Sequence[Context] | None = None
    ) -> Decoded:
        low_res, scores = self._decode(embedding, prompts, multimask=False)
        return Decoded(low_res[:, 0], scores[:, 0])

    def candidates(self, embedding: Embedding, prompts: Prompts) -> Decoded:
        return Decoded(*self._decode(embedding, prompts, multimask=True))

    @torch.inference_mode()
    def _decode(self, embedding: Embedding, prompts: Prompts, multimask: bool) -> tuple[Tensor, Tensor]:
        scale = self._scale(embedding.size)
        points = prompts.points.to(self.device) * scale
        boxes = None if prompts.boxes is None else prompts.boxes.to(self.device) * scale.repeat(2)
        low_res, scores = self._captured[multimask](
            points, prompts.labels.to(self.device), boxes, prompts.masks, *embedding.features
        )
        return low_res, scores

    def _prompted(
        self,
        points: Tensor,
        labels: Tensor,
        boxes: Tensor | None,
        masks: Tensor | None,
        *features: Tensor,
        multimask: bool,
    ) -> tuple[Tensor, Tensor]:
        """Low-resolution logits (B, M, h, w) and scores (B, M) of prompts in the encoder's pixels."""
        sparse, dense = self._embed(points, labels, boxes, masks)
        # Without autocast's cache: a CUDA graph must not refer to its copies of the weights.
        with torch.autocast(
            self.device.type, self.dtype, enabled=self.dtype != torch.float32, cache_enabled=False
        ):
            low_res, scores = self._run_decoder(features, sparse, dense, multimask)
        return low_res.float(), scores.float()

    def _features(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Features to keep of images (B, 3, side, side), as tensors with B first."""
        return (self.model.image_encoder(batch),)

    def _masks(
        self, features: tuple[Tensor, ...], sparse: Tensor, dense: Tensor, multimask: bool
    ) -> tuple[Tensor, Tensor]:
        """(B, M, h, w) logits and (B, M) scores of B embedded prompts in one frame."""
        low_res, scores = self.model.mask_decoder(
            image_embeddings=features[0],
            image_pe=self._grid,
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
        )
        return low_res, scores

    @cached_property
    def _grid(self) -> Tensor:
        """Positional encoding of the image features, (1, C, h, w)."""
        grid: Tensor = self.model.prompt_encoder.get_dense_pe()
        return grid

    def _embed(
        self, points: Tensor, labels: Tensor, boxes: Tensor | None, masks: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Output of SAM's prompt encoder, without its boolean indices, which stall a GPU."""
        encoder = self.model.prompt_encoder
        negative, positive, *corners = (e.weight for e in encoder.point_embeddings)
        if boxes is None:  # SAM then adds a padding point, labelled -1
            points, labels = functional.pad(points, (0, 0, 0, 1)), functional.pad(labels, (0, 1), value=-1)
        at, label = self._positions(points), labels[..., None]
        known = torch.where(label == 1, at + positive, at + negative)
        sparse = torch.where(label == -1, encoder.not_a_point_embed.weight, known)
        if boxes is not None:
            at = self._positions(boxes.reshape(-1, 2, 2))
            sparse = torch.cat([sparse, at + torch.cat(corners)], 1)
        if masks is not None:
            dense = encoder.mask_downscaling(masks[:, None])
        else:
            dense = encoder.no_mask_embed.weight[..., None, None].expand(
                len(points), -1, *encoder.image_embedding_size
            )
        return sparse, dense

    def _positions(self, xy: Tensor) -> Tensor:
        """Encoding (B, P, C) of pixels (B, P, 2); SAM counts from a pixel's corner, hence the half."""
        encoder = self.model.prompt_encoder
        encoded: Tensor = encoder.pe_layer.forward_with_coords(xy + 0.5, encoder.input_image_size)
        return encoded

    @torch.inference_mode()
    def upscale(self, low_res: Tensor, size: tuple[int, int]) -> Tensor:
        seen = self._as_seen(low_res, size)
        return functional.interpolate(seen, size, mode="bilinear", align_corners=False)[:, 0]

    @torch.inference_mode()
    def extent(self, low_res: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        boxes, areas = mask_extent(self._as_seen(low_res, size)[:, 0] > 0)
        return boxes / self._scale(size).repeat(2), areas

    def _as_seen(self, low_res: Tensor, size: tuple[int, int]) -> Tensor:
        """Logits (B, h, w) at the encoder's resolution, (B, 1, H, W)."""
        height, width = self._input_size(size)
        factor = self._resize.target_length // low_res.shape[-1]
        # One more row and column of padding than needed, to interpolate the pixels in between.
        rows, columns = -(-height // factor) + 1, -(-width // factor) + 1
        seen = low_res[:, None, :rows, :columns]
        enlarged = functional.interpolate(seen, scale_factor=factor, mode="bilinear", align_corners=False)
        return enlarged[..., :height, :width]

    def _input_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """A frame's (height, width) at the encoder's resolution, before padding."""
        height, width = self._resize.get_preprocess_shape(*size, self._resize.target_length)
        return height, width

    def _scale(self, size: tuple[int, int]) -> Tensor:
        """Factors (2,) from the original frame's x, y to the encoder's."""
        if size not in self._scales:  # kept, because each copy to a GPU costs a little
            height, width = self._input_size(size)
            self._scales[size] = torch.tensor([width / size[1], height / size[0]], device=self.device)
        return self._scales[size]


def _store_weights(module: nn.Module, dtype: torch.dtype) -> None:
    """Convert once the weights that autocast would convert in every call."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            part.to(dtype)
