"""What does the work of a benchmark: this process, several on this machine, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import Any

from sampt.config import Config
from sampt.errors import ConfigError

from .engine import Worker, local_workers

MakeSettingsWork = Callable[[Mapping[str, Config]], Callable[[Any], Any]]
"""A picklable function that makes, from configurations by name, the function that does tasks."""


@dataclass(frozen=True)
class Engine:
    """The choice of workers for a benchmark.

    Attributes:
        name: "local" for processes on this machine, or "ray" for actors of a cluster.
        workers: number of workers; None lets the engine decide.
        address: address of a Ray cluster; None starts one on this machine.

    Raises:
        ConfigError: an address is given but not for Ray, or Ray is not installed.
    """

    name: str = "local"
    workers: int | None = None
    address: str | None = None

    def __post_init__(self) -> None:
        if self.address and self.name != "ray":
            raise ConfigError(f"--address {self.address} only makes sense with --engine ray")
        if self.name == "ray" and find_spec("ray") is None:
            raise ConfigError("--engine ray needs Ray: pip install 'sampt[ray]'")

    def make_workers(self, make: MakeSettingsWork, settings: Mapping[str, Config]) -> list[Worker]:
        """The workers for some settings; local ones take turns with this machine's GPUs.

        Raises:
            EngineError: the Ray cluster cannot be reached.
        """
        if self.name == "ray":
            from .ray_engine import ray_workers

            return ray_workers(partial(make, settings), self.workers, self.address)
        return local_workers([partial(_local_work, make, settings, i) for i in range(self.workers or 1)])


def _local_work(make: MakeSettingsWork, settings: Mapping[str, Config], worker: int) -> Callable[[Any], Any]:
    """Make the work inside the worker, so that the process that hands out tasks needs no GPU."""
    return make({name: _on_gpu(config, worker) for name, config in settings.items()})


def _on_gpu(config: Config, worker: int) -> Config:
    """The configuration with the worker's share of the GPUs, unless it names a device."""
    import torch

    from sampt._internal.devices import choose_device

    if config.device in ("auto", "cuda") and choose_device(config.device).type == "cuda":
        return replace(config, device=f"cuda:{worker % torch.cuda.device_count()}")
    return config
