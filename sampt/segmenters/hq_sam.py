"""HQ-SAM (Ke et al., "Segment Anything in High Quality", NeurIPS 2023) through ``segment-anything-hq``."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from .sam import SamSegmenter

with warnings.catch_warnings():  # it imports timm by deprecated names, and registers TinyViT there again
    warnings.simplefilter("ignore")
    import segment_anything_hq as package
    from segment_anything_hq.modeling import TinyViT

__all__ = ["HqSamSegmenter", "TinyViT", "package"]


class HqSamSegmenter(SamSegmenter):
    """A ``segment_anything_hq`` model: its masks are SAM's logits plus those of the high-quality token.

    The decoder's part that depends only on the encoder's early features is the same for all prompts of a
    frame, so it is computed when the frame is encoded. For an ambiguous prompt it gives one mask: like the
    official predictor, that of SAM's three with the highest score.
    """

    name = "hq-sam"

    def _features(self, batch: Tensor) -> tuple[Tensor, ...]:
        image, early = self.model.image_encoder(batch)
        decoder = self.model.mask_decoder
        # After the first block with global attention.
        fine = decoder.embedding_encoder(image) + decoder.compress_vit_feat(early[0].permute(0, 3, 1, 2))
        return image, fine

    def _masks(
        self, features: tuple[Tensor, ...], sparse: Tensor, dense: Tensor, multimask: bool
    ) -> tuple[Tensor, Tensor]:
        image, fine = features
        low_res, scores = self.model.mask_decoder.predict_masks(
            image_embeddings=image,
            image_pe=self._grid,
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            hq_features=fine,
        )
        high_quality = low_res[:, -1:]
        if not multimask:
            return low_res[:, :1] + high_quality, scores[:, :1]
        best = scores[:, 1:].argmax(1, keepdim=True)
        chosen = torch.take_along_dim(low_res[:, 1:-1], best[..., None, None], 1)
        return chosen + high_quality, torch.take_along_dim(scores[:, 1:], best, 1)
