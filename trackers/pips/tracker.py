"""The PIPS tracker: windows of eight frames, linked where a point is clearly visible."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import ClassVar, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from ..base import OnlineTracker, Step, Visibility
from ..clip import Clip
from ..frames import FrameCache, within
from ..neural import NeuralTracker, Weights, autocast, checked_dtype
from .network import CHANNELS, MIN_SIDE, PipsNetwork, build_pips
from .options import WINDOW, PipsOptions

# Each point temporarily needs about 0.5 MB.
_POINTS_AT_ONCE = 512

_LOWERED_BY = 0.02


class _EncodedFrame(NamedTuple):
    """A frame's features and sizes.

    Attributes:
        features: (CHANNELS, h, w), on the device.
        size: (height, width), px.
        resized: (height, width) of the resized frame that was encoded, px.
    """

    features: Tensor
    size: tuple[int, int]
    resized: tuple[int, int]

    def shrink(self, xy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert points (..., 2) from pixels of the frame to those of the resized frame."""
        return np.asarray((xy + 0.5) * self._scale() - 0.5, np.float32)

    def enlarge(self, xy: NDArray[np.float32]) -> NDArray[np.float32]:
        """The inverse of ``shrink``."""
        return np.asarray((xy + 0.5) / self._scale() - 0.5, np.float32)

    def _scale(self) -> NDArray[np.float32]:
        """The scale factors of x and y."""
        return np.asarray(np.array(self.resized[::-1], np.float32) / np.array(self.size[::-1], np.float32))


class Pips(OnlineTracker, NeuralTracker):
    """PIPS (ECCV 2022), with windows linked as in SAM-PT (WACV 2025).

    A point's first window of eight frames starts at its query frame. The next one starts at the window's last
    frame in which the point's visibility is above ``link_threshold``, which is lowered by 0.02 until there is
    such a frame. A point's appearance is taken once, from its query frame. Backward tracking works the same
    way. A point is VISIBLE while its visibility is above ``visibility_threshold`` and it is inside the frame.

    The feature maps of the latest frames are kept and shared by all points, both directions and later runs
    over the same source. A step reads at most six frames ahead.

    Args:
        model: the network, as ``build_pips`` makes it; it is moved to ``device``.
        options: the tracker's options.
        device: where to compute and keep the features.
        dtype: float32, or bfloat16 for mixed precision by autocast.

    Raises:
        ValueError: ``dtype`` is neither.
    """

    name: ClassVar[str] = "pips"
    Options = PipsOptions
    options: PipsOptions

    def __init__(
        self,
        model: PipsNetwork,
        options: PipsOptions,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(options)
        self.dtype = checked_dtype(dtype)
        self.device = torch.device(device)
        self.model = model.to(self.device).eval()
        self._frames: FrameCache[_EncodedFrame] = FrameCache(options.frames_kept)

    @staticmethod
    def build_network(weights: Weights) -> PipsNetwork:
        return build_pips()

    def stream(self, clip: Clip, queries: NDArray[np.float32]) -> Iterator[Step]:
        starts, first_xy = queries[:, 0].astype(int), queries[:, 1:].astype(np.float32)
        # The results for frame t are in place t % WINDOW. A point's next window is run only after the
        # window's first frame has been yielded, so there are never results for more than WINDOW frames.
        xy = np.repeat(first_xy[None], WINDOW, axis=0)
        codes = np.full((WINDOW, len(queries)), Visibility.INVISIBLE, np.int8)
        looks = torch.zeros((len(queries), CHANNELS), device=self.device)
        due = starts.copy()
        for t in clip.positions():
            points = np.flatnonzero(due == t - 1)
            if len(points):
                ahead = takewhile(clip.has, range(t - 1, t - 1 + WINDOW))
                window = [self._frame(clip, i) for i in ahead]
                new = points[starts[points] == t - 1]
                looks[new] = self._describe(window[0], first_xy[new])
                found, seen = self._follow(window, xy[(t - 1) % WINDOW, points], looks[points])
                places = np.arange(t, t + len(found))[:, None] % WINDOW
                xy[places, points] = found
                inside = within(found.reshape(-1, 2), window[0].size).reshape(seen.shape)
                visible = inside & (seen > self.options.visibility_threshold)
                codes[places, points] = np.where(visible, Visibility.VISIBLE, Visibility.INVISIBLE)
                due[points] += 1 + last_visible(seen, self.options.link_threshold)
            codes[t % WINDOW, starts == t] = Visibility.VISIBLE
            yield xy[t % WINDOW].copy(), codes[t % WINDOW].copy()

    @torch.inference_mode()
    def _describe(self, frame: _EncodedFrame, xy: NDArray[np.float32]) -> Tensor:
        """The appearance of the points ``xy``, (N, 2) px of the frame: (N, CHANNELS)."""
        return self.model.describe(frame.features, torch.from_numpy(frame.shrink(xy)).to(self.device))

    @torch.inference_mode()
    def _follow(
        self, window: list[_EncodedFrame], xy: NDArray[np.float32], looks: Tensor
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Follow points through a window of K frames.

        Args:
            window: the K frames, at most WINDOW.
            xy: (N, 2) px of the first frame.
            looks: (N, CHANNELS), the points' appearance.

        Returns:
            Positions, (K - 1, N, 2) px, and visibilities, (K - 1, N) from 0 to 1, in the K - 1 later frames.
        """
        # A window that is cut short by the end of the clip is filled up with the last frame.
        frames = window + window[-1:] * (WINDOW - len(window))
        maps = torch.stack([frame.features for frame in frames])
        here = torch.from_numpy(window[0].shrink(xy)).to(self.device)
        with autocast(self.device, self.dtype):
            parts = [
                self.model(maps, xy_part, looks_part, self.options.iterations)
                for xy_part, looks_part in zip(
                    torch.split(here, _POINTS_AT_ONCE), torch.split(looks, _POINTS_AT_ONCE), strict=True
                )
            ]
        found = torch.cat([part.xy for part in parts])[:, 1 : len(window)].transpose(0, 1)
        seen = torch.cat([part.visibility for part in parts])[:, 1 : len(window)].T.sigmoid()
        return window[0].enlarge(found.cpu().numpy()), seen.cpu().numpy()

    def _frame(self, clip: Clip, t: int) -> _EncodedFrame:
        """Frame ``t`` of the clip, encoded."""
        if not self.options.reuse_features:
            return self._encode(clip[t])
        return self._frames.get(clip.source, clip.indices[t], lambda: self._encode(clip[t]))

    @torch.inference_mode()
    def _encode(self, frame: NDArray[np.uint8]) -> _EncodedFrame:
        full_size, longest = frame.shape[:2], self.options.longest_side
        scale = 1.0 if longest is None else longest / max(full_size)
        height, width = (max(int(side * scale + 0.5), 1) for side in full_size)
        if (height, width) != full_size:
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            frame = np.asarray(cv2.resize(frame, (width, height), interpolation=how), np.uint8)
        image = torch.tensor(frame, device=self.device).permute(2, 0, 1)[None].float()
        right, below = max(MIN_SIDE - width, 0), max(MIN_SIDE - height, 0)
        if right or below:
            image = F.pad(image, (0, right, 0, below), "replicate")
        with autocast(self.device, self.dtype):
            return _EncodedFrame(self.model.encode(image)[0], full_size, (height, width))


def last_visible(visibility: NDArray[np.float32], threshold: float) -> NDArray[np.intp]:
    """The last of K frames in which each of N points has a visibility, (K, N), above ``threshold``: (N,).

    Where there is no such frame, the threshold is lowered by 0.02 until there is one.
    """
    # Down to below zero, which every visibility exceeds.
    thresholds = np.arange(threshold, -2 * _LOWERED_BY, -_LOWERED_BY, dtype=np.float32)
    exceeded = visibility.max(0) > thresholds[:, None]
    seen = visibility > thresholds[exceeded.argmax(0)]
    return np.asarray(len(seen) - 1 - seen[::-1].argmax(0))
