"""What the commands that run a benchmark have in common."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from .model_options import ModelChoice

if TYPE_CHECKING:
    from sampt.benchmarks.running.wandb_log import Mode

    from ..config import Config

FAILED = 3
"""Exit code when some sequences failed, and the others are done."""


def run_name(model: ModelChoice, settings: Config) -> str:
    """What to call a run, after what was asked for."""
    return Path(model.config).stem if model.config else f"{settings.tracker.name}-{settings.segmenter.name}"


def run_seeds(settings: Config, seeds: int) -> tuple[int, ...]:
    """So many seeds from 0, or the configuration's if there is one.

    Raises:
        ConfigError: there are several, and the configuration names one.
    """
    if seeds == 1:
        return (settings.seed,)
    if settings.seed:
        raise ConfigError(f"seed {settings.seed} and --seeds {seeds} contradict each other; give one of them")
    return tuple(range(seeds))


def check_logging(wandb: bool, mode: Mode, videos: Iterable[str]) -> None:
    """Find out before a run whether it can be logged.

    Raises:
        ConfigError: it cannot, or videos are chosen for a log that is not wanted.
    """
    if wandb:
        from sampt.benchmarks.running.wandb_log import require_wandb

        require_wandb(mode)
    elif any(videos):
        raise ConfigError("--wandb-video only makes sense with --wandb; give both or neither")
