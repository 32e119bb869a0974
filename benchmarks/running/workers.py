"""Who does the work of a benchmark, as it is chosen on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from sampt._internal.devices import choose_device
from sampt.config import Config

from .engine import Worker, local_workers

MakeWork = Callable[[Mapping[str, Config]], Callable[[Any], Any]]
"""Makes what does tasks from configurations by their names; it can be pickled."""


@dataclass(frozen=True)
class EngineChoice:
    """Who does the work.

    name: "local", processes of this machine, or "ray", actors of a cluster.
    workers: how many; None lets the engine decide.
    address: of a Ray cluster; None starts one on this machine.
    """

    name: str = "local"
    workers: int | None = None
    address: str | None = None

    def make_workers(self, make: MakeWork, settings: Mapping[str, Config]) -> list[Worker]:
        """Workers for these settings; local ones take turns with this machine's GPUs.

        Raises:
            ConfigError, EngineError: Ray is not installed, or its cluster cannot be reached.
        """
        if self.name == "ray":
            from .ray_engine import ray_workers

            return ray_workers(partial(make, settings), self.workers, self.address)
        return local_workers(
            [
                partial(make, {k: _on_gpu(config, i) for k, config in settings.items()})
                for i in range(self.workers or 1)
            ]
        )


def _on_gpu(config: Config, worker: int) -> Config:
    """The same on the worker's share of the GPUs, unless a certain one is asked for."""
    if config.device in ("auto", "cuda") and choose_device(config.device).type == "cuda":
        return replace(config, device=f"cuda:{worker % torch.cuda.device_count()}")
    return config
