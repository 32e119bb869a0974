"""What every point tracker takes and returns."""

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
"""One frame's points: xy, (N, 2) float32 in pixels, and visibility, (N,) int8 of ``Visibility``."""


class Visibility(IntEnum):
    """Whether a point is seen in a frame, and if not, why. Only VISIBLE points prompt the segmenter."""

    VISIBLE = 1
    INVISIBLE = 0
    REINIT_FAILED = -1
    OUTSIDE_FRAME = -2
    PATCH_NOT_SIMILAR = -3
    REJECTED = -4


@dataclass(frozen=True)
class Trajectories:
    """Where N points are in T frames.

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
        """(T, N) bool."""
        return np.asarray(self.visibility == Visibility.VISIBLE)

    @classmethod
    def from_steps(cls, steps: Iterator[Step]) -> Trajectories:
        """Stack frame-by-frame steps; at least one."""
        xy, visibility = zip(*steps, strict=True)
        return cls(np.stack(xy), np.stack(visibility))


class PointTracker(ABC):
    """Follows query points through a clip, forward and backward in time.

    A tracker that can work frame by frame with bounded memory derives from ``OnlineTracker`` instead.

    Attributes:
        name: what it is called on the command line and in configurations.
        Options: the frozen dataclass of its options.
        online: whether it can track frames that come one after the other.
        spare_bytes: memory for what one run computes from frames and another over the same video can use
            again, beyond what a single run needs. A tracker may leave it unused.
    """

    name: ClassVar[str]
    Options: ClassVar[type] = NoOptions
    online: ClassVar[bool] = False
    spare_bytes: int = 0

    def __init__(self, options: Any = None) -> None:
        """``options`` is an ``Options``; None for its defaults."""
        self.options = self.Options() if options is None else options

    @abstractmethod
    def track(self, frames: Clip | Source, queries: ArrayLike) -> Trajectories:
        """Track ``queries``, (N, 3) float32 of (t, x, y), through all T frames.

        ``t`` counts frames of ``frames``, whatever part of a video they are. At its query frame a point
        is returned exactly where it was given, visible.

        Raises:
            ValueError: ``queries`` has another shape, NaNs, or frames that the clip does not have; or the
                tracker is not online and the frames come one after the other.
        """


class OnlineTracker(PointTracker):
    """A tracker that needs only a bounded stretch of the video at a time."""

    online: ClassVar[bool] = True

    @abstractmethod
    def stream(self, clip: Clip, queries: NDArray[np.float32]) -> Iterator[Step]:
        """Yield one step for each frame of ``clip``, in the clip's order; ``queries`` as in ``track``.

        Before a point's query frame its step holds the query's position, INVISIBLE. The clip may be endless:
        frames are asked for as they are needed (``Clip.has``, ``Clip.positions``).
        """

    def track(self, frames: Clip | Source, queries: ArrayLike) -> Trajectories:
        clip = Clip.of(frames)
        checked = check_queries(queries, clip)
        return Trajectories.from_steps(both_directions(self.stream, clip, checked))


def check_queries(queries: ArrayLike, frames: Clip | Source) -> NDArray[np.float32]:
    """``queries`` as an (N, 3) float32 array, or a ValueError that says what is wrong with them.

    Whether an endless clip will have a query's frame is not known, and not asked.
    """
    array = np.asarray(queries, np.float32)
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(f"queries must be (N, 3) of (t, x, y), not of shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"query {int(np.argmin(np.isfinite(array).all(1)))} holds a NaN or an infinity")
    t, last = array[:, 0], len(Clip.of(frames).indices) - 1
    if ((t < 0) | (t > last) | (t != np.floor(t))).any():
        up = "up" if Clip.of(frames).endless else f"to {last}"
        raise ValueError(f"query frames must be whole numbers from 0 {up}, not {t.min():g} to {t.max():g}")
    return array


def whole_clip(frames: Clip | Source, tracker: str) -> Clip:
    """``frames`` as a clip with an end, which a tracker that is not online needs.

    Raises:
        ValueError: they come one after the other; the ``tracker`` is named.
    """
    clip = Clip.of(frames)
    if clip.endless:
        raise ValueError(
            f"{tracker} needs all frames at once, but these come one after the other; write them to a file "
            "first, or choose an online tracker, such as cotracker3"
        )
    return clip


def both_directions(
    run: Callable[[Clip, NDArray[np.float32]], Iterator[Step]], clip: Clip, queries: NDArray[np.float32]
) -> Iterator[Step]:
    """Steps for every frame of ``clip``, from a ``run`` that only goes forward from each query frame.

    The frames before the last query are first run through in reverse, and what is found there about each
    point before its own query frame is kept (a few bytes a point and frame); then one forward run follows.
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
