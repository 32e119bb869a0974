"""Tracking switched off: the baseline that prompts the segmenter in each frame by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sampt.trackers.base import OnlineTracker, Step, Visibility
from sampt.trackers.clip import Clip


class Untracked(OnlineTracker):
    """Sees a point in its query frame only."""

    name: ClassVar[str] = "none"

    def stream(self, clip: Clip, queries: NDArray[np.float32]) -> Iterator[Step]:
        for t in range(len(clip)):
            visible = queries[:, 0] == t
            yield (
                queries[:, 1:].astype(np.float32),
                np.where(visible, Visibility.VISIBLE, Visibility.INVISIBLE).astype(np.int8),
            )
