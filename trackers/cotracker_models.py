"""The networks of CoTracker3 and CoTracker2, with the official checkpoints' parameter names and shapes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from .cotracker_correlation import LEVELS, NEIGHBOURS, RADIUS, Levels, Pyramid, blend, pyramid_of
from .cotracker_embeddings import FLOW_WIDTH, MOTION_WIDTH, flow_code, motion_code, sinusoids
from .cotracker_encoder import STRIDE, Encoder
from .cotracker_former import Mlp, UpdateFormer


class CoTrackerModel(nn.Module, ABC):
    """What both generations share: how frames are encoded, and how tracks in a window of frames are refined.

    Coordinates are in feature pixels, ``STRIDE`` image pixels each, of the resized image. Tracks come points
    first: (N, S, 2) for N points in S frames. Beside its coordinates, a point has logits in each frame.
    """

    logits: ClassVar[int]
    """How many logits a point has in a frame."""

    initial_logit: ClassVar[float]
    """Their value before a point is tracked."""

    waiting_points_take_part: ClassVar[bool]
    """Whether points with a later query already take part in a window, with a template of zeros."""

    window: int
    fnet: Encoder

    @property
    def largest_size(self) -> tuple[int, int] | None:
        """The largest (height, width) in pixels that the model can work at, if there is one."""
        return None

    def encode(self, image: Tensor) -> Levels:
        """The feature pyramid of one image, (3, H, W) with values from 0 to 255."""
        features = self.fnet(2 * (image[None] / 255.0) - 1)[0]
        return pyramid_of(self._normalised(features))

    @abstractmethod
    def templates(self, pyramid: Pyramid, frame: Tensor, xy: Tensor) -> Tensor:
        """What is remembered of points at their queries, (N, ...); ``frame``, (N,), counts in the pyramid."""

    @abstractmethod
    def empty_templates(self, points: int) -> Tensor:
        """Templates of zeros, for points whose queries are yet to come."""

    @abstractmethod
    def refine(
        self, pyramid: Pyramid, templates: Tensor, xy: Tensor, logits: Tensor, fresh: Tensor, iterations: int
    ) -> tuple[Tensor, Tensor]:
        """Refine the tracks ``xy``, (N, S, 2), and ``logits``, (N, S, L), ``iterations`` times.

        ``fresh``, (N, S) bool: where a point is tracked for the first time, at its query or after it.
        """

    @abstractmethod
    def probability(self, logits: Tensor) -> Tensor:
        """How sure it is that points are visible, (...) from 0 to 1, of logits (..., L)."""

    def _normalised(self, features: Tensor) -> Tensor:
        return features


class CoTracker3Model(CoTrackerModel):
    """CoTracker3 (Karaev et al., 2024): 4D correlations, and no feature of a point that changes over time.

    A window of another length than ``window`` is allowed: the time embedding is interpolated to it.

    Args:
        window: frames of the window it was trained with: 16 online, 60 offline.
        dim, width, depth, virtual_tracks, hidden, correlation: sizes; the defaults are the checkpoints'.
    """

    logits = 2
    initial_logit = 0.0
    waiting_points_take_part = True

    def __init__(
        self,
        window: int = 16,
        dim: int = 128,
        width: int = 384,
        depth: int = 3,
        virtual_tracks: int = 64,
        hidden: int = 384,
        correlation: int = 256,
    ) -> None:
        super().__init__()
        self.window = window
        self.fnet = Encoder(dim)
        self.corr_mlp = Mlp(NEIGHBOURS**2, hidden, correlation)
        inputs = self.logits + LEVELS * correlation + MOTION_WIDTH
        heads = {"flow_head": 2, "vis_conf_head": self.logits}
        self.updateformer = UpdateFormer(inputs, heads, width, depth, virtual_tracks=virtual_tracks)
        self.time_emb: Tensor
        self.register_buffer("time_emb", sinusoids(torch.arange(window), inputs)[None])

    def templates(self, pyramid: Pyramid, frame: Tensor, xy: Tensor) -> Tensor:
        """The features around each point on each level: (N, levels, 49, C)."""
        around = [blend(*pyramid.corners(level, frame, xy)).flatten(1, 2) for level in range(LEVELS)]
        return torch.stack(around, dim=1)

    def empty_templates(self, points: int) -> Tensor:
        weight = self.fnet.conv3.weight
        return weight.new_zeros(points, LEVELS, NEIGHBOURS, len(weight))

    def refine(
        self, pyramid: Pyramid, templates: Tensor, xy: Tensor, logits: Tensor, fresh: Tensor, iterations: int
    ) -> tuple[Tensor, Tensor]:
        time = self._time(len(pyramid))
        for _ in range(iterations):
            seen = self._correlations(pyramid, templates, xy)
            update = self.updateformer(torch.cat([logits, seen, motion_code(xy)], dim=-1) + time)
            xy = xy + update[..., :2]
            logits = logits + update[..., 2:]
        return xy, logits

    def probability(self, logits: Tensor) -> Tensor:
        """Visibility times confidence, the online predictor's score; see ``visibility``."""
        return logits.sigmoid().prod(dim=-1)

    def visibility(self, logits: Tensor) -> Tensor:
        """Visibility alone, the offline predictor's score: (...) from 0 to 1."""
        return logits[..., 0].sigmoid()

    def _normalised(self, features: Tensor) -> Tensor:
        length = features.float().square().sum(0).clamp(min=1e-12).sqrt()
        return (features / length).to(features.dtype)

    def _correlations(self, pyramid: Pyramid, templates: Tensor, xy: Tensor) -> Tensor:
        """What is around the points now against what was at their queries: (N, S, levels · E)."""
        frames = torch.arange(xy.shape[1], device=xy.device)
        chunk = pyramid.points_at_once()
        chunks = []
        for part, template in zip(xy.split(chunk), templates.split(chunk), strict=True):
            levels = []
            for level in range(LEVELS):
                corners, weights = pyramid.corners(level, frames.expand(part.shape[:2]), part)
                volume = corners.flatten(1, 3) @ template[:, level].transpose(1, 2)
                volume = blend(volume.view(*corners.shape[:4], NEIGHBOURS), weights)
                levels.append(self.corr_mlp(volume.flatten(2)))
            chunks.append(torch.cat(levels, dim=-1))
        return torch.cat(chunks)

    def _time(self, frames: int) -> Tensor:
        """The time embedding of a window of ``frames``, (frames, inputs)."""
        if frames == self.window:
            return self.time_emb[0]
        return F.interpolate(self.time_emb.transpose(1, 2), size=frames, mode="linear")[0].T


class CoTracker2Model(CoTrackerModel):
    """CoTracker 2 (Karaev et al., ECCV 2024): each point has a feature in each frame that is refined, too.

    Args:
        window: frames of a window.
        dim, width, depth, virtual_tracks: sizes; the defaults are the checkpoint's.
        size: (height, width) of the resized images that its position embedding covers.
    """

    logits = 1
    initial_logit = 10.0
    waiting_points_take_part = False

    def __init__(
        self,
        window: int = 8,
        dim: int = 128,
        width: int = 384,
        depth: int = 6,
        virtual_tracks: int = 64,
        size: tuple[int, int] = (384, 512),
    ) -> None:
        super().__init__()
        self.window = window
        self.fnet = Encoder(dim)
        inputs = FLOW_WIDTH + LEVELS * NEIGHBOURS + dim + 2
        self.updateformer = UpdateFormer(
            inputs, {"flow_head": 2 + dim}, width, depth, virtual_tracks=virtual_tracks
        )
        self.norm = nn.GroupNorm(1, dim)
        self.track_feat_updater = nn.Sequential(nn.Linear(dim, dim), nn.GELU())
        self.vis_predictor = nn.Sequential(nn.Linear(dim, 1))
        self.time_emb: Tensor
        self.pos_emb: Tensor
        self.register_buffer("time_emb", sinusoids(torch.arange(window), inputs)[None])
        y, x = torch.meshgrid(*(torch.arange(side // STRIDE) for side in size), indexing="ij")
        position = torch.cat([sinusoids(x, inputs // 2), sinusoids(y, inputs // 2)], dim=-1)
        self.register_buffer("pos_emb", position.permute(2, 0, 1)[None].contiguous())

    @property
    def largest_size(self) -> tuple[int, int]:
        height, width = self.pos_emb.shape[2:]
        return height * STRIDE, width * STRIDE

    def templates(self, pyramid: Pyramid, frame: Tensor, xy: Tensor) -> Tensor:
        """The feature of each point: (N, C)."""
        return blend(*pyramid.corners(0, frame, xy))[:, RADIUS, RADIUS]

    def empty_templates(self, points: int) -> Tensor:
        weight = self.fnet.conv3.weight
        return weight.new_zeros(points, len(weight))

    def refine(
        self, pyramid: Pyramid, templates: Tensor, xy: Tensor, logits: Tensor, fresh: Tensor, iterations: int
    ) -> tuple[Tensor, Tensor]:
        features = templates[:, None].expand(-1, len(pyramid), -1)
        place = self._position(xy[:, 0])[:, None] + self.time_emb
        known = torch.cat([fresh[..., None].to(logits.dtype), logits], dim=-1)
        for _ in range(iterations):
            seen = self._correlations(pyramid, features, xy)
            tokens = torch.cat([flow_code(xy - xy[:, :1]), seen, features, known], dim=-1)
            update = self.updateformer(tokens + place)
            xy = xy + update[..., :2]
            normed = self.norm(update[..., 2:].flatten(0, 1)).view_as(features)
            features = features + self.track_feat_updater(normed)
        return xy, self.vis_predictor(features).float()

    def probability(self, logits: Tensor) -> Tensor:
        return logits[..., 0].sigmoid()

    def _correlations(self, pyramid: Pyramid, features: Tensor, xy: Tensor) -> Tensor:
        """How alike the points' features, (N, S, C), and those around them are: (N, S, levels · 49)."""
        frames = torch.arange(xy.shape[1], device=xy.device)
        chunk = pyramid.points_at_once()
        chunks = []
        for part, feature in zip(xy.split(chunk), features.split(chunk), strict=True):
            levels = []
            for level in range(LEVELS):
                corners, weights = pyramid.corners(level, frames.expand(part.shape[:2]), part)
                alike = corners.flatten(2, 3) @ feature[..., None] / feature.shape[-1] ** 0.5
                levels.append(blend(alike.view(*corners.shape[:4], 1), weights).flatten(2))
            chunks.append(torch.cat(levels, dim=-1))
        return torch.cat(chunks)

    def _position(self, xy: Tensor) -> Tensor:
        """The position embedding at points (N, 2), interpolated; beyond the border its edge: (N, inputs)."""
        height, width = self.pos_emb.shape[2:]
        grid = xy * 2 / xy.new_tensor([width - 1, height - 1]) - 1
        found = F.grid_sample(self.pos_emb, grid[None, None], align_corners=True, padding_mode="border")
        return found[0, :, 0].T


def build_cotracker3() -> CoTracker3Model:
    """CoTracker3 with the names and shapes of ``scaled_online.pth``."""
    return CoTracker3Model(window=16).eval()


def build_cotracker3_offline() -> CoTracker3Model:
    """CoTracker3 with the names and shapes of ``scaled_offline.pth``."""
    return CoTracker3Model(window=60).eval()


def build_cotracker2() -> CoTracker2Model:
    """CoTracker 2 with the names and shapes of ``cotracker2.pth``."""
    return CoTracker2Model().eval()
