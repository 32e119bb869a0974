"""Checks of a tracker's settings before torch is imported."""

from __future__ import annotations

from pathlib import Path

from sampt._internal.devices import check_dtype
from sampt._internal.names import unknown_name
from sampt.config.schema import TrackerConfig
from sampt.errors import CheckpointError, ConfigError
from sampt.trackers.registry import check_options, find_tracker, tracker_names
from sampt.weights.registry import CHECKPOINTS


def check_tracker(config: TrackerConfig) -> None:
    """Check the settings of a tracker.

    Raises:
        ConfigError: there is no such tracker, option or dtype, or it takes no checkpoint.
        CheckpointError: its checkpoint does not exist, or may not be downloaded.
    """
    name, checkpoint = config.name, config.checkpoint
    if name not in tracker_names():
        raise ConfigError(f"tracker: {unknown_name('tracker', name, tracker_names())}")
    check_dtype(config.dtype)
    try:
        check_options(name, config.options)
        info = find_tracker(name)
    except ValueError as error:
        raise ConfigError(f"tracker: {error}") from error
    if info.weights is None:
        if checkpoint is not None:
            raise ConfigError(f"tracker: {name} takes no checkpoint; leave it out")
        return
    published = checkpoint or info.checkpoint
    if published in CHECKPOINTS:
        from sampt.weights.download import check_obtainable  # its client takes a while to import

        check_obtainable(published)
    elif published is not None and not Path(published).is_file():
        unknown = unknown_name("checkpoint", published, CHECKPOINTS, "`sampt weights list` shows the names")
        raise CheckpointError(
            f"tracker: there is no checkpoint file {published}, and as a name it is {unknown}"
        )


def check_online(name: str) -> None:
    """Check that a tracker, one that exists, can track frames that arrive one at a time.

    Raises:
        ConfigError: it needs the whole clip.
    """
    if not find_tracker(name).load().online:
        raise ConfigError(
            f"tracker {name} needs the whole clip, but a camera or stream has no known end; choose one that "
            "works frame by frame, such as dis or cotracker3"
        )
