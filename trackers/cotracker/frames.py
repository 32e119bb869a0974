"""Frames as CoTracker sees them: resized, encoded once, and kept for a while."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from ..clip import Clip
from ..frames import Recent
from .correlation import Levels, Pyramid
from .encoder import STRIDE
from .models import CoTrackerModel


class FrameSize(NamedTuple):
    """Of original frames, px."""

    width: int
    height: int


class FrameEncoder:
    """Feature pyramids of a clip's frames, and the way from its pixels to feature pixels and back.

    Frames are resized so that the centres of their corner pixels stay at the corners, as the official
    predictors do. Features of the last ``kept`` frames stay in memory, on the device.
    """

    def __init__(
        self,
        model: CoTrackerModel,
        device: torch.device,
        dtype: torch.dtype,
        size: tuple[int, int],
        kept: int,
    ) -> None:
        self._model = model
        self._device = device
        self._dtype = dtype
        self._size = size
        self._seen: Recent[tuple[Levels, FrameSize]] = Recent(kept)

    def pyramid(self, clip: Clip, frames: range, length: int | None = None) -> Pyramid:
        """The features of ``frames`` of ``clip``, the last one repeated until there are ``length``."""
        encoded = [self._encoded(clip, t)[0] for t in frames]
        return Pyramid.stack(encoded, length, frames.start, len(clip))

    def frame_size(self, clip: Clip, t: int) -> FrameSize:
        """The size of frame ``t``; it is encoded, too."""
        return self._encoded(clip, t)[1]

    def to_features(self, xy: NDArray[np.float32], frame: FrameSize) -> Tensor:
        """Points (N, 2) in pixels of the original frames, in feature pixels."""
        height, width = self._size
        scale = [(width - 1) / max(frame.width - 1, 1), (height - 1) / max(frame.height - 1, 1)]
        return torch.from_numpy(xy.copy()).to(self._device) * xy_tensor(scale, self._device) / STRIDE

    def to_pixels(self, xy: Tensor, frame: FrameSize) -> NDArray[np.float32]:
        """The inverse; along an axis of a single pixel, all points are at its centre."""
        height, width = self._size
        scale = [(frame.width - 1) / (width - 1), (frame.height - 1) / (height - 1)]
        return np.asarray((xy * STRIDE * xy_tensor(scale, self._device)).cpu().numpy(), np.float32)

    @torch.inference_mode()
    def _encoded(self, clip: Clip, t: int) -> tuple[Levels, FrameSize]:
        def make() -> tuple[Levels, FrameSize]:
            frame = clip[t]
            image = torch.from_numpy(np.array(frame, order="C")).to(self._device).permute(2, 0, 1)[None]
            resized = F.interpolate(image.float(), self._size, mode="bilinear", align_corners=True)
            with torch.autocast(self._device.type, torch.bfloat16, enabled=self._dtype == torch.bfloat16):
                levels = self._model.encode(resized[0])
            return levels, FrameSize(frame.shape[1], frame.shape[0])

        return self._seen.get(clip.source, clip.indices[t], make)


def xy_tensor(values: list[float], device: torch.device) -> Tensor:
    """(2,) float32."""
    return torch.tensor(values, dtype=torch.float32, device=device)
