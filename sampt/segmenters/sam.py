"""SAM (Kirillov et al., "Segment Anything", ICCV 2023) through Meta's ``segment-anything`` package."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from segment_anything import build_sam_vit_b, build_sam_vit_h, build_sam_vit_l
from segment_anything.modeling import Sam
from segment_anything.utils.transforms import ResizeLongestSide
from torch import Tensor
from torch.nn import functional

from ..errors import CheckpointError
from ..weights import load_checkpoint, load_strictly
from .base import Context, Decoded, Embedding, PromptableSegmenter, Prompts

# The width of the encoder's position embedding tells the variants apart.
_BUILDERS = {
    768: ("ViT-B", build_sam_vit_b),
    1024: ("ViT-L", build_sam_vit_l),
    1280: ("ViT-H", build_sam_vit_h),
}


class SamSegmenter(PromptableSegmenter):
    """A ``segment_anything`` model behind the common protocol; float32, or bfloat16 for the encoder."""

    name: ClassVar[str] = "sam"

    def __init__(
        self, model: Sam, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        self.device = torch.device(device)
        self.dtype = dtype
        self.model = model.to(self.device).eval()
        self._resize = ResizeLongestSide(model.image_encoder.img_size)

    @classmethod
    def from_checkpoint(
        cls, path: str | Path, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
    ) -> SamSegmenter:
        """Load an official SAM checkpoint; ViT-B, -L or -H is recognised by its shapes.

        Raises:
            CheckpointError: the file is missing, corrupt, or not one of SAM's.
        """
        state = load_checkpoint(path)
        position = state.get("image_encoder.pos_embed")
        if position is None or position.ndim != 4 or position.shape[-1] not in _BUILDERS:
            raise CheckpointError(
                f"checkpoint {path} is not one of SAM's: give an official sam_vit_b, _l or _h file"
            )
        variant, build = _BUILDERS[position.shape[-1]]
        model = build()
        load_strictly(model, state, path, f"SAM {variant}")
        return cls(model, device, dtype)

    @torch.inference_mode()
    def encode(self, frames: Sequence[NDArray[np.uint8]]) -> list[Embedding]:
        size = frames[0].shape[:2]
        resized = np.stack([self._resize.apply_image(frame) for frame in frames])
        batch = torch.from_numpy(resized).to(self.device).permute(0, 3, 1, 2).contiguous()
        with self._precision():
            features = self.model.image_encoder(self.model.preprocess(batch)).float()
        nbytes = features[0].numel() * features.element_size()
        # Copies: a view would keep the whole batch alive as long as any of its frames is cached.
        return [Embedding(one[None].clone(), (size[0], size[1]), nbytes) for one in features]

    @torch.inference_mode()
    def decode(
        self, embedding: Embedding, prompts: Prompts, contexts: Sequence[Context] | None = None
    ) -> Decoded:
        scale = self._scale(embedding.size)
        encoder = self.model.prompt_encoder
        sparse, dense = encoder(
            points=(prompts.points.to(self.device) * scale, prompts.labels.to(self.device))
            if prompts.points.shape[1] or prompts.boxes is None
            else None,
            boxes=None if prompts.boxes is None else prompts.boxes.to(self.device) * scale.repeat(2),
            masks=None if prompts.masks is None else prompts.masks[:, None],
        )
        low_res, scores = self.model.mask_decoder(
            image_embeddings=embedding.features,
            image_pe=encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        return Decoded(low_res[:, 0], scores[:, 0])

    @torch.inference_mode()
    def upscale(self, low_res: Tensor, size: tuple[int, int]) -> Tensor:
        side = self.model.image_encoder.img_size
        height, width = self._input_size(size)
        padded = functional.interpolate(low_res[:, None], (side, side), mode="bilinear", align_corners=False)
        return functional.interpolate(
            padded[..., :height, :width], size, mode="bilinear", align_corners=False
        )[:, 0]

    def _input_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """A frame's (height, width) as the encoder sees it, before padding."""
        height, width = self._resize.get_preprocess_shape(*size, self._resize.target_length)
        return height, width

    def _scale(self, size: tuple[int, int]) -> Tensor:
        """(2,) factors from the original frame's x, y to the encoder's."""
        height, width = self._input_size(size)
        return torch.tensor([width / size[1], height / size[0]], device=self.device)

    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)
