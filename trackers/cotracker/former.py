"""CoTracker's transformer: attention along each track in time, and across the tracks in each frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class UpdateFormer(nn.Module):
    """The transformer that turns tokens of N tracks in S frames, (N, S, inputs), into (N, S, outputs).

    Blocks along time alternate with blocks across tracks. Those go through a few learned virtual tracks,
    which read all points and are read by all points, so that the cost is linear in N (CoTracker, ECCV 2024).

    Args:
        inputs: width of the input tokens.
        heads: name and width of each output layer; the outputs are joined in this order.
        width: width of the tokens inside.
        depth: number of blocks along time, and across tracks.
        attention_heads: number of attention heads.
        virtual_tracks: number of virtual tracks.
        fused: use PyTorch's fused attention, which rounds differently from the plain formula.
    """

    def __init__(
        self,
        inputs: int,
        heads: dict[str, int],
        width: int = 384,
        depth: int = 6,
        attention_heads: int = 8,
        virtual_tracks: int = 64,
        fused: bool = True,
    ) -> None:
        super().__init__()
        self.input_transform = nn.Linear(inputs, width)
        # This is how the checkpoints spell it.
        self.virual_tracks = nn.Parameter(torch.randn(1, virtual_tracks, 1, width))
        attention = partial(_Attention, width, attention_heads, fused)
        self.time_blocks = _self_blocks(depth, width, attention)
        self.space_virtual_blocks = _self_blocks(depth, width, attention)
        self.space_point2virtual_blocks = nn.ModuleList(
            _CrossBlock(width, attention_heads, fused) for _ in range(depth)
        )
        self.space_virtual2point_blocks = nn.ModuleList(
            _CrossBlock(width, attention_heads, fused) for _ in range(depth)
        )
        self._heads = tuple(heads)
        for name, outputs in heads.items():
            self.add_module(name, nn.Linear(width, outputs))

    def numbers_of_tokens(self, points: int) -> int:
        """The approximate peak number of values in memory per frame for ``points`` points."""
        width, inputs = self.input_transform.weight.shape
        return points * 2 * inputs + (points + self.virual_tracks.shape[1]) * 12 * width

    def forward(self, tokens: Tensor, unread: Tensor | None = None) -> Tensor:
        """The updates; ``unread`` points, (N,) bool, influence no others, and their updates mean nothing."""
        points, frames = tokens.shape[:2]
        virtual = self.virual_tracks[0].expand(-1, frames, -1)
        x = self.input_transform(tokens)
        x = torch.cat([x, virtual.to(x.dtype)])
        blocks = zip(
            self.time_blocks,
            self.space_virtual2point_blocks,
            self.space_virtual_blocks,
            self.space_point2virtual_blocks,
            strict=True,
        )
        for along_time, gather, among_virtual, scatter in blocks:
            by_frame = along_time(x).transpose(0, 1)
            tracks, virtual = by_frame[:, :points], by_frame[:, points:]
            virtual = among_virtual(gather(virtual, tracks, unread))
            x = torch.cat([scatter(tracks, virtual), virtual], dim=1).transpose(0, 1)
        return torch.cat([self.get_submodule(name)(x[:points]) for name in self._heads], dim=-1)


class JointFormer(nn.Module):
    """The transformer of CoTracker's first version, from (N, S, inputs) to (N, S, outputs).

    It has no virtual tracks: in each frame every point reads every other, so the cost is quadratic in N.

    Args:
        inputs: width of the input tokens.
        outputs: width of the output.
        width: width of the tokens inside.
        depth: number of blocks along time, and across points.
        attention_heads: number of attention heads.
    """

    def __init__(
        self, inputs: int, outputs: int, width: int = 384, depth: int = 6, attention_heads: int = 8
    ) -> None:
        super().__init__()
        self.input_transform = nn.Linear(inputs, width)
        self.flow_head = nn.Linear(width, outputs)
        attention = partial(_JointAttention, width, attention_heads)
        self.time_blocks = _self_blocks(depth, width, attention)
        self.space_blocks = _self_blocks(depth, width, attention)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.input_transform(tokens)
        for along_time, across_points in zip(self.time_blocks, self.space_blocks, strict=True):
            x = across_points(along_time(x).transpose(0, 1)).transpose(0, 1)
        out: Tensor = self.flow_head(x)
        return out


class Mlp(nn.Module):
    """Two linear layers with a GELU between them, exact or by tanh."""

    def __init__(self, inputs: int, hidden: int, outputs: int, approximate: str = "none") -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, hidden)
        self.fc2 = nn.Linear(hidden, outputs)
        self._approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(F.gelu(self.fc1(x), approximate=self._approximate))
        return out


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int, fused: bool) -> None:
        super().__init__()
        self.to_q = nn.Linear(width, width)
        self.to_kv = nn.Linear(width, 2 * width)
        self.to_out = nn.Linear(width, width)
        self._heads = heads
        self._fused = fused

    def forward(self, x: Tensor, context: Tensor | None = None, unread: Tensor | None = None) -> Tensor:
        """Read ``context``, but for what is ``unread`` there; without it, ``x`` reads itself."""
        query = _split(self.to_q(x), self._heads)
        of_read = self.to_kv(x if context is None else context)
        key, value = (_split(part, self._heads) for part in of_read.chunk(2, dim=-1))
        if self._fused:
            read = None if unread is None else ~unread
            attended = F.scaled_dot_product_attention(query, key, value, attn_mask=read)
        else:
            fit = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5
            if unread is not None:
                fit = fit.masked_fill(unread, torch.finfo(fit.dtype).min)
            attended = fit.softmax(-1) @ value
        out: Tensor = self.to_out(attended.transpose(1, 2).flatten(2))
        return out


class _JointAttention(nn.Module):
    """Self-attention whose queries, keys and values come from one layer, as in timm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self._heads = heads

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (_split(part, self._heads) for part in self.qkv(x).chunk(3, dim=-1))
        attended = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.proj(attended.transpose(1, 2).flatten(2))
        return out


def _split(x: Tensor, heads: int) -> Tensor:
    """Reshape (B, L, width) to (B, heads, L, width / heads)."""
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


class _SelfBlock(nn.Module):
    def __init__(self, width: int, attention: nn.Module) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.attn = attention
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.mlp = Mlp(width, 4 * width, width, approximate="tanh")

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


def _self_blocks(depth: int, width: int, attention: Callable[[], nn.Module]) -> nn.ModuleList:
    return nn.ModuleList(_SelfBlock(width, attention()) for _ in range(depth))


class _CrossBlock(nn.Module):
    def __init__(self, width: int, heads: int, fused: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.norm_context = nn.LayerNorm(width)
        self.cross_attn = _Attention(width, heads, fused)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.mlp = Mlp(width, 4 * width, width, approximate="tanh")

    def forward(self, x: Tensor, context: Tensor, unread: Tensor | None = None) -> Tensor:
        x = x + self.cross_attn(self.norm1(x), self.norm_context(context), unread)
        out: Tensor = x + self.mlp(self.norm2(x))
        return out
