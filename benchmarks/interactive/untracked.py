"""The baseline without tracking, which prompts the segmenter in each frame by itself."""

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
    """A tracker whose points are visible in their query frames only."""

    name: ClassVar[str] = "none"

    def stream(self, clip: Clip, queries: NDArray[np.float32]) -> Iterator[Step]:
        for t in range(len(clip)):
            visible = queries[:, 0] == t
            yield (
                queries[:, 1:].astype(np.float32),
                np.where(visible, Visibility.VISIBLE, Visibility.INVISIBLE).astype(np.int8),
            )


def without_tracking(method: VideoMethod) -> VideoMethod:
    """A method in which a point counts in its own frame only.

    Raises:
        ConfigError: the method has no point tracker to switch off.
    """
    if not isinstance(method, SamPt):
        raise ConfigError(f"--no-tracking is for methods with a point tracker, but {method.name} has none")
    made = copy(method)
    made.parts = replace(method.parts, tracker=Untracked())
    return made
