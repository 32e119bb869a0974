"""PIPS, the tracker: windows of eight frames, linked where a point is surely seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from ..base import OnlineTracker, Step, Visibility
from ..clip import Clip
from ..frames import Recent, within
from .network import CHANNELS, MIN_SIDE, WINDOW, PipsNetwork

# Per point some 0.5 MB are needed for a while.
_POINTS_AT_ONCE = 512

_LOWERED_BY = 0.02


class Frame(NamedTuple):
    """What is kept of a frame.

    features: (CHANNELS, h, w), on the device.
    size: (width, height), px.
    resized: the same, of what was encoded.
    """

    features: Tensor
    size: tuple[int, int]
    resized: tuple[int, int]

    def shrink(self, xy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Points (..., 2) of the frame, in pixels of what was encoded."""
        return np.asarray((xy + 0.5) * self._scale() - 0.5, np.float32)

    def enlarge(self, xy: NDArray[np.float32]) -> NDArray[np.float32]:
        """The inverse of ``shrink``."""
        return np.asarray((xy + 0.5) / self._scale() - 0.5, np.float32)

    def _scale(self) -> NDArray[np.float32]:
        return np.asarray(np.array(self.resized, np.float32) / np.array(self.size, np.float32))


class Pips(OnlineTracker):
    """Follows each point by PIPS (ECCV 2022), whose windows are linked as in SAM-PT (WACV 2025).

    From each point's query frame, a window of eight frames is looked at; the next one begins at the last
    frame of it in which the point is visible with more than ``link_threshold``, which is lowered by 0.02
    until there is one. What a point looks like is taken from its query frame, once. Backward, the same.
    A point is VISIBLE with more than ``visibility_threshold`` while it is inside the frame.

    Feature maps of the last frames are kept and shared by all points, both directions and later runs over
    the same source. A step reads at most six frames beyond its own.

    Args:
        model: the network, as ``build_pips`` makes it.
        device: where it runs.
        dtype: torch.float32, or torch.bfloat16 for autocast to it.
        longest_side: frames are brought to this longest side, px, smaller ones too, as SAM-PT's evaluation
            does; None keeps each frame's resolution.
        iterations: how often a window's positions are corrected.
        link_threshold: visibility, 0 to 1, that a window should begin with.
        visibility_threshold: visibility, 0 to 1, above which a point is VISIBLE.
        frames_kept: feature maps kept, at least the 8 of a window. One takes 32 bytes a pixel in float32,
            19 MB at 1024×576. 32 of them, 0.6 GB, are SAM-PT's reinitialisation horizon of 24 frames and
            one window.
        reuse_features: off, every window computes all its feature maps, as the official chain does; only
            good for measuring what that costs.

    Raises:
        ValueError: an option is out of its range.
    """

    name: ClassVar[str] = "pips"

    def __init__(
        self,
        model: PipsNetwork,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        longest_side: int | None = 1024,
        iterations: int = 6,
        link_threshold: float = 0.9,
        visibility_threshold: float = 0.5,
        frames_kept: int = 32,
        reuse_features: bool = True,
    ) -> None:
        if dtype not in (torch.float32, torch.bfloat16):
            raise ValueError(f"dtype must be torch.float32 or torch.bfloat16, not {dtype}")
        if longest_side is not None and longest_side < 1:
            raise ValueError(f"longest_side must be at least 1 px or None, not {longest_side}")
        if iterations < 1:
            raise ValueError(f"iterations must be at least 1, not {iterations}")
        for option, value in [
            ("link_threshold", link_threshold),
            ("visibility_threshold", visibility_threshold),
        ]:
            if not 0 <= value <= 1:
                raise ValueError(f"{option} must be from 0 to 1, not {value}")
        if frames_kept < WINDOW:
            raise ValueError(f"frames_kept must be at least a window's {WINDOW} frames, not {frames_kept}")
        self.device = torch.device(device)
        self.model = model.to(self.device).eval()
        self.dtype = dtype
        self.longest_side = longest_side
        self.iterations = iterations
        self.link_threshold = link_threshold
        self.visibility_threshold = visibility_threshold
        self.reuse_features = reuse_features
        self._frames: Recent[Frame] = Recent(frames_kept)

    def stream(self, clip: Clip, queries: NDArray[np.float32]) -> Iterator[Step]:
        starts, first_xy = queries[:, 0].astype(int), queries[:, 1:].astype(np.float32)
        # What is known of frame t is in place t % WINDOW. A point's next window is looked at when its first
        # frame has been yielded, and not before; so nothing is known of more than WINDOW frames.
        xy = np.repeat(first_xy[None], WINDOW, axis=0)
        codes = np.full((WINDOW, len(queries)), Visibility.INVISIBLE, np.int8)
        looks = torch.zeros((len(queries), CHANNELS), device=self.device)
        due = starts.copy()
        for t in range(len(clip)):
            points = np.flatnonzero(due == t - 1)
            if len(points):
                window = [self._frame(clip, i) for i in range(t - 1, min(t - 1 + WINDOW, len(clip)))]
                new = points[starts[points] == t - 1]
                looks[new] = self._describe(window[0], first_xy[new])
                found, seen = self._follow(window, xy[(t - 1) % WINDOW, points], looks[points])
                places = np.arange(t, t + len(found))[:, None] % WINDOW
                xy[places, points] = found
                inside = within(found.reshape(-1, 2), *window[0].size).reshape(seen.shape)
                visible = inside & (seen > self.visibility_threshold)
                codes[places, points] = np.where(visible, Visibility.VISIBLE, Visibility.INVISIBLE)
                due[points] += 1 + last_visible(seen, self.link_threshold)
            codes[t % WINDOW, starts == t] = Visibility.VISIBLE
            yield xy[t % WINDOW].copy(), codes[t % WINDOW].copy()

    @torch.inference_mode()
    def _describe(self, frame: Frame, xy: NDArray[np.float32]) -> Tensor:
        """What the points ``xy``, (N, 2) px of the frame, look like: (N, CHANNELS)."""
        return self.model.describe(frame.features, torch.from_numpy(frame.shrink(xy)).to(self.device))

    @torch.inference_mode()
    def _follow(
        self, window: list[Frame], xy: NDArray[np.float32], looks: Tensor
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Follow points ``xy``, (N, 2) px of the first frame of K, that look like ``looks``, (N, CHANNELS).

        Returns:
            Of the K - 1 later frames, positions (K - 1, N, 2) px and visibilities (K - 1, N), 0 to 1.
        """
        # A window that is cut short by the end of the clip goes on with the last frame.
        frames = window + window[-1:] * (WINDOW - len(window))
        maps = torch.stack([frame.features for frame in frames])
        here = torch.from_numpy(window[0].shrink(xy)).to(self.device)
        with self._autocast():
            parts = [
                self.model(
                    maps, here[i : i + _POINTS_AT_ONCE], looks[i : i + _POINTS_AT_ONCE], self.iterations
                )
                for i in range(0, len(here), _POINTS_AT_ONCE)
            ]
        found = torch.cat([part.xy for part in parts])[:, 1 : len(window)].transpose(0, 1)
        seen = torch.cat([part.visibility for part in parts])[:, 1 : len(window)].T.sigmoid()
        return window[0].enlarge(found.cpu().numpy()), seen.cpu().numpy()

    def _frame(self, clip: Clip, t: int) -> Frame:
        """Frame ``t`` of the clip as the network sees it."""
        if not self.reuse_features:
            return self._encode(clip[t])
        return self._frames.get(clip.source, clip.indices[t], lambda: self._encode(clip[t]))

    @torch.inference_mode()
    def _encode(self, frame: NDArray[np.uint8]) -> Frame:
        height, width = frame.shape[:2]
        scale = 1.0 if self.longest_side is None else self.longest_side / max(width, height)
        size = max(int(width * scale + 0.5), 1), max(int(height * scale + 0.5), 1)
        if size != (width, height):
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            frame = np.asarray(cv2.resize(frame, size, interpolation=how), np.uint8)
        image = torch.tensor(frame, device=self.device).permute(2, 0, 1)[None].float()
        right, below = max(MIN_SIDE - size[0], 0), max(MIN_SIDE - size[1], 0)
        if right or below:
            image = F.pad(image, (0, right, 0, below), "replicate")
        with self._autocast():
            return Frame(self.model.encode(image)[0], (width, height), size)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)


def last_visible(visibility: NDArray[np.float32], threshold: float) -> NDArray[np.intp]:
    """For each of N points the last of K frames with a visibility, (K, N), above ``threshold``: (N,).

    Where there is none, the threshold is lowered by 0.02 until there is one.
    """
    # Down to below zero, which is always exceeded.
    thresholds = np.arange(threshold, -2 * _LOWERED_BY, -_LOWERED_BY, dtype=np.float32)
    exceeded = visibility.max(0) > thresholds[:, None]
    seen = visibility > thresholds[exceeded.argmax(0)]
    return np.asarray(len(seen) - 1 - seen[::-1].argmax(0))
