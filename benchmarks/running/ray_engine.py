"""Workers that are Ray actors, on many GPUs and machines."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from sampt.errors import ConfigError, EngineError

from .engine import MakeWork, WorkerDied, translated

if TYPE_CHECKING:
    from .engine import Worker

logger = logging.getLogger(__name__)


class RayActor:
    """A Ray actor as a worker, with its own GPU if the cluster has any; it makes its models once."""

    def __init__(self, make: MakeWork, gpus: int) -> None:
        self._make, self._gpus = make, gpus
        self._actor = self._start()

    def _start(self) -> Any:
        import ray

        # The engine retries tasks itself, because it counts how often they have killed a worker.
        options = {"num_cpus": 1, "num_gpus": self._gpus, "max_restarts": 0, "max_task_retries": 0}
        return ray.remote(**options)(_ActorBody).remote(self._make)

    def submit(self, task: Any) -> Future[Any]:
        return translated(self._actor.do.remote(task).future(), _without_ray)

    def restart(self) -> None:
        self._actor = self._start()

    def close(self) -> None:
        import ray

        ray.kill(self._actor)


def _without_ray(error: BaseException) -> BaseException:
    """The task's own error, or ``WorkerDied`` if Ray lost the actor or its result in any way."""
    import ray

    if isinstance(error, ray.exceptions.RayTaskError):
        return error.cause if isinstance(error.cause, Exception) else EngineError(str(error).splitlines()[-1])
    return WorkerDied() if isinstance(error, ray.exceptions.RayError) else error


class _ActorBody:
    """The part of the worker that runs in the actor's process."""

    def __init__(self, make: MakeWork) -> None:
        self._make = make
        self._work: Callable[[Any], Any] | None = None

    def do(self, task: Any) -> Any:
        self._work = self._work or self._make()
        return self._work(task)


def ray_workers(make: MakeWork, count: int | None, address: str | None) -> list[Worker]:
    """The actors of a Ray cluster.

    There are at most as many as the cluster has GPUs, or cores if it has none: others would wait forever.

    Args:
        make: makes the function that does tasks.
        count: number of actors; None for one per GPU of the cluster, or one per machine if it has none.
        address: address of a cluster, such as "auto" or "ray://host:10001"; None starts one on this machine.

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
        except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            reason = str(error).splitlines()[0]
            raise EngineError(
                f"--address {address}: there is no Ray cluster to join ({reason}); start one with "
                "`ray start --head`"
            ) from error
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0))
    machines = sum(node["Alive"] for node in ray.nodes())
    room = gpus or int(resources.get("CPU", 1))
    wanted = count or gpus or machines
    if wanted > room:
        logger.warning("the Ray cluster has room for %d workers, not %d", room, wanted)
    return [RayActor(make, gpus=1 if gpus else 0) for _ in range(min(wanted, room))]


def _check_address(address: str | None) -> None:
    """Raise an OSError if nothing listens at ``[ray://]host:port``; Ray itself would try for minutes."""
    host, colon, port = (address or "").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.removeprefix("ray://"), int(port)), timeout=10).close()
