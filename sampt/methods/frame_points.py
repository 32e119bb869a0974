"""Points of one object in one frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampt.trackers.base import Visibility


@dataclass(frozen=True)
class FramePoints:
    """P points of one object in one frame.

    Attributes:
        xy: (P, 2) float32 of (x, y) in pixels.
        positive: (P,) bool, whether each point is on the object.
        visibility: (P,) int8 of ``Visibility``.
    """

    xy: NDArray[np.float32]
    positive: NDArray[np.bool_]
    visibility: NDArray[np.int8]

    @classmethod
    def at_query(cls, positives: NDArray[np.float32], negatives: NDArray[np.float32]) -> FramePoints:
        """Points at their query frame, all visible."""
        xy = np.concatenate([positives, negatives]).astype(np.float32).reshape(-1, 2)
        positive = np.arange(len(xy)) < len(positives)
        return cls(xy, positive, np.full(len(xy), Visibility.VISIBLE, np.int8))

    @classmethod
    def none(cls) -> FramePoints:
        """No points at all."""
        return cls(np.zeros((0, 2), np.float32), np.zeros(0, bool), np.zeros(0, np.int8))

    @classmethod
    def joined(cls, *parts: FramePoints) -> FramePoints:
        """The points of all parts, in order."""
        empty = cls.none()
        return cls(
            np.concatenate([empty.xy, *(p.xy for p in parts)]),
            np.concatenate([empty.positive, *(p.positive for p in parts)]),
            np.concatenate([empty.visibility, *(p.visibility for p in parts)]),
        )

    def only(self, chosen: NDArray[np.bool_]) -> FramePoints:
        """The points for which ``chosen``, (P,) bool, is True."""
        return FramePoints(self.xy[chosen], self.positive[chosen], self.visibility[chosen])

    @property
    def visible(self) -> NDArray[np.bool_]:
        return np.asarray(self.visibility == Visibility.VISIBLE)

    @property
    def visible_positives(self) -> NDArray[np.float32]:
        return self.xy[self.visible & self.positive]

    @property
    def visible_negatives(self) -> NDArray[np.float32]:
        return self.xy[self.visible & ~self.positive]
