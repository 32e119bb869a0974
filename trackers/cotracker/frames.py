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

    Frames are resized as the official predictor does: with ``CoTrackerModel.keeps_corners``, the centres of
    their corner pixels stay at the corners; without, the outer edges of these pixels do, although points are
    still scaled from the centre of the first pixel. Features of the last ``kept`` frames stay in memory, on
    the device.
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
        scale = [to / max(side, 1) for to, side in self._lengths(frame_size)]
        return torch.from_numpy(xy.copy()).to(self._device) * self._xy(scale) / STRIDE

    def to_pixels(self, xy: Tensor, frame_size: tuple[int, int]) -> NDArray[np.float32]:
        """Convert points back to pixels; along an axis of a single pixel, all points are at its centre."""
        scale = [side / to for to, side in self._lengths(frame_size)]
        return np.asarray((xy * STRIDE * self._xy(scale)).cpu().numpy(), np.float32)

    def _lengths(self, frame_size: tuple[int, int]) -> list[tuple[int, int]]:
        """Lengths of equal extent in the resized and the original frame: for the height, then the width."""
        less = int(self._model.keeps_corners)
        pairs = zip(self._size, frame_size, strict=True)
        return [(to - less, side - less if side > 1 else 0) for to, side in pairs]

    def _xy(self, height_and_width: list[float]) -> Tensor:
        """The (height, width) values in the order (x, y): (2,) float32."""
        return torch.tensor(height_and_width[::-1], dtype=torch.float32, device=self._device)

    @torch.inference_mode()
    def _encoded(self, clip: Clip, t: int) -> tuple[Levels, tuple[int, int]]:
        def make() -> tuple[Levels, tuple[int, int]]:
            frame = clip[t]
            image = torch.from_numpy(np.array(frame, order="C")).to(self._device).permute(2, 0, 1)[None]
            corners = self._model.keeps_corners
            resized = F.interpolate(image.float(), self._size, mode="bilinear", align_corners=corners)
            with autocast(self._device, self._dtype):
                levels = self._model.encode(resized[0])
            return levels, frame.shape[:2]

        return self._seen.get(clip.source, clip.indices[t], make)
