"""What ``run.json`` tells of a run: settings, software, hardware, weights."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

import pooch

import sampt
from sampt._internal.environment import hardware, versions
from sampt.config import Config, as_mapping
from sampt.errors import CheckpointError
from sampt.weights.download import checkpoint_path
from sampt.weights.registry import CHECKPOINTS


def describe_request(
    task: str,
    dataset: Mapping[str, Any],
    config: Config,
    seeds: Sequence[int],
    more_config: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What was asked for, as plain values; neither torch nor weights are needed to tell it.

    Args:
        task: such as "vos".
        dataset: its name, split, root and options.
        more_config: settings beside those of ``config``.
    """
    settings = {**as_mapping(config), **(more_config or {})}
    settings.pop("seed")  # ``seeds`` are used instead
    return {"task": task, "dataset": dict(dataset), "config": settings, "seeds": list(seeds)}


def describe_machine(config: Config) -> dict[str, Any]:
    """What else a result may depend on: weights, software, hardware; and the date.

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


def git_commit() -> str | None:
    """The commit of the checkout that runs, with ``+`` if files differ from it; None if it is no checkout."""
    folder = Path(sampt.__file__).parent
    git = ["git", "-C", str(folder)]
    try:
        # A checkout of something else may hold an installed copy.
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
    """Of a file that was last changed then; the settings of a sweep share their weights."""
    return str(pooch.file_hash(path))


def _checkpoints(config: Config) -> dict[str, str]:
    """The SHA-256 of the weights of "segmenter" and "tracker", as far as these have any; they are fetched."""
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
