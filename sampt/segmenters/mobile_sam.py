"""MobileSAM (Zhang et al., "Faster Segment Anything", 2023): SAM's decoder behind a TinyViT."""

from __future__ import annotations

from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from torch import Tensor

from .hq_sam import TinyViT

SIDE, PATCH, CHANNELS = 1024, 16, 256


class _Encoder(TinyViT):  # type: ignore[misc]
    """HQ-SAM's TinyViT without the early features, which only HQ-SAM's decoder uses."""

    def forward(self, x: Tensor) -> Tensor:
        image, _ = self.forward_features(x)
        return image  # type: ignore[no-any-return]


def build_mobile_sam() -> Sam:
    """MobileSAM with the parameters of the official ``mobile_sam.pt`` (TinyViT-5M at 1024 px)."""
    grid = (SIDE // PATCH, SIDE // PATCH)
    return Sam(
        _Encoder(
            img_size=SIDE,
            embed_dims=[64, 128, 160, 320],
            depths=[2, 2, 6, 2],
            num_heads=[2, 4, 5, 10],
            window_sizes=[7, 7, 14, 7],
            drop_path_rate=0.0,
        ),
        PromptEncoder(CHANNELS, grid, (SIDE, SIDE), mask_in_chans=16),
        MaskDecoder(
            transformer_dim=CHANNELS,
            transformer=TwoWayTransformer(depth=2, embedding_dim=CHANNELS, mlp_dim=2048, num_heads=8),
            num_multimask_outputs=3,
        ),
    )
