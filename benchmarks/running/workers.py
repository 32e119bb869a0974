"""Who does the work of a benchmark: this process, several on this machine, or a cluster."""

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
"""Makes what does tasks from configurations by their names; it can be pickled."""


@dataclass(frozen=True)
class Engine:
    """Who does the work.

    Attributes:
        name: "local", processes of this machine, or "ray", actors of a cluster.
        workers: how many; None lets the engine decide.
        address: of a Ray cluster; None starts one on this machine.

    Raises:
        ConfigError: an address is given, but not for Ray, or Ray is not installed.
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
        """Workers for these settings; local ones take turns with this machine's GPUs.

        Raises:
            EngineError: Ray's cluster cannot be reached.
        """
        if self.name == "ray":
            from .ray_engine import ray_workers

            return ray_workers(partial(make, settings), self.workers, self.address)
        return local_workers([partial(_local_work, make, settings, i) for i in range(self.workers or 1)])


def _local_work(make: MakeSettingsWork, settings: Mapping[str, Config], worker: int) -> Callable[[Any], Any]:
    """Runs in the worker, so that whoever only hands out work asks no GPU."""
    return make({name: _on_gpu(config, worker) for name, config in settings.items()})


def _on_gpu(config: Config, worker: int) -> Config:
    """The same on the worker's share of the GPUs, unless a certain one is asked for."""
    import torch

    from sampt._internal.devices import choose_device

    if config.device in ("auto", "cuda") and choose_device(config.device).type == "cuda":
        return replace(config, device=f"cuda:{worker % torch.cuda.device_count()}")
    return config
