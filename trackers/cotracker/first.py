"""The network of CoTracker's first version, with the official checkpoint's parameter names and shapes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor, nn

from .correlation import LEVELS, NEIGHBOURS, Pyramid
from .embeddings import FLOW_WIDTH, sinusoids
from .encoder import Encoder
from .former import JointFormer
from .models import PointFeatureModel


class CoTracker1Model(PointFeatureModel):
    """CoTracker as of July 2023 (arXiv 2307.07635v1), which SAM-PT's final paper tracks with.

    Unlike in CoTracker 2, every point reads every other directly, points whose queries are still to come are
    left out, correlations beyond the frame are zero, and frames may have any size. The points' order counts.

    Args:
        window: length of a window in frames.
        dim: channels of the features; this and the following defaults are the checkpoint's.
        width: width of the transformer's tokens.
        depth: number of its blocks.
    """

    padding = "zeros"
    keeps_corners = False
    fills_windows = False

    def __init__(self, window: int = 8, dim: int = 128, width: int = 384, depth: int = 6) -> None:
        super().__init__()
        self.window = window
        self.fnet = Encoder(dim)
        inputs = FLOW_WIDTH + LEVELS * NEIGHBOURS + dim + 2
        self.updateformer = JointFormer(inputs, 2 + dim, width, depth)
        self.norm = nn.GroupNorm(1, dim)
        self.ffeat_updater = nn.Sequential(nn.Linear(dim, dim), nn.GELU())
        self.vis_predictor = nn.Sequential(nn.Linear(dim, 1))
        time = sinusoids(torch.arange(window), inputs)[None]
        self.register_buffer("time_emb", time, persistent=False)

    def templates(self, pyramid: Pyramid, frame: Tensor, xy: Tensor) -> Tensor:
        """The feature of each point: (N, C)."""
        features, index = pyramid.levels[0], pyramid.order[frame]
        return _interpolate(lambda x, y: features[index, y, x], xy, features)

    def refine(
        self, pyramid: Pyramid, templates: Tensor, xy: Tensor, logits: Tensor, fresh: Tensor, iterations: int
    ) -> tuple[Tensor, Tensor]:
        """Refine as the base class does; points whose queries are still to come stay as they are."""
        ready = fresh.any(dim=1)
        if not ready.any():
            return xy, logits
        found = super().refine(pyramid, templates[ready], xy[ready], logits[ready], fresh[ready], iterations)
        xy, logits = xy.clone(), logits.clone()
        xy[ready], logits[ready] = found
        return xy, logits

    def known(self, fresh: Tensor, logits: Tensor) -> Tensor:
        # Not each point's own. The official model joins the two along the points, and was trained like that:
        # the first half of the points get two points' flags each, the second half two points' logits.
        return torch.cat([fresh, logits]).view(len(logits), -1, 2)

    def place(self, xy: Tensor, maps: Tensor) -> Tensor:
        width = self.time_emb.shape[-1] // 2
        codes = sinusoids(torch.arange(max(maps.shape[1:3])), width).to(xy.device)
        return _interpolate(lambda x, y: torch.cat([codes[x], codes[y]], dim=-1), xy, maps)

    def update(self, tokens: Tensor, waiting: Tensor) -> Tensor:
        out: Tensor = self.updateformer(tokens)
        return out

    def feature_change(self, normed: Tensor) -> Tensor:
        out: Tensor = self.ffeat_updater(normed)
        return out


def build_cotracker1() -> CoTracker1Model:
    """CoTracker 1, with random weights named and shaped as in ``cotracker_stride_4_wind_8.pth``."""
    return CoTracker1Model().eval()


def _interpolate(read: Callable[[Tensor, Tensor], Tensor], xy: Tensor, maps: Tensor) -> Tensor:
    """Interpolate bilinearly at (N, 2) in ``maps``, (S, H, W, C), whose edge repeats beyond them: (N, K).

    Args:
        read: the values, (N, K), at pixels x and y, (N,) int64 each.
    """
    last = xy.new_tensor([maps.shape[2] - 1, maps.shape[1] - 1])
    point = xy.clamp(min=0).minimum(last)
    low = point.floor()
    weights = (low + 1 - point, point - low)
    values = []
    for below, right in product((0, 1), repeat=2):
        corner = (low + low.new_tensor([right, below])).minimum(last).long()
        weight = weights[right][:, 0] * weights[below][:, 1]
        values.append(read(corner[:, 0], corner[:, 1]) * weight[:, None])
    return torch.stack(values).sum(dim=0)
