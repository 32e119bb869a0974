"""What can be found wrong with a tracker's settings before torch is imported."""

from __future__ import annotations

from pathlib import Path

from sampt._internal.devices import check_dtype
from sampt._internal.names import unknown_name
from sampt.config.schema import TrackerConfig
from sampt.errors import CheckpointError, ConfigError
from sampt.trackers.registry import NEURAL, check_options, create_tracker, tracker_names
from sampt.weights.registry import CHECKPOINTS


def check_tracker(config: TrackerConfig) -> None:
    """
    Raises:
        ConfigError: there is no such tracker, option or number format, or it takes no checkpoint.
        CheckpointError: its checkpoint does not exist, or is not here and may not be downloaded.
    """
    name, checkpoint = config.name, config.checkpoint
    if name not in tracker_names():
        raise ConfigError(f"tracker: {unknown_name('tracker', name, tracker_names())}")
    check_dtype(config.dtype)
    try:
        check_options(name, config.options)
        if name not in NEURAL:
            create_tracker(name, **config.options)  # takes no time, and looks at the options' values
    except ValueError as error:
        raise ConfigError(f"tracker: {error}") from error
    if name not in NEURAL:
        if checkpoint is not None:
            raise ConfigError(f"tracker: {name} takes no checkpoint, so leave it out")
    elif checkpoint is None or checkpoint in CHECKPOINTS:
        from sampt.weights.download import check_obtainable  # its client takes a while to import

        check_obtainable(checkpoint or NEURAL[name].checkpoint or name)
    elif not Path(checkpoint).is_file():
        names = unknown_name("checkpoint", checkpoint, CHECKPOINTS, "`sampt weights list` shows their names")
        raise CheckpointError(
            f"tracker: checkpoint {checkpoint} does not exist: give a file, or a name; {names}"
        )
