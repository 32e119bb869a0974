"""Frames as CoTracker sees them: resized, encoded once, and kept for a while."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from ..clip import Clip
from ..frames import FrameCache
from ..neural import autocast
from .correlation import Levels, Pyramid
from .models import CoTrackerModel
from .options import STRIDE


class FeatureEncoder:
    """Feature pyramids of a clip's frames, and conversion between its pixels and feature pixels.

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
        self._seen: FrameCache[tuple[Levels, tuple[int, int]]] = FrameCache(kept)

    def pyramid(self, clip: Clip, frames: range, length: int | None = None) -> Pyramid:
        """The features of some of a clip's frames, with the last one repeated until there are ``length``."""
        encoded = [self._encoded(clip, t)[0] for t in frames]
        known = frames.stop if clip.endless else len(clip)
        return Pyramid.stack(encoded, length, frames.start, known)

    def frame_size(self, clip: Clip, t: int) -> tuple[int, int]:
        """The (height, width) of frame ``t``, px; this also encodes it."""
        return self._encoded(clip, t)[1]

    def to_features(self, xy: NDArray[np.float32], frame_size: tuple[int, int]) -> Tensor:
        """Convert points (N, 2) from pixels of the original frames to feature pixels."""
        scale = [(to - 1) / max(side - 1, 1) for to, side in zip(self._size, frame_size, strict=True)]
        return torch.from_numpy(xy.copy()).to(self._device) * self._xy(scale) / STRIDE

    def to_pixels(self, xy: Tensor, frame_size: tuple[int, int]) -> NDArray[np.float32]:
        """Convert points back to pixels; along an axis of a single pixel, all points are at its centre."""
        scale = [(side - 1) / (to - 1) for to, side in zip(self._size, frame_size, strict=True)]
        return np.asarray((xy * STRIDE * self._xy(scale)).cpu().numpy(), np.float32)

    def _xy(self, height_and_width: list[float]) -> Tensor:
        """The (height, width) values in the order (x, y): (2,) float32."""
        return torch.tensor(height_and_width[::-1], dtype=torch.float32, device=self._device)

    @torch.inference_mode()
    def _encoded(self, clip: Clip, t: int) -> tuple[Levels, tuple[int, int]]:
        def make() -> tuple[Levels, tuple[int, int]]:
            frame = clip[t]
            image = torch.from_numpy(np.array(frame, order="C")).to(self._device).permute(2, 0, 1)[None]
            resized = F.interpolate(image.float(), self._size, mode="bilinear", align_corners=True)
            with autocast(self._device, self._dtype):
                levels = self._model.encode(resized[0])
            return levels, frame.shape[:2]

        return self._seen.get(clip.source, clip.indices[t], make)
