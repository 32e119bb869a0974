"""The networks of CoTracker3 and CoTracker 2, with the official checkpoints' parameter names and shapes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import product
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from .correlation import (
    LEVELS,
    NEIGHBOURS,
    SAMPLED_BYTES,
    Levels,
    Pyramid,
    blend,
    neighbours,
    pyramid_of,
    sample,
)
from .embeddings import FLOW_WIDTH, MOTION_WIDTH, flow_code, motion_code, sinusoids
from .encoder import Encoder
from .former import Mlp, UpdateFormer
from .options import STRIDE, TRAINED_SIZE


class CoTrackerModel(nn.Module, ABC):
    """The interface of all versions: encode frames, and refine tracks in a window of frames.

    Coordinates are in feature pixels, ``STRIDE`` image pixels each, of the resized image. The first axis of
    tracks is the point: (N, S, 2) for N points in S frames. Beside its coordinates, a point has logits in
    each frame.
    """

    logits: ClassVar[int]
    """Number of logits of a point per frame."""

    initial_logit: ClassVar[float]
    """Value of the logits before a point is tracked."""

    keeps_corners: ClassVar[bool] = True
    """Whether frames are resized so that the centres of their corner pixels stay at the corners."""

    fills_windows: ClassVar[bool] = True
    """Whether points count as fresh in the frames that fill up the last window of a clip with several."""

    window: int
    fnet: Encoder

    def bytes_per_frame(self, size: tuple[int, int], bytes_each: int) -> int:
        """Bytes of a frame's pyramid, resized to ``size``, (height, width), with ``bytes_each`` per value."""
        pixels = (size[0] // STRIDE) * (size[1] // STRIDE)
        numbers: int = sum(pixels // 4**level for level in range(LEVELS)) * int(self.fnet.conv3.out_channels)
        return numbers * bytes_each

    @property
    def largest_size(self) -> tuple[int, int] | None:
        """The largest (height, width) in pixels that the model can handle; None if there is no limit."""
        return None

    def encode(self, image: Tensor) -> Levels:
        """The feature pyramid of one image, (3, H, W) with values from 0 to 255."""
        features = self.fnet(2 * (image[None] / 255.0) - 1)[0]
        return pyramid_of(self._normalised(features))

    @abstractmethod
    def templates(self, pyramid: Pyramid, frame: Tensor, xy: Tensor) -> Tensor:
        """The appearance of points at their queries, (N, ...).

        Args:
            pyramid: the features of the frames.
            frame: (N,), the query frames, as indices in the pyramid.
            xy: (N, 2), the query positions.
        """

    @abstractmethod
    def empty_templates(self, points: int) -> Tensor:
        """Templates of zeros, for points whose queries are still to come."""

    @abstractmethod
    def refine(
        self, pyramid: Pyramid, templates: Tensor, xy: Tensor, logits: Tensor, fresh: Tensor, iterations: int
    ) -> tuple[Tensor, Tensor]:
        """Refine tracks and logits several times.

        Args:
            pyramid: the features of the S frames.
            templates: as ``templates`` returns them; zeros for a point whose query is still to come.
            xy: (N, S, 2), the tracks so far.
            logits: (N, S, L).
            fresh: (N, S) bool, where a point is tracked for the first time, at its query or after it; nowhere
                for a point whose query is still to come.
            iterations: number of refinements.

        Returns:
            The new ``xy`` and ``logits``.
        """

    @abstractmethod
    def probability(self, logits: Tensor) -> Tensor:
        """The probability that points are visible, (...) from 0 to 1, from logits (..., L)."""

    def _normalised(self, features: Tensor) -> Tensor:
        return features


class CoTracker3Model(CoTrackerModel):
    """CoTracker3 (Karaev et al., 2024): 4D correlations, and point features that stay fixed over time.

    A window need not be ``window`` frames long: the time embedding is interpolated.

    Args:
        window: length in frames of the window it was trained with: 16 online, 60 offline.
        dim: channels of the features; this and the following defaults are the checkpoints'.
        width: width of the transformer's tokens.
        depth: number of its blocks.
        virtual_tracks: number of its virtual tracks.
        hidden: width of the hidden layer that the correlations pass through.
        correlation: width that they have after it.
    """

    logits = 2
    initial_logit = 0.0

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
        """The points' surroundings now, compared with those at their queries: (N, S, levels · E)."""
        frames = torch.arange(xy.shape[1], device=xy.device)
        chunk = pyramid.points_at_once()
        chunks = []
        for part, template in zip(torch.split(xy, chunk), torch.split(templates, chunk), strict=True):
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


class PointFeatureModel(CoTrackerModel):
    """The first two versions, in which each point has a feature per frame, which is refined as well.

    Their tokens hold sines of 968 times an offset in feature pixels, so the last bit of a coordinate counts.
    Everything that leads there is therefore rounded as in the official models.

    A subclass has a ``norm`` for the changes of the features, a ``vis_predictor`` for the logits, and a
    ``time_emb``, (1, S, inputs).
    """

    logits = 1
    initial_logit = 10.0
    padding: ClassVar[str]
    """What correlations are beyond the feature map: those at its edge (``border``), or ``zeros``."""

    norm: nn.GroupNorm
    vis_predictor: nn.Sequential
    time_emb: Tensor

    def empty_templates(self, points: int) -> Tensor:
        weight = self.fnet.conv3.weight
        return weight.new_zeros(points, len(weight))

    def refine(
        self, pyramid: Pyramid, templates: Tensor, xy: Tensor, logits: Tensor, fresh: Tensor, iterations: int
    ) -> tuple[Tensor, Tensor]:
        features = templates[:, None].expand(-1, len(pyramid), -1)
        maps = [level[pyramid.order] for level in pyramid.levels]
        place = self.place(xy[:, 0], maps[0])[:, None]
        waiting = ~fresh.any(dim=1)
        known = self.known(fresh.to(logits.dtype), logits[..., 0])
        for _ in range(iterations):
            seen = self._correlations(maps, features, xy)
            tokens = torch.cat([flow_code(xy - xy[:, :1]), seen, features, known], dim=-1)
            update = self.update(tokens + place + self.time_emb, waiting)
            xy = xy + update[..., :2]
            normed = self.norm(update[..., 2:].flatten(0, 1)).view_as(features)
            features = features + self.feature_change(normed)
        return xy, self.vis_predictor(features).float()

    def known(self, fresh: Tensor, logits: Tensor) -> Tensor:
        """What the tokens hold of where points are fresh and of their logits, (N, S) each: (N, S, 2)."""
        return torch.stack([fresh, logits], dim=-1)

    @abstractmethod
    def place(self, xy: Tensor, maps: Tensor) -> Tensor:
        """The embedding of positions (N, 2) in ``maps``, (S, H, W, C): (N, inputs)."""

    @abstractmethod
    def update(self, tokens: Tensor, waiting: Tensor) -> Tensor:
        """What the transformer makes of tokens; points that are ``waiting``, (N,) bool, have no influence."""

    @abstractmethod
    def feature_change(self, normed: Tensor) -> Tensor:
        """The change of features (N, S, C) for the transformer's normalised output."""

    def probability(self, logits: Tensor) -> Tensor:
        return logits[..., 0].sigmoid()

    def _correlations(self, maps: list[Tensor], features: Tensor, xy: Tensor) -> Tensor:
        """The similarity of the points' features to those around them: (N, S, levels · 49).

        Args:
            maps: (S, H, W, C) of each level.
            features: (N, S, C), the points' features.
            xy: (N, S, 2), their positions.
        """
        chunk = max(SAMPLED_BYTES // maps[0][..., :1].numel() // 4, 1)
        chunks = []
        for part, feature in zip(torch.split(xy, chunk), torch.split(features, chunk), strict=True):
            centre = part.transpose(0, 1)[:, :, None, None]
            levels = []
            for level, frames in enumerate(maps):
                alike = (
                    feature.transpose(0, 1) @ frames.flatten(1, 2).transpose(1, 2) / feature.shape[-1] ** 0.5
                )
                alike = alike.flatten(0, 1).view(-1, 1, *frames.shape[1:3])
                places = (centre / 2**level + neighbours(xy.device)).flatten(0, 1)
                found = sample(alike, places, self.padding)
                levels.append(found.view(*feature.shape[1::-1], NEIGHBOURS))
            chunks.append(torch.cat(levels, dim=-1).transpose(0, 1))
        return torch.cat(chunks)


class CoTracker2Model(PointFeatureModel):
    """CoTracker 2 (Karaev et al., ECCV 2024), whose points read each other through virtual tracks.

    To round as the official model does, attention is not fused, features are sampled in its order, and points
    whose queries are still to come are computed but have no influence.

    Args:
        window: length of a window in frames.
        dim: channels of the features; this and the following defaults are the checkpoint's.
        width: width of the transformer's tokens.
        depth: number of its blocks.
        virtual_tracks: number of its virtual tracks.
        size: (height, width) of the resized images that its position embedding covers.
    """

    padding = "border"

    def __init__(
        self,
        window: int = 8,
        dim: int = 128,
        width: int = 384,
        depth: int = 6,
        virtual_tracks: int = 64,
        size: tuple[int, int] = TRAINED_SIZE,
    ) -> None:
        super().__init__()
        self.window = window
        self.fnet = Encoder(dim)
        inputs = FLOW_WIDTH + LEVELS * NEIGHBOURS + dim + 2
        self.updateformer = UpdateFormer(
            inputs, {"flow_head": 2 + dim}, width, depth, virtual_tracks=virtual_tracks, fused=False
        )
        self.norm = nn.GroupNorm(1, dim)
        self.track_feat_updater = nn.Sequential(nn.Linear(dim, dim), nn.GELU())
        self.vis_predictor = nn.Sequential(nn.Linear(dim, 1))
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
        """The feature of each point: (N, C).

        Like the official model, this also interpolates in time, because a frame's number is not quite whole
        after it was normalised by the clip's length.
        """
        features = pyramid.levels[0]
        height, width = features.shape[1:3]
        padded_length = -(-pyramid.clip_length // self.window) * self.window
        last = [width - 1, height - 1, padded_length - 1]
        point = torch.cat([xy, (pyramid.first + frame)[:, None]], dim=1)
        point = (point * xy.new_tensor([2 / side for side in last]) - 1 + 1) / 2 * xy.new_tensor(last)
        point = point.clamp(min=0).minimum(xy.new_tensor(last))
        low = point.floor()
        weights = (low + 1 - point, point - low)
        found = torch.zeros_like(features[0, 0, :1])
        for later, below, right in product((0, 1), repeat=3):
            x, y, t = (low.long() + torch.tensor([right, below, later], device=xy.device)).unbind(1)
            weight = weights[right][:, 0] * weights[below][:, 1] * weights[later][:, 2]
            here = pyramid.order[(t - pyramid.first).clamp(0, len(pyramid) - 1)]
            corner = features[here, y.clamp(max=height - 1), x.clamp(max=width - 1)]
            found = found + corner * weight[:, None]
        return found

    def place(self, xy: Tensor, maps: Tensor) -> Tensor:
        return sample(self.pos_emb, xy[None, :, None])[0, :, :, 0].T

    def update(self, tokens: Tensor, waiting: Tensor) -> Tensor:
        out: Tensor = self.updateformer(tokens, waiting)
        return out

    def feature_change(self, normed: Tensor) -> Tensor:
        out: Tensor = self.track_feat_updater(normed)
        return out


def build_cotracker3() -> CoTracker3Model:
    """CoTracker3, with random weights named and shaped as in ``scaled_online.pth``."""
    return CoTracker3Model(window=16).eval()


def build_cotracker3_offline() -> CoTracker3Model:
    """CoTracker3, with random weights named and shaped as in ``scaled_offline.pth``."""
    return CoTracker3Model(window=60).eval()


def build_cotracker2() -> CoTracker2Model:
    """CoTracker 2, with random weights named and shaped as in ``cotracker2.pth``."""
    return CoTracker2Model().eval()
