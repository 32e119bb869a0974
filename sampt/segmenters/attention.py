"""SAM's attention with PyTorch's fused kernels: same parameters, same results up to rounding.

``segment_anything`` and ``segment_anything_hq`` write attention out: products, scaling and softmax each pass
over matrices that do not fit into any cache.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

BIAS_BYTES = 256 << 20
"""Maximum size in bytes of the position bias of the heads that are computed together."""


def fuse_attention(model: Any) -> None:
    """Replace the attention of a whole SAM in place; TinyViT's encoder is left unchanged."""
    for block in getattr(model.image_encoder, "blocks", ()):
        block.attn = RelativeAttention(block.attn)
    model.mask_decoder.transformer = TwoWayTransformer(model.mask_decoder.transformer)


class RelativeAttention(nn.Module):
    """Self-attention in the encoder, with decomposed relative positions (Li et al., MViTv2, Sec. 4.1).

    Only the positions' bias is ever as large as the attention matrix, and only for as many heads as
    ``BIAS_BYTES`` allow.
    """

    rows: Tensor
    columns: Tensor

    # Any, here and below: nn.Module's type hints do not cover its submodules.
    def __init__(self, plain: Any) -> None:
        super().__init__()
        self.num_heads: int = plain.num_heads
        self.qkv, self.proj = plain.qkv, plain.proj
        self.rel_pos_h, self.rel_pos_w = plain.rel_pos_h, plain.rel_pos_w
        self.register_buffer("rows", _offsets(len(plain.rel_pos_h)), persistent=False)
        self.register_buffer("columns", _offsets(len(plain.rel_pos_w)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, C) → (B, H, W, C), where H and W must match the relative positions."""
        batch, height, width, channels = x.shape
        tokens = height * width
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.num_heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        grid = query.unflatten(2, (height, width))
        down = torch.einsum("bnhwc,hkc->bnhwk", grid, self.rel_pos_h[self.rows].to(grid.dtype))
        along = torch.einsum("bnhwc,wkc->bnhwk", grid, self.rel_pos_w[self.columns].to(grid.dtype))

        together = max(1, BIAS_BYTES // (batch * tokens * tokens * x.element_size()))
        heads = []
        for first in range(0, self.num_heads, together):
            some = slice(first, first + together)
            bias = down[:, some, ..., :, None] + along[:, some, ..., None, :]
            heads.append(
                functional.scaled_dot_product_attention(
                    query[:, some],
                    key[:, some],
                    value[:, some],
                    attn_mask=bias.reshape(batch, -1, tokens, tokens),
                )
            )
        merged = torch.cat(heads, 1).transpose(1, 2).reshape(batch, height, width, channels)
        out: Tensor = self.proj(merged)
        return out


def _offsets(length: int) -> Tensor:
    """Index of the relative position, 0 to 2n − 2, for each query (row) and key (column), (n, n) int64."""
    n = (length + 1) // 2
    return torch.arange(n)[:, None] - torch.arange(n)[None, :] + n - 1


class Attention(nn.Module):
    """Attention of the decoder, between tokens of prompts and of the image."""

    def __init__(self, plain: Any) -> None:
        super().__init__()
        self.num_heads: int = plain.num_heads
        self.q_proj, self.k_proj, self.v_proj = plain.q_proj, plain.k_proj, plain.v_proj
        self.out_proj = plain.out_proj

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Queries (B, Q, C), keys and values (B, K, C) → (B, Q, C)."""
        heads = (
            x.unflatten(2, (self.num_heads, -1)).transpose(1, 2)
            for x in (self.q_proj(q), self.k_proj(k), self.v_proj(v))
        )
        attended = functional.scaled_dot_product_attention(*heads)
        out: Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))
        return out


class TwoWayTransformer(nn.Module):
    """Transformer of the decoder: prompts attend to the image and the image to the prompts, twice."""

    def __init__(self, plain: Any) -> None:
        super().__init__()
        self.layers, self.norm_final_attn = plain.layers, plain.norm_final_attn
        for layer in plain.layers:
            for name in ("self_attn", "cross_attn_token_to_image", "cross_attn_image_to_token"):
                setattr(layer, name, Attention(getattr(layer, name)))
        self.final_attn_token_to_image = Attention(plain.final_attn_token_to_image)

    def forward(self, image: Tensor, positions: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Image features (B, C, h, w), their positions, and prompts (B, P, C) → (B, P, C), (B, h·w, C)."""
        image = image.flatten(2).transpose(1, 2)
        positions = positions[:1].flatten(2).transpose(1, 2)  # the same for all
        prompts = tokens
        for layer in self.layers:
            prompts, image = self._layer(layer, prompts, image, tokens, positions)
        attended = self.final_attn_token_to_image(prompts + tokens, image + positions, image)
        return self.norm_final_attn(prompts + attended), image

    @staticmethod
    def _layer(
        layer: Any, prompts: Tensor, image: Tensor, tokens: Tensor, positions: Tensor
    ) -> tuple[Tensor, Tensor]:
        if layer.skip_first_layer_pe:
            prompts = layer.self_attn(prompts, prompts, prompts)
        else:
            placed = prompts + tokens
            prompts = prompts + layer.self_attn(placed, placed, prompts)
        prompts = layer.norm1(prompts)
        there = image + positions
        prompts = layer.norm2(prompts + layer.cross_attn_token_to_image(prompts + tokens, there, image))
        prompts = layer.norm3(prompts + layer.mlp(prompts))
        image = layer.norm4(image + layer.cross_attn_image_to_token(there, prompts + tokens, prompts))
        return prompts, image
