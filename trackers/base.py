"""The point tracker protocol: what every tracker takes and returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .clip import Clip, Source
from .options import NoOptions

Step = tuple[NDArray[np.float32], NDArray[np.int8]]
"""The points of one frame: xy, (N, 2) float32 in pixels, and visibility, (N,) int8 of ``Visibility``."""


class Visibility(IntEnum):
    """Whether a point is visible in a frame, and if not, why. Only VISIBLE points prompt the segmenter."""

    VISIBLE = 1
    INVISIBLE = 0
    REINIT_FAILED = -1
    OUTSIDE_FRAME = -2
    PATCH_NOT_SIMILAR = -3
    REJECTED = -4


@dataclass(frozen=True)
class Trajectories:
    """The positions and visibility of N points in T frames.

    Attributes:
        xy: (T, N, 2) float32, pixels of the original frame, integer = pixel centre.
        visibility: (T, N) int8, values of ``Visibility``.
    """

    xy: NDArray[np.float32]
    visibility: NDArray[np.int8]

    def __post_init__(self) -> None:
        if self.xy.ndim != 3 or self.xy.shape[2] != 2 or self.visibility.shape != self.xy.shape[:2]:
            raise ValueError(
                f"trajectories are (T, N, 2) with visibility (T, N), "
                f"not {self.xy.shape} with {self.visibility.shape}"
            )

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Which points are VISIBLE, (T, N) bool."""
        return np.asarray(self.visibility == Visibility.VISIBLE)

    @classmethod
    def from_steps(cls, steps: Iterator[Step]) -> Trajectories:
        """The trajectories of at least one step, stacked frame by frame."""
        xy, visibility = zip(*steps, strict=True)
        return cls(np.stack(xy), np.stack(visibility))


class PointTracker(ABC):
    """A method that follows query points through a clip, forward and backward in time.

    A tracker that can work frame by frame with bounded memory derives from ``OnlineTracker`` instead.

    Args:
        options: an instance of ``Options``; None for its defaults.

    Attributes:
        name: its name on the command line and in configurations.
        Options: the frozen dataclass of its options.
        online: whether it can track frames that arrive one at a time.
        spare_bytes: memory, beyond what one run needs, for keeping what it computed from frames so that
            later runs over the same video can use it again. A tracker may ignore it.
    """

    name: ClassVar[str]
    Options: ClassVar[type] = NoOptions
    online: ClassVar[bool] = False
    spare_bytes: int = 0

    def __init__(self, options: Any = None) -> None:
        self.options = self.Options() if options is None else options

    @abstractmethod
    def track(self, frames: Clip | Source, queries: ArrayLike) -> Trajectories:
        """Track query points through all T frames.

        At its query frame a point is returned exactly where it was given, VISIBLE.

        Args:
            frames: the frames to track through.
            queries: (N, 3) float32 of (t, x, y). ``t`` is an index into ``frames``, even if these are only
                a part of a video.

        Returns:
            The points in all frames.

        Raises:
            ValueError: ``queries`` has the wrong shape, contains NaNs, or names frames that the clip does not
                have; or the tracker is not online and the frames arrive one at a time.
        """


class OnlineTracker(PointTracker):
    """A tracker that needs only a bounded stretch of the video at a time."""

    online: ClassVar[bool] = True

    @abstractmethod
    def stream(self, clip: Clip, queries: NDArray[np.float32]) -> Iterator[Step]:
        """Track query points forward in time, one frame after the other.

        The clip may be endless: ask for frames as they are needed (``Clip.has``, ``Clip.positions``).

        Args:
            clip: the frames to track through.
            queries: as in ``track``.

        Yields:
            One step per frame, in the clip's order. Before its query frame a point is INVISIBLE, at the
            query's position.
        """

    def track(self, frames: Clip | Source, queries: ArrayLike) -> Trajectories:
        clip = Clip.of(frames)
        checked = check_queries(queries, clip)
        return Trajectories.from_steps(both_directions(self.stream, clip, checked))


def check_queries(queries: ArrayLike, frames: Clip | Source) -> NDArray[np.float32]:
    """The queries as an (N, 3) float32 array, after checking them against the clip.

    An endless clip may end before a query's frame; that is not checked.

    Raises:
        ValueError: they have the wrong shape, contain NaNs, or name frames that the clip does not have.
    """
    array = np.asarray(queries, np.float32)
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(f"queries must be (N, 3) of (t, x, y), not {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"query {int(np.argmin(np.isfinite(array).all(1)))} contains a NaN or an infinity")
    t, last = array[:, 0], len(Clip.of(frames).indices) - 1
    if ((t < 0) | (t > last) | (t != np.floor(t))).any():
        up = "up" if Clip.of(frames).endless else f"to {last}"
        raise ValueError(f"query frames must be whole numbers from 0 {up}, not {t.min():g} to {t.max():g}")
    return array


def whole_clip(frames: Clip | Source, tracker: str) -> Clip:
    """The frames as a clip with a known length, which a tracker that is not online needs.

    Args:
        frames: a clip or a source of frames.
        tracker: the tracker's name, for the error.

    Raises:
        ValueError: the frames arrive one at a time.
    """
    clip = Clip.of(frames)
    if clip.endless:
        raise ValueError(
            f"{tracker} needs all frames at once, but these arrive one at a time; write them to a file "
            "first, or choose an online tracker, such as cotracker3"
        )
    return clip


def both_directions(
    run: Callable[[Clip, NDArray[np.float32]], Iterator[Step]], clip: Clip, queries: NDArray[np.float32]
) -> Iterator[Step]:
    """Track in both directions with a ``run`` that only goes forward from each query frame.

    First the frames before the last query are tracked in reverse, and each point's steps before its own query
    frame are kept (a few bytes per point and frame). Then one forward run follows.

    Yields:
        One step per frame of ``clip``.
    """
    starts = queries[:, 0].astype(int)
    last = int(starts.max(initial=0))
    backward: list[Step] = []
    if last > 0:
        flipped = queries.copy()
        flipped[:, 0] = last - starts
        backward = list(run(clip[: last + 1].reversed(), flipped))[::-1]
    for t, (xy, visibility) in enumerate(run(clip, queries)):
        if t < len(backward):
            early = t < starts
            xy, visibility = xy.copy(), visibility.copy()
            xy[early], visibility[early] = backward[t][0][early], backward[t][1][early]
        yield xy, visibility
