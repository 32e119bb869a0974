"""Handing out tasks to workers: a task that fails is reported; one whose worker dies is tried again.

The engines differ only in their workers: this process, processes on this machine, or Ray actors. A worker
keeps its models, and what it has computed for its current sequence. It therefore gets all of a sequence's
tasks, unless others would be idle.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from types import FrameType
from typing import Any, Generic, Protocol, TypeVar

from sampt.errors import CheckpointError, ConfigError, EngineError

FATAL = (ConfigError, CheckpointError)
"""The errors that every other task would fail with as well."""

ATTEMPTS = 3
"""Number of attempts after which a task is blamed for the death of its workers."""


class SequenceBound(Protocol):
    """A hashable task. Tasks with the same ``sequence`` are best done by one worker."""

    @property
    def sequence(self) -> str: ...


T = TypeVar("T", bound=SequenceBound)
R = TypeVar("R")

MakeWork = Callable[[], Callable[[Any], Any]]
"""A picklable function that makes, inside the worker, the function that does tasks."""


class WorkerDied(Exception):  # noqa: N818 - it need not be an error of the task
    """The exception of a future whose worker ended before its task did."""


class Worker(Protocol):
    """A place where tasks are done one at a time."""

    def submit(self, task: Any) -> Future[Any]:
        """Start a task; its future gives the result, the task's own error, or ``WorkerDied``."""
        ...

    def restart(self) -> None:
        """Make the worker usable again after it died."""
        ...

    def close(self) -> None: ...


class InProcess:
    """The current process as a worker."""

    def __init__(self, make: MakeWork) -> None:
        self._make = make
        self._work: Callable[[Any], Any] | None = None

    def submit(self, task: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            self._work = self._work or self._make()
            future.set_result(self._work(task))
        except Exception as error:
            future.set_exception(error)
        return future

    def restart(self) -> None:
        """Do nothing: this process cannot die and be restarted."""

    def close(self) -> None:
        self._work = None


CLOSING_SECONDS = 10.0
"""Time that a terminated worker gets to end before it is left alone."""


class WorkerProcess:
    """A separate process, which ends when this one does, however that ends.

    Args:
        make: makes the function that does tasks.
        threads: number of cores it may use.
    """

    def __init__(self, make: MakeWork, threads: int) -> None:
        self._make, self._threads = make, threads
        self._pool = self._start()

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, get_context("spawn"), initializer=_start_worker, initargs=(self._threads,)
        )

    def submit(self, task: Any) -> Future[Any]:
        return translated(self._pool.submit(_do_task, self._make, task), _without_pool)

    def restart(self) -> None:
        self._pool.shutdown(wait=False)
        self._pool = self._start()

    def close(self) -> None:
        manager: Any = self._pool._executor_manager_thread
        for process in list((self._pool._processes or {}).values()):  # a task may take minutes: do not wait
            process.terminate()
        self._pool.shutdown(wait=False, cancel_futures=True)
        if manager is not None:
            manager.join(
                CLOSING_SECONDS
            )  # or Python's own clean-up at exit may meet pipes that it just closed


def translated(future: Future[Any], error: Callable[[BaseException], BaseException]) -> Future[Any]:
    """The same future with its errors translated."""
    outer: Future[Any] = Future()

    def pass_on(inner: Future[Any]) -> None:
        if inner.cancelled():
            outer.cancel()
            return
        failure = inner.exception()
        if failure is None:
            outer.set_result(inner.result())
        else:
            outer.set_exception(error(failure))

    future.add_done_callback(pass_on)
    return outer


def _without_pool(error: BaseException) -> BaseException:
    return WorkerDied() if isinstance(error, BrokenExecutor) else error


_work_of_process: dict[str, Callable[[Any], Any]] = {}


def _start_worker(threads: int) -> None:
    """Prepare a worker's process, before anything reads its number of threads."""
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENCV_FOR_THREADS_NUM"] = str(threads)
    # Ctrl-C reaches all processes of a terminal, but the main one stops the others. They exit cleanly,
    # because a killed process would not remove its temporary files of embeddings.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_worker)
    parent = parent_process()
    assert parent is not None

    def outlive_nobody() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=outlive_nobody, daemon=True).start()


def _end_worker(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + signum)


def _do_task(make: MakeWork, task: Any) -> Any:
    if "work" not in _work_of_process:
        _work_of_process["work"] = make()
    return _work_of_process["work"](task)


def local_workers(makes: Sequence[MakeWork]) -> list[Worker]:
    """A local worker for each function in ``makes``; a single one is this process."""
    if len(makes) == 1:
        return [InProcess(makes[0])]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = max(1, cores // len(makes))
    return [WorkerProcess(make, threads) for make in makes]


@dataclass(frozen=True)
class Outcome(Generic[T, R]):
    """The outcome of a task: its result, or the error that it failed with."""

    task: T
    result: R | None = None
    error: Exception | None = None


def run_tasks(tasks: Sequence[T], workers: Sequence[Worker]) -> Iterator[Outcome[T, Any]]:
    """Do all tasks.

    If a worker dies, it is restarted and does its task again. The workers are closed at the end, or when the
    iteration is abandoned.

    Yields:
        The outcome of each task, as soon as it is known.

    Raises:
        ConfigError: a setting is invalid, which concerns all tasks.
        CheckpointError: weights are missing, which concerns all tasks.
    """
    queue, deaths = TaskQueue(tasks), dict.fromkeys(tasks, 0)
    with ExitStack() as stack:
        for worker in workers:
            stack.callback(worker.close)
        begun: dict[Future[Any], tuple[Worker, T]] = {}
        for worker in workers:
            if (task := queue.take(None)) is not None:
                begun[worker.submit(task)] = worker, task
        while begun:
            for future in wait(begun, return_when=FIRST_COMPLETED).done:
                worker, task = begun.pop(future)
                error = future.exception()
                if isinstance(error, FATAL):
                    raise error
                if isinstance(error, WorkerDied):
                    worker.restart()
                    deaths[task] += 1
                    if deaths[task] < ATTEMPTS:
                        begun[worker.submit(task)] = worker, task
                        continue
                    error = EngineError(
                        f"{ATTEMPTS} workers died of it, perhaps out of memory; use fewer --workers"
                    )
                assert error is None or isinstance(error, Exception)
                yield Outcome(task, error=error) if error else Outcome(task, result=future.result())
                if (following := queue.take(task.sequence)) is not None:
                    begun[worker.submit(following)] = worker, following


class TaskQueue(Generic[T]):
    """The tasks that have not started yet, by sequence."""

    def __init__(self, tasks: Sequence[T]) -> None:
        self._groups: dict[str, list[T]] = {}
        for task in tasks:
            self._groups.setdefault(task.sequence, []).append(task)
        self._begun: set[str] = set()

    def take(self, sequence: str | None) -> T | None:
        """The next task of a sequence, or the first of a new one, or the last of the longest one left."""
        left = {name: group for name, group in self._groups.items() if group}
        if not left:
            return None
        chosen = next((name for name in left if name not in self._begun), None)
        if sequence is not None and sequence in left:
            chosen = sequence
        if chosen is None:
            return max(left.values(), key=len).pop()
        self._begun.add(chosen)
        return left[chosen].pop(0)
