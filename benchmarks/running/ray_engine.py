"""Workers that are Ray actors: on many GPUs, and on many machines."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from sampt.errors import ConfigError, EngineError

from .engine import Make

if TYPE_CHECKING:
    from .engine import Worker


class Actor:
    """One Ray actor, with a GPU of its own if the cluster has any; it makes its models once."""

    def __init__(self, make: Make, gpus: int) -> None:
        import ray

        # RayActorError: the actor's process is gone, or its machine.
        self.deaths: tuple[type[Exception], ...] = (ray.exceptions.RayActorError,)
        self._make, self._gpus = make, gpus
        self._actor = self._start()

    def _start(self) -> Any:
        import ray

        # The engine tries tasks again, because it knows how often they have killed a worker.
        options = {"num_cpus": 1, "num_gpus": self._gpus, "max_restarts": 0, "max_task_retries": 0}
        return ray.remote(**options)(_Body).remote(self._make)

    def submit(self, task: Any) -> Future[Any]:
        future: Future[Any] = self._actor.do.remote(task).future()
        return future

    def restart(self) -> None:
        self._actor = self._start()

    def close(self) -> None:
        import ray

        ray.kill(self._actor)


class _Body:
    """What lives in the actor's process."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._work: Callable[[Any], Any] | None = None

    def do(self, task: Any) -> Any:
        self._work = self._work or self._make()
        return self._work(task)


def ray_workers(make: Make, count: int | None, address: str | None) -> list[Worker]:
    """``count`` actors; None: one for each GPU of the cluster, or one for each machine if it has no GPUs.

    address: of a cluster, such as "auto" or "ray://host:10001"; None starts one on this machine.

    Raises:
        ConfigError: Ray is not installed.
        EngineError: there is no cluster at ``address``.
    """
    try:
        import ray
    except ImportError as error:
        raise ConfigError("--engine ray needs Ray: pip install 'sampt[ray]'") from error
    if not ray.is_initialized():
        try:
            _check_address(address)
            ray.init(address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, ValueError, RuntimeError) as error:
            raise EngineError(
                f"--address {address}: no Ray cluster is there; start one with `ray start --head`"
            ) from error
    gpus = int(ray.cluster_resources().get("GPU", 0))
    machines = sum(node["Alive"] for node in ray.nodes())
    return [Actor(make, gpus=1 if gpus else 0) for _ in range(count or gpus or machines)]


def _check_address(address: str | None) -> None:
    """Raise an OSError if nobody listens at ``[ray://]host:port``; Ray itself would try for minutes."""
    host, colon, port = (address or "").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.removeprefix("ray://"), int(port)), timeout=10).close()
