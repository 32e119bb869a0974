"""Dense optical flow chained into point tracks, and DIS, a flow that needs no weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from .base import OnlineTracker, Step, Visibility
from .clip import Clip
from .frames import FrameCache, within, working_size
from .names import unknown_name
from .options import at_least

# A step needs one pair of frames; a few more let several runs over the same clip be a little out of step.
_PAIRS_KEPT = 4

_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


class DenseFlow(Protocol):
    """Optical flow between two frames, at a working resolution that it chooses itself."""

    def prepare(self, frame: NDArray[np.uint8]) -> Any:
        """What the flow needs of a frame, (H, W, 3) uint8 RGB, computed once for all pairs it is part of.

        The result must not keep a reference to ``frame``, or memory would hold full frames.
        """

    def __call__(self, first: Any, second: Any) -> NDArray[np.float32]:
        """The motion from one prepared frame to another: (h, w, 2) float32 of (dx, dy) in pixels of h×w."""


@dataclass(frozen=True, kw_only=True)
class ChainingOptions:
    """The options for chaining flow into tracks; lengths are pixels at the flow's working resolution.

    Attributes:
        occlusion: check each step forward and backward. If False, a point is visible as long as it is inside
            the frame, and ``patience`` has no effect: the setting of SAM-PT's RAFT baseline (WACV 2025,
            Table 2).
        tolerance: allowed forward-backward error, px.
        relative_tolerance: additional allowed error per pixel of motion.
        patience: number of failed steps in a row after which a point is lost.
        margin: distance outside the frame beyond which a point is lost at once, px.

    Raises:
        ValueError: an option is out of its range.
    """

    occlusion: bool = True
    tolerance: float = 1.0
    relative_tolerance: float = 0.05
    patience: int = 3
    margin: float = 20.0

    def __post_init__(self) -> None:
        at_least(0, tolerance=self.tolerance, relative_tolerance=self.relative_tolerance, margin=self.margin)
        at_least(1, patience=self.patience)


class FlowTracker(OnlineTracker):
    """A tracker that chains dense flow: every step adds the flow, sampled bilinearly, to the point.

    With f the flow at the point and b the backward flow where f leads, the step succeeds if
    |f + b| < ``tolerance`` + ``relative_tolerance`` · (|f| + |b|) and it ends inside the frame. Lengths are
    pixels at the flow's working resolution. A point whose step fails is INVISIBLE but still follows the flow,
    and becomes VISIBLE again when a later step succeeds, unless it is lost by then. A lost point stays where
    it is, INVISIBLE, for the rest of that direction.

    Flows between neighbouring frames are kept for a while, so that runs over the same source, in either
    direction and for any number of objects, compute each of them once; with ``spare_bytes`` this holds for
    later runs, too.

    Args:
        flow: computes the flow between two frames.
        options: the tracker's options.
    """

    name: ClassVar[str] = "flow"
    Options: ClassVar[type] = ChainingOptions
    options: ChainingOptions

    def __init__(self, flow: DenseFlow, options: ChainingOptions | None = None) -> None:
        super().__init__(options)
        self.flow = flow
        self._frames: FrameCache[tuple[Any, tuple[int, int]]] = FrameCache(_PAIRS_KEPT)
        self._flows: FrameCache[NDArray[np.float32]] = FrameCache(2 * _PAIRS_KEPT, lambda flow: flow.nbytes)

    def stream(self, clip: Clip, queries: NDArray[np.float32]) -> Iterator[Step]:
        starts = queries[:, 0].astype(int)
        xy = queries[:, 1:].astype(np.float32)
        failures = np.zeros(len(queries), int)
        lost = np.zeros(len(queries), bool)
        for t in clip.positions():
            visibility = np.full(len(queries), Visibility.INVISIBLE, np.int8)
            visibility[starts == t] = Visibility.VISIBLE
            moving = np.flatnonzero((starts < t) & ~lost)
            if len(moving):
                xy[moving], found, gone = self._advance(clip, t, xy[moving])
                visibility[moving[found]] = Visibility.VISIBLE
                failures[moving] = np.where(found, 0, failures[moving] + 1)
                impatient = failures[moving] >= self.options.patience
                lost[moving] = gone | (self.options.occlusion & impatient)
            yield xy.copy(), visibility

    def _advance(
        self, clip: Clip, t: int, xy: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
        """Move the points ``xy``, (N, 2), from frame ``t - 1`` to frame ``t``.

        Returns:
            The new positions, which steps succeeded, and which points are beyond the margin.
        """
        full_height, full_width = self._prepared(clip, t - 1)[1]
        options, forth = self.options, self._flow(clip, t - 1, t)
        height, width = forth.shape[:2]
        scale = np.array([width / full_width, height / full_height], np.float32)
        here = (xy + 0.5) * scale - 0.5
        step = sample_bilinear(forth, here)
        there = here + step
        found = within(there, (height, width))
        if options.occlusion:
            back = sample_bilinear(self._flow(clip, t, t - 1), there)
            error = np.linalg.norm(step + back, axis=1)
            length = np.linalg.norm(step, axis=1) + np.linalg.norm(back, axis=1)
            found &= error < options.tolerance + options.relative_tolerance * length
        return xy + step / scale, found, ~within(there, (height, width), options.margin)

    def _flow(self, clip: Clip, start: int, end: int) -> NDArray[np.float32]:
        """The flow from frame ``start`` to frame ``end`` of ``clip``, (h, w, 2) px of h×w."""
        key = (clip.indices[start], clip.indices[end])
        return self._flows.get(
            clip.source,
            key,
            lambda: self.flow(self._prepared(clip, start)[0], self._prepared(clip, end)[0]),
            self.spare_bytes,
        )

    def _prepared(self, clip: Clip, t: int) -> tuple[Any, tuple[int, int]]:
        """Frame ``t`` as the flow wants it, and its original (height, width)."""

        def make() -> tuple[Any, tuple[int, int]]:
            frame = clip[t]
            return self.flow.prepare(frame), frame.shape[:2]

        return self._frames.get(clip.source, clip.indices[t], make)


@dataclass(frozen=True, kw_only=True)
class DisOptions(ChainingOptions):
    """The options of ``dis``, including those of ``ChainingOptions``.

    Attributes:
        max_side: longest side of the frames that the flow is computed on, px; smaller frames are not
            enlarged.
        finest_scale: pyramid level at which the flow is computed last, from 0, every working pixel, to 5.
        preset: OpenCV's "ultrafast", "fast" or "medium".

    Raises:
        ValueError: an option is out of its range.
    """

    max_side: int = 427
    finest_scale: int = 0
    preset: str = "medium"

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(1, max_side=self.max_side)
        if not 0 <= self.finest_scale <= 5:
            raise ValueError(f"finest_scale must be from 0 to 5, not {self.finest_scale}")
        if self.preset not in _PRESETS:
            raise ValueError(unknown_name("preset", self.preset, _PRESETS))


class DisFlow:
    """DIS optical flow (Kroeger et al., ECCV 2016) on greyscale frames of at most ``max_side`` px.

    Args:
        options: of which only those of the flow itself are used.
    """

    def __init__(self, options: DisOptions) -> None:
        self.max_side = options.max_side
        # Below this OpenCV refuses the frame, or silently and permanently changes its patch size and scales.
        self._min_side = 32 << options.finest_scale
        self._dis = cv2.DISOpticalFlow.create(_PRESETS[options.preset])
        self._dis.setFinestScale(options.finest_scale)

    def prepare(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frame in grey at the working resolution, (h, w) uint8."""
        size = working_size(frame.shape[:2], self.max_side)
        small = frame
        if size != frame.shape[:2]:
            small = np.asarray(cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)

    def __call__(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The motion from ``first`` to ``second``, (h, w, 2) float32 px of the prepared frames."""
        height, width = first.shape
        below, right = max(self._min_side - height, 0), max(self._min_side - width, 0)
        if below or right:
            first, second = (np.pad(grey, ((0, below), (0, right)), "edge") for grey in (first, second))
        # An empty array means no initial guess; a guess, even of zeros, would stay for all later calls.
        flow = self._dis.calc(first, second, np.empty((0, 0), np.float32))
        return np.asarray(flow[:height, :width], np.float32)


class Dis(FlowTracker):
    """A tracker by chained DIS flow: fast, dense and without weights; the embedded default.

    Args:
        options: the tracker's options; None for the defaults.
    """

    name: ClassVar[str] = "dis"
    Options = DisOptions

    def __init__(self, options: DisOptions | None = None) -> None:
        options = options or DisOptions()
        super().__init__(DisFlow(options), options)


def sample_bilinear(image: NDArray[np.float32], xy: NDArray[np.float32]) -> NDArray[np.float32]:
    """The values of ``image``, (h, w, C), at ``xy``, (N, 2); the edge repeats beyond the border."""
    height, width = image.shape[:2]
    x = np.clip(xy[:, 0], 0, width - 1)
    y = np.clip(xy[:, 1], 0, height - 1)
    left, top = x.astype(int), y.astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    fx, fy = (x - left)[:, None], (y - top)[:, None]
    upper = image[top, left] * (1 - fx) + image[top, right] * fx
    lower = image[bottom, left] * (1 - fx) + image[bottom, right] * fx
    return np.asarray(upper * (1 - fy) + lower * fy, np.float32)
