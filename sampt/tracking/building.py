"""Trackers built with their weights, and the fallback for clips that are too long for one of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import torch
from numpy.typing import ArrayLike
from torch import nn

from sampt._internal.environment import check_torchvision
from sampt._internal.host_memory import keep_freed_memory
from sampt.errors import CheckpointError, ConfigError
from sampt.trackers.base import PointTracker, Trajectories, whole_clip
from sampt.trackers.clip import Clip, Source
from sampt.trackers.neural import NeuralTracker
from sampt.trackers.registry import TrackerInfo, check_options, find_tracker
from sampt.weights.download import checkpoint_path
from sampt.weights.loading import load_checkpoint, load_strictly
from sampt.weights.registry import CHECKPOINTS

logger = logging.getLogger(__name__)

OFFLINE, ONLINE = "cotracker3-offline", "cotracker3"
"""Tracker that needs the whole clip, and its online variant."""

_SHARED = {"iterations", "support_grid", "support_grid_every", "points_per_batch", "size"}
"""Options that CoTracker3's offline and online trackers share; their scores, for example, differ."""


def build_tracker(
    name: str,
    options: Mapping[str, Any] | None = None,
    checkpoint: str | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    whole_clip_frames: int | None = None,
) -> PointTracker:
    """The tracker called ``name``, with its weights if it has any, which are downloaded if necessary.

    Args:
        name: tracker, one of those that ``sampt info`` lists.
        options: options of the tracker.
        checkpoint: a file, or a name from ``sampt weights list``, such as ``raft-small``.
        device: device to run on.
        dtype: dtype of the computation.
        whole_clip_frames: maximum number of frames for a tracker that needs the whole clip in memory; in
            longer clips, its online variant is used instead. None for no limit.

    Raises:
        ConfigError: there is no such tracker or option, or it takes no checkpoint.
        CheckpointError: the checkpoint is missing, corrupt, or another model's.
    """
    options = options or {}
    try:
        # Before any download.
        info, checked = find_tracker(name), check_options(name, options)
        if info.weights is None:
            if checkpoint is not None:
                raise ValueError(f"the tracker {name} takes no checkpoint; leave it out")
            return cast(PointTracker, info.load()(checked))
        model = _network(name, info, checkpoint)
        made = cast(PointTracker, info.load()(model, checked, torch.device(device), dtype))
    except ValueError as error:
        raise ConfigError(str(error)) from error
    if torch.device(device).type == "cpu":
        keep_freed_memory()
    if name == OFFLINE and whole_clip_frames is not None:
        shared = {k: v for k, v in options.items() if k in _SHARED}
        return WholeClip(
            cast("MeasuredTracker", made),
            whole_clip_frames,
            lambda: build_tracker(ONLINE, shared, None, device, dtype),
        )
    return made


def _network(name: str, info: TrackerInfo, checkpoint: str | None) -> nn.Module:
    """Network of a tracker with the weights of its own checkpoint, or of another."""
    check_torchvision()
    published = checkpoint or info.checkpoint
    if published is None:
        raise CheckpointError(f"nobody publishes the weights of {info.weights}; give {name} a checkpoint")
    kind: type[NeuralTracker] = info.load()
    path = checkpoint_path(published) if published in CHECKPOINTS else published
    state = kind.rename_weights(load_checkpoint(path))
    label = info.weights or name
    try:
        model = kind.build_network(state)
    except ValueError as error:
        raise CheckpointError(f"checkpoint {path} is not one of {label}: {error}") from error
    load_strictly(model, state, path, label)
    return model


class MeasuredTracker(Protocol):
    """Tracker that knows how much memory it needs."""

    name: str

    def track(self, frames: Clip | Source, queries: ArrayLike) -> Trajectories: ...
    def memory_needed(self, frames: int, points: int) -> int: ...


class WholeClip(PointTracker):
    """Tracker that needs the whole clip in memory, replaced by its online variant in long clips.

    Args:
        offline: the tracker.
        longest: maximum number of frames for it.
        make_online: makes the online variant, when it is needed.
    """

    def __init__(
        self, offline: MeasuredTracker, longest: int, make_online: Callable[[], PointTracker]
    ) -> None:
        self.name = offline.name  # type: ignore[misc]
        self.offline, self.longest, self._make_online = offline, longest, make_online
        self._online: PointTracker | None = None

    def track(self, frames: Clip | Source, queries: ArrayLike) -> Trajectories:
        clip = whole_clip(frames, self.name)
        needed = self.offline.memory_needed(len(clip), len(queries))  # type: ignore[arg-type]
        if len(clip) <= self.longest:
            logger.debug("%s needs about %d MB for %d frames", self.name, needed >> 20, len(clip))
            return self.offline.track(clip, queries)
        if self._online is None:
            self._online = self._make_online()
        logger.warning(
            "%d frames would take about %d MB in %s, so %s tracks them; raise tracker.whole_clip_frames (%d) "
            "to track them all at once",
            *(len(clip), needed >> 20, self.name, self._online.name, self.longest),
        )
        return self._online.track(clip, queries)
