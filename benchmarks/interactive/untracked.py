"""Tracking switched off: the baseline that prompts the segmenter in each frame by itself."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sampt.errors import ConfigError
from sampt.methods.base import VideoMethod
from sampt.methods.sam_pt.pipeline import SamPt
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


def without_tracking(method: VideoMethod) -> VideoMethod:
    """The same method, but that a point counts in its own frame only.

    Raises:
        ConfigError: the method has no point tracker to do without.
    """
    if not isinstance(method, SamPt):
        raise ConfigError(f"--no-tracking is for methods with a point tracker, and {method.name} has none")
    made = copy(method)
    made.parts = replace(method.parts, tracker=Untracked())
    return made
