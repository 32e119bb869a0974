"""The parts that ``sampt_micro`` was recorded with, plugged in through the public protocols."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

from sampt.trackers.base import PointTracker, Trajectories, Visibility
from sampt.trackers.clip import Clip


def micro_sam(shapes: dict[str, list[int]]) -> Sam:
    """A small SAM whose sizes are read off the names and shapes of its state dict."""
    width, _, patch, _ = shapes["image_encoder.patch_embed.proj.weight"]
    _, grid, _, _ = shapes["image_encoder.pos_embed"]
    channels = shapes["image_encoder.neck.0.weight"][0]
    depth = 1 + max(int(n.split(".")[2]) for n in shapes if n.startswith("image_encoder.blocks."))
    reach = [(shapes[f"image_encoder.blocks.{i}.attn.rel_pos_h"][0] + 1) // 2 for i in range(depth)]
    head = shapes["image_encoder.blocks.0.attn.rel_pos_h"][1]
    return Sam(
        ImageEncoderViT(
            img_size=grid * patch,
            patch_size=patch,
            embed_dim=width,
            depth=depth,
            num_heads=width // head,
            mlp_ratio=shapes["image_encoder.blocks.0.mlp.lin1.weight"][0] / width,
            out_chans=channels,
            qkv_bias=True,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            global_attn_indexes=tuple(i for i in range(depth) if reach[i] == grid),
            window_size=min(reach),
        ),
        PromptEncoder(channels, (grid, grid), (grid * patch, grid * patch), 16),
        MaskDecoder(
            transformer_dim=channels,
            transformer=TwoWayTransformer(2, channels, 8, 2048),
            num_multimask_outputs=3,
        ),
    )


class EvenSampler:
    """The mask's pixels in row-major order, at indices floor((i + 0.5) · len / n)."""

    name = "even"

    def sample(self, image: Any, mask: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        rows, columns = np.nonzero(mask)
        chosen = np.floor((np.arange(count) + 0.5) * len(rows) / count).astype(int)
        return np.column_stack([columns[chosen], rows[chosen]]).astype(np.float32)


class LinearTracker(PointTracker):
    """Even points move by one velocity, odd ones by another; every fifth (t + id) is invisible."""

    name = "linear"
    VELOCITIES = (np.array([3.0, -1.5]), np.array([-1.0, 2.0]))

    def track(self, frames: Any, queries: Any) -> Trajectories:
        queries = np.asarray(queries, np.float32)
        ids, t = np.arange(len(queries)), np.arange(len(Clip.of(frames)))
        velocity = np.where(ids[:, None] % 2 == 0, *self.VELOCITIES)
        elapsed = t[:, None] - queries[:, 0]
        xy = queries[:, 1:] + elapsed[..., None] * velocity
        visible = ((t[:, None] + ids) % 5 != 0) | (elapsed == 0)
        states = np.where(visible, Visibility.VISIBLE, Visibility.INVISIBLE)
        return Trajectories(xy.astype(np.float32), states.astype(np.int8))
