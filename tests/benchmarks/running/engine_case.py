"""Tasks for engines, importable in other processes."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from sampt.errors import ConfigError, DatasetError


@dataclass(frozen=True)
class Job:
    sequence: str
    number: int = 0
    does: str = "work"


@dataclass(frozen=True)
class Maker:
    """Makes a worker that notes in ``folder`` what it has begun; picklable, as engines want."""

    folder: Path

    def __call__(self) -> Crew:
        return Crew(self.folder)


class Crew:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, job: Job) -> tuple[str, int, int]:
        earlier = len(list(self.folder.glob(f"{job.sequence}-{job.number}-*")))
        (self.folder / f"{job.sequence}-{job.number}-{earlier}").write_text(str(os.getpid()))
        if job.does == "fail":
            raise DatasetError(f"{job.sequence} is broken; repair it")
        if job.does == "misconfigure":
            raise ConfigError("no such thing; choose another")
        if job.does == "die" or (job.does == "die once" and not earlier):
            os.kill(os.getpid(), signal.SIGKILL)
        return job.sequence, job.number, os.getpid()
