"""SAM's image attention through PyTorch's fused kernels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

BIAS_BYTES = 256 << 20
"""How large the position bias of the heads that are computed together may be."""


class FusedAttention(nn.Module):
    """Attention with decomposed relative positions (Li et al., MViTv2, Sec. 4.1), without a softmax matrix.

    Takes over the parameters of a ``segment_anything`` (or ``segment_anything_hq``) attention, under their
    names, and gives the same numbers but for rounding. Only the bias is ever as large as the attention
    matrix, and only for as many heads as ``BIAS_BYTES`` allow.
    """

    rows: Tensor
    columns: Tensor

    # Any: of nn.Module's parts, its types know nothing.
    def __init__(self, plain: Any) -> None:
        super().__init__()
        self.num_heads: int = plain.num_heads
        self.qkv, self.proj = plain.qkv, plain.proj
        self.rel_pos_h, self.rel_pos_w = plain.rel_pos_h, plain.rel_pos_w
        self.register_buffer("rows", _offsets(len(plain.rel_pos_h)), persistent=False)
        self.register_buffer("columns", _offsets(len(plain.rel_pos_w)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, C) → (B, H, W, C); H and W are what the relative positions are made for."""
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


def fuse_attention(encoder: nn.Module) -> None:
    """Exchange the attention of every block of a SAM image encoder; one without them stays as it is."""
    for block in getattr(encoder, "blocks", ()):
        if hasattr(block.attn, "rel_pos_h"):
            block.attn = FusedAttention(block.attn)


def _offsets(length: int) -> Tensor:
    """(n, n) int64: which of 2n − 1 relative positions belongs to a query (row) and a key (column)."""
    n = (length + 1) // 2
    return torch.arange(n)[:, None] - torch.arange(n)[None, :] + n - 1
