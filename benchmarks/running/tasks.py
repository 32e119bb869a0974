"""Tasks: one sequence with one seed in one setting, handed out by engines and kept in run folders."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple, TypeVar

from sampt.errors import DatasetError, SamptError

from ..datasets.base import Progress, SequenceDataset
from ..datasets.sequences import check_name
from .engine import Worker, run_tasks
from .folder import RESERVED, RunFolder
from .record import SequenceRecord

logger = logging.getLogger(__name__)

S = TypeVar("S")


@dataclass(frozen=True)
class SequenceTask:
    """One sequence with one seed in one of the worker's settings."""

    sequence: str
    seed: int
    setting: str = ""

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.sequence, self.setting, f"seed {self.seed}")))


class TaskResult(NamedTuple):
    """The result of a task.

    Attributes:
        record: the sequence's record.
        files: the files of the sequence's folder by name.
        overlapping: every object's own masks, as ``<id>/<frame>.png``, if the setting keeps overlapping
            masks.
    """

    record: SequenceRecord
    files: Mapping[str, bytes]
    overlapping: Mapping[str, bytes]


def open_sequences(dataset: SequenceDataset[S], chosen: Sequence[str] = ()) -> dict[str, S]:
    """The chosen sequences, or all, by name in the dataset's order.

    Raises:
        DatasetError: there is no such sequence, one of its files is missing or invalid, or its name is
            reserved for another file in a run's folder.
    """
    for name in chosen:
        check_name(dataset.name, name, dataset.names)
    opened = {}
    for name in dataset.names:
        if chosen and name not in chosen:
            continue
        if any(fnmatchcase(name, pattern) for pattern in RESERVED):
            raise DatasetError(
                f"sequence {name} of {dataset.name} has the name of a file in the run's folder; rename it"
            )
        opened[name] = dataset[name]
    return opened


def run_missing(
    sequences: Sequence[str],
    folders: Mapping[str, RunFolder],
    workers: Callable[[], Sequence[Worker]],
    *,
    strict: bool = False,
    progress: Progress | None = None,
) -> dict[SequenceTask, str]:
    """Do what is not finished yet in the folders of all settings.

    Args:
        sequences: names of the sequences.
        folders: the folders by the names of their settings.
        workers: makes the workers, if there is anything to do.
        strict: raise the first error of a task instead of continuing with the others.
        progress: called with how many tasks are done, and how many there are, including finished ones; not
            if there is nothing to do.

    Returns:
        The tasks that failed, and why.

    Raises:
        SamptError: an error concerns all tasks or, with ``strict``, any task.
    """
    every = [
        SequenceTask(sequence, seed, setting)
        for sequence in sequences
        for setting, folder in folders.items()
        for seed in folder.seeds
    ]
    tasks = [t for t in every if not folders[t.setting].finished(t.seed, t.sequence)]
    if not tasks:
        return {}
    done, failures = len(every) - len(tasks), dict[SequenceTask, str]()
    report = progress or (lambda done, total: None)
    report(done, len(every))
    for outcome in run_tasks(tasks, workers()):
        task = outcome.task
        if outcome.error is None:
            assert outcome.result is not None
            folders[task.setting].add(*outcome.result)
        elif strict:
            raise outcome.error
        else:
            expected = isinstance(outcome.error, SamptError)
            failures[task] = " ".join(str(outcome.error).split()) if expected else repr(outcome.error)
            logger.error("%s failed: %s", task, failures[task])
            logger.debug("traceback of %s", task, exc_info=outcome.error)
        done += 1
        report(done, len(every))
    return failures
