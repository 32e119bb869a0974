"""The contents of ``run.json``: a run's settings, software, hardware and weights."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

import pooch

import sampt
from sampt._internal.environment import hardware, versions
from sampt.config import Config, as_mapping, load_config
from sampt.errors import CheckpointError, ConfigError
from sampt.weights.download import checkpoint_path
from sampt.weights.registry import CHECKPOINTS

from .folder import flattened

_ONLY_HOW = (
    *("seed", "device", "compile", "frames_per_batch", "cache."),
    *("segmenter.checkpoint", "tracker.checkpoint"),
)
"""The prefixes of settings that only say where and how fast a run is done, and where its weights are."""


def describe_request(
    task: str,
    dataset: Mapping[str, Any],
    config: Config,
    seeds: Sequence[int],
    more_config: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The request for a run, as plain values, found without torch or weights.

    Args:
        task: kind of benchmark, such as "vos".
        dataset: the dataset's name, split, root and options.
        config: the configuration.
        seeds: the seeds of the runs.
        more_config: settings beside those of ``config``.
    """
    settings = {**as_mapping(config), **(more_config or {})}
    settings.pop("seed")  # ``seeds`` are used instead
    return {"task": task, "dataset": dict(dataset), "config": settings, "seeds": list(seeds)}


def describe_machine(config: Config) -> dict[str, Any]:
    """Everything else a result may depend on: weights, software, hardware; and the date.

    Raises:
        CheckpointError: a checkpoint is missing, or cannot be downloaded.
        ConfigError: there is no such device.
    """
    from sampt._internal.devices import choose_device

    return {
        "checkpoints": _checkpoints(config),
        "versions": versions(),
        "git": git_commit(),
        "hardware": hardware(choose_device(config.device)),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def has_settings_of(run: Mapping[str, Any], name: str) -> bool:
    """Whether a run has all settings of the packaged configuration of that name that can change results.

    Args:
        run: the contents of its ``run.json``.
        name: the name, which need not be one of a configuration.
    """
    from ..vis.settings import VisConfig, vis_config

    vis = run.get("task") == "vis"
    try:
        config = load_config(name, schema=VisConfig if vis else Config)
    except ConfigError:
        return False
    if isinstance(config, VisConfig):
        config = vis_config(config)
    theirs = json.loads(json.dumps(as_mapping(config)))  # as it would be read from a file
    return _deciding(run.get("config", {})) == _deciding(theirs)


def _deciding(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that can change results, without empty options."""
    flat = flattened(config)
    return {key: value for key, value in flat.items() if value != {} and not key.startswith(_ONLY_HOW)}


def git_commit() -> str | None:
    """The commit that is checked out, with ``+`` if files have changed; None outside a checkout."""
    folder = Path(sampt.__file__).parent
    git = ["git", "-C", str(folder)]
    try:
        # An installed copy may be inside a checkout of something else.
        tracked = subprocess.run([*git, "ls-files", "--error-unmatch", "__init__.py"], capture_output=True)
        if tracked.returncode:
            return None
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        changes = subprocess.run(
            [*git, "status", "--porcelain", "-uno"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit.stdout.strip() + ("+" if changes.stdout.strip() else "")


@cache
def _sha256(path: Path, changed: int) -> str:
    """The SHA-256 of a file last changed then, cached because a sweep's settings share weights."""
    return str(pooch.file_hash(path))


def _checkpoints(config: Config) -> dict[str, str]:
    """The SHA-256 of the weights of "segmenter" and "tracker", if any, after fetching them."""
    from sampt.trackers.registry import TRACKERS

    tracker = TRACKERS.get(config.tracker.name)
    wanted = {
        "segmenter": config.segmenter.checkpoint or config.segmenter.name,
        "tracker": config.tracker.checkpoint or (tracker and tracker.checkpoint) or config.tracker.name,
    }
    digests = {}
    for part, name in wanted.items():
        weightless = name in (config.segmenter.name, config.tracker.name) and name not in CHECKPOINTS
        if weightless:
            continue
        path = checkpoint_path(name) if name in CHECKPOINTS else name
        try:
            digests[part] = _sha256(Path(path), Path(path).stat().st_mtime_ns)
        except OSError as error:
            raise CheckpointError(f"cannot read the checkpoint {path} ({error.strerror})") from error
    return digests
