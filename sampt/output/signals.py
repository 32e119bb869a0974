"""Signs that a mask is wrong, measured without ground truth, for one object and frame at a time.

Every signal is 0 if nothing is wrong, and grows with the doubt. All are measured on a part of the frame
around the mask, at a few thousand pixels, so that their cost depends on neither frame nor object size.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from sampt.methods.results import FrameResult
from sampt.trackers.base import Visibility

SIGNALS: dict[str, str] = {
    "unsure": "the segmenter is unsure of its mask",
    "hidden": "most of its points are lost",
    "uprooted": "its points are no longer where they were clicked",
    "restarts": "its points had to be replaced again and again",
    "drift": "its points drift: followed backward, they lead elsewhere",
    "colours": "its colours are no longer those of its first mask",
    "growth": "its size is no longer that of its first mask",
    "jump": "its mask jumps from one frame to the next",
    "stray": "parts of its mask hold none of its points",
    "frayed": "its mask is frayed",
    "faint": "its outline follows no edge of the picture",
    "contradicted": "its points contradict its mask",
    "shared": "it shares pixels with another object",
    "gone": "it has no mask",
    "small": "its first mask is small, and what is small is easily lost",
    "unstable": "its first mask changes when its points move a little",
    "misfit": "its first mask does not fit its points or box",
    "guessed": "its first mask was found from points or a box",
}
"""The signals, and what to tell a person of whom one of them is the main reason for doubt."""

PIXELS = 96
"""Longest side of the part of a frame that is looked at."""
LEAST_AREA = 20
"""Masks with fewer pixels count as none."""
LOOK_BACK = 5
"""Number of frames through which points are followed backward."""
FOLLOWED = 16
"""Maximum number of points that are followed backward."""
GREY_SIDE = 214
"""Longest side of the grey frames in which they are."""

Mask = NDArray[np.bool_]
Signals = NDArray[np.float32]
INDEX = {name: i for i, name in enumerate(SIGNALS)}


@dataclass(frozen=True)
class FirstLook:
    """What is known of an object's first mask before the run; ``sampt.output.first_look`` finds it.

    Attributes:
        guessed: whether the mask was found from points or a box, not given.
        unstable: 1 − IoU with the mask found from points that were moved a little.
        misfit: how badly the mask fits its points or box, from 0 to 1.
        doubt: what is wrong, in words; None if nothing is.
    """

    guessed: bool = False
    unstable: float = 0.0
    misfit: float = 0.0
    doubt: str | None = None


@dataclass(frozen=True)
class Reference:
    """An object's first mask: its area in pixels, its colours, and its number of positives."""

    area: int
    colours: NDArray[np.float32] | None
    positives: int
    frame: int


@dataclass
class Seen:
    """What was measured of an object in one frame; some signals await its first mask.

    Attributes:
        position: how many frames came before.
        values: the signals.
        area: the mask's area in pixels.
        colours: its colours; None without a mask.
        rooted: number of visible positives by the frame in which they were placed.
    """

    position: int
    values: Signals
    area: int
    colours: NDArray[np.float32] | None
    rooted: Mapping[int, int]

    def compared(self, first: Reference, size: tuple[int, int]) -> Signals:
        """The signals, with those that compare with the first mask."""
        values = self.values
        rooted = self.rooted.get(first.frame, 0) if self.rooted else first.positives
        _set(values, "uprooted", 1 - min(1.0, rooted / max(first.positives, 1)))
        share = first.area / (size[0] * size[1])
        _set(values, "small", np.clip(np.log(0.1 / max(share, 5e-4)), 0, 4))
        if self.colours is None or first.colours is None:
            _set(values, "colours", 1.0)
            _set(values, "growth", 2.0)
        else:
            _set(values, "colours", 1 - float(np.sqrt(self.colours * first.colours).sum()))
            _set(values, "growth", min(2.0, abs(np.log(self.area / first.area))))
        return values


@dataclass
class _Track:
    """Points of an object in an earlier frame."""

    xy: NDArray[np.float32]
    visible: Mask
    placed: NDArray[np.int64]


@dataclass
class ObjectWatch:
    """One object's signals, frame by frame.

    Attributes:
        row: its row in the results.
        look: what is known of its first mask.
    """

    row: int
    look: FirstLook
    _centre: NDArray[np.float64] | None = None
    _area: int = 0
    _latest: _Track | None = None
    _tracks: deque[_Track] = field(default_factory=lambda: deque(maxlen=LOOK_BACK + 1))
    _restarts: int = 0
    _newest: int | None = None
    _drift: float = 0.0

    def see(self, position: int, frame: NDArray[np.uint8], result: FrameResult, greys: Greys) -> Seen:
        """Measure the object in a frame, (H, W, 3) uint8 RGB."""
        own = result.owners == self.row
        xy, positive = result.points[own], result.positive[own]
        visible = result.visibility[own] == Visibility.VISIBLE
        placed = np.zeros(len(xy), np.int64) if result.placed is None else result.placed[own]
        values = np.zeros(len(SIGNALS), np.float32)
        score = float(result.scores[self.row])
        _set(values, "unsure", 1 - (0.0 if np.isnan(score) else min(max(score, 0.0), 1.0)))
        _set(values, "hidden", 1 - (visible & positive).sum() / max(positive.sum(), 1) if len(xy) else 0.0)
        _set(values, "restarts", np.log1p(self._counted(placed)))
        _set(values, "guessed", float(self.look.guessed))
        _set(values, "unstable", self.look.unstable)
        _set(values, "misfit", self.look.misfit)
        track = _Track(xy, visible & positive, placed)
        _set(values, "drift", self._drifted(position, track, greys))
        mask = result.masks[self.row]
        area, colours = int(np.count_nonzero(mask)), None
        if area >= LEAST_AREA:
            near = Nearby.of(frame, mask)
            colours = near.colours
            _set(values, "frayed", near.frayed)
            _set(values, "faint", near.faint)
            _set(values, "stray", near.without(xy[visible & positive]) if len(xy) else 0.0)
            _set(values, "contradicted", _contradicted(mask, xy, visible, positive))
            _set(values, "jump", self._jumped(near.centre, area, track))
            _set(values, "shared", _shared(result, self.row))
            self._centre, self._area = near.centre, area
        else:
            _set(values, "gone", 1.0)
            self._centre, self._area = None, 0
        self._latest = track
        rooted = {} if result.placed is None else _counts(placed[visible & positive])
        return Seen(position, values, area, colours, rooted)

    def _counted(self, placed: NDArray[np.int64]) -> int:
        """Number of restarts so far."""
        newest = int(placed.max()) if len(placed) else None
        if newest is not None:
            self._restarts += self._newest is not None and newest != self._newest
            self._newest = newest
        return self._restarts

    def _jumped(self, centre: NDArray[np.float64], area: int, track: _Track) -> float:
        """How far the mask's centre moved beside its points, relative to its size, or its area changed."""
        if self._centre is None or self._latest is None:
            return 0.0
        moved = centre - self._centre
        before = self._latest
        if len(before.xy) == len(track.xy) and (both := before.visible & track.visible).any():
            moved = moved - np.median(track.xy[both] - before.xy[both], axis=0)
        shift = float(np.linalg.norm(moved)) / float(np.sqrt(area))
        return min(1.0, shift + abs(float(np.log(area / self._area))))

    def _drifted(self, position: int, track: _Track, greys: Greys) -> float:
        """Share of a few points that, followed backward, do not lead to where they were."""
        self._tracks.append(track)
        if position % LOOK_BACK or len(self._tracks) <= LOOK_BACK or len(greys.kept) <= LOOK_BACK:
            return self._drift
        then = self._tracks[0]
        self._drift = 0.0
        if len(then.xy) == len(track.xy) and (then.placed == track.placed).all():
            both = np.flatnonzero(then.visible & track.visible)
            if len(both):
                chosen = both[np.linspace(0, len(both) - 1, min(len(both), FOLLOWED)).astype(int)]
                self._drift = greys.astray(track.xy[chosen], then.xy[chosen])
        return self._drift


class Greys:
    """The latest frames, small and grey, to follow points backward through them."""

    def __init__(self) -> None:
        self.kept: deque[NDArray[np.uint8]] = deque(maxlen=LOOK_BACK + 1)
        self._scale = 1.0

    def add(self, frame: NDArray[np.uint8]) -> None:
        step = max(1, round(max(frame.shape[:2]) / GREY_SIDE))
        self._scale = 1 / step
        height, width = frame.shape[0] // step or 1, frame.shape[1] // step or 1
        small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) if step > 1 else frame
        self.kept.append(np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8))

    def astray(self, now: NDArray[np.float32], then: NDArray[np.float32]) -> float:
        """Share of points, (N, 2) each, that do not lead from the last kept frame to the first."""
        here = (now * self._scale)[:, None].astype(np.float32)
        frames = list(self.kept)[::-1]
        found = np.ones(len(now), bool)
        for after, before in pairwise(frames):
            moved, status, _ = cv2.calcOpticalFlowPyrLK(after, before, here, here.copy(), winSize=(11, 11))
            here = np.asarray(moved, np.float32)
            found &= np.asarray(status)[:, 0] == 1
        error = np.linalg.norm(here[:, 0] - then * self._scale, axis=1)
        return float((~found | (error > 3)).mean())


@dataclass(frozen=True)
class Nearby:
    """A mask and its surroundings at a few thousand pixels.

    Attributes:
        mask: (h, w) uint8, 0 or 1.
        image: (h, w, 3) uint8 RGB.
        corner: x, y of its top left pixel in the frame.
        step: distance of its pixels in the frame.
    """

    mask: NDArray[np.uint8]
    image: NDArray[np.uint8]
    corner: NDArray[np.int64]
    step: int

    @classmethod
    def of(cls, frame: NDArray[np.uint8], mask: Mask) -> Nearby:
        x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
        around = int(0.3 * width) + 4, int(0.3 * height) + 4
        x0, y0 = max(x - around[0], 0), max(y - around[1], 0)
        x1, y1 = x + width + around[0], y + height + around[1]
        step = max(1, -(-max(x1 - x0, y1 - y0) // PIXELS))
        part = np.s_[y0:y1:step, x0:x1:step]
        small = np.ascontiguousarray(mask[part]).view(np.uint8)
        return cls(small, np.ascontiguousarray(frame[part]), np.array([x0, y0]), step)

    @property
    def centre(self) -> NDArray[np.float64]:
        y, x = np.nonzero(self.mask)
        middle = np.array([x.mean(), y.mean()]) if len(x) else np.array(self.mask.shape[::-1]) / 2
        return np.asarray(middle * self.step + self.corner)

    @property
    def colours(self) -> NDArray[np.float32]:
        """Share of the mask's pixels in each of 8×8×8 bins of colour, (512,) float32."""
        bins = (self.image[self.mask > 0] >> 5).astype(np.int64) @ [64, 8, 1]
        return (np.bincount(bins, minlength=512) / max(len(bins), 1)).astype(np.float32)

    @property
    def frayed(self) -> float:
        """Share of the mask that is thinner than 5 pixels."""
        opened = cv2.morphologyEx(self.mask, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
        return 1 - float(opened.sum()) / max(int(self.mask.sum()), 1)

    @property
    def faint(self) -> float:
        """How little the colours on both sides of the outline differ, relative to the picture's contrast."""
        inside = self.mask.astype(np.float32)
        share = cv2.blur(inside, (7, 7))
        ring = np.ones((3, 3), np.uint8)
        outline = cv2.dilate(self.mask, ring) != cv2.erode(self.mask, ring)
        image = self.image.astype(np.float32)
        within = cv2.blur(image * inside[..., None], (7, 7))[outline] / share[outline].clip(1e-3)[:, None]
        beyond = cv2.blur(image * (1 - inside)[..., None], (7, 7))[outline]
        beyond = beyond / (1 - share[outline]).clip(1e-3)[:, None]
        if not len(within):
            return 0.0
        contrast = float(np.median(np.linalg.norm(within - beyond, axis=1)))
        return max(0.0, 1 - contrast / (2 * (float(image.std((0, 1)).mean()) + 1)))

    def without(self, xy: NDArray[np.float32]) -> float:
        """Share of the mask in connected parts that hold none of the points ``xy``, (N, 2)."""
        count, parts, stats, _ = cv2.connectedComponentsWithStats(self.mask)
        if count <= 2 and len(xy):
            return 0.0
        x, y = (np.round((xy - self.corner) / self.step).astype(int)).T
        inside = (x >= 0) & (y >= 0) & (x < parts.shape[1]) & (y < parts.shape[0])
        held = np.bincount(parts[y[inside], x[inside]], minlength=count)
        areas = stats[1:, cv2.CC_STAT_AREA]
        return float(areas[held[1:] == 0].sum() / max(areas.sum(), 1))


def _contradicted(mask: Mask, xy: NDArray[np.float32], visible: Mask, positive: Mask) -> float:
    """Share of visible positives outside the mask, or of visible negatives inside; the larger."""
    columns, rows = np.round(xy).astype(int).reshape(-1, 2).T
    inside = mask[rows.clip(0, mask.shape[0] - 1), columns.clip(0, mask.shape[1] - 1)]
    on, off = visible & positive, visible & ~positive
    return max(
        float((~inside[on]).mean()) if on.any() else 0.0, float(inside[off].mean()) if off.any() else 0.0
    )


def _shared(result: FrameResult, row: int) -> float:
    """Share of the object's pixels that another object claims, too."""
    if len(result) == 1:
        return 0.0
    claims = result.logits[:, ::4, ::4] > 0
    mine = int(claims[row].sum())
    return float((claims[row] & np.delete(claims, row, 0).any(0)).sum()) / max(mine, 1)


def _counts(placed: NDArray[np.int64]) -> dict[int, int]:
    frames, counts = np.unique(placed, return_counts=True)
    return dict(zip(frames.tolist(), counts.tolist(), strict=True))


def _set(values: Signals, name: str, value: float) -> None:
    values[INDEX[name]] = value
