"""Runs a benchmark: what can be refused is refused at once, then all that is missing is done and kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sampt.config import Config
from sampt.errors import ConfigError

from ..datasets.base import Progress
from .description import describe_machine, describe_request
from .folder import RunFolder, check_run, open_run
from .report import RunReport
from .tasks import SequenceTask, run_missing
from .workers import Engine, MakeSettingsWork

if TYPE_CHECKING:
    import pandas as pd

SHARED_DISK_BYTES = 64 << 30
"""Of a sequence's embeddings, kept where several runs share them."""


@dataclass(frozen=True)
class RunPlan:
    """What is to be run, in one setting or in several.

    Attributes:
        task: such as "vos".
        dataset: what ``run.json`` says of it.
        sequences: their names.
        configs: by the names of settings; an only one is called "".
        seeds: that each setting is run with.
        make_work: makes what does tasks in a worker, from configurations by their names.
        more_config: what ``run.json`` shows among the settings beside those of a configuration.
        sweep: of several settings, each in a folder of its own, what ``run.json`` above them says.
        share_embeddings: each frame is encoded once, and its embedding kept on disk while a sequence's runs
            last; else only as the configurations say.
    """

    task: str
    dataset: Mapping[str, Any]
    sequences: tuple[str, ...]
    configs: Mapping[str, Config]
    seeds: tuple[int, ...]
    make_work: MakeSettingsWork
    more_config: Mapping[str, Any] = field(default_factory=dict)
    sweep: Mapping[str, Any] | None = None
    share_embeddings: bool = False

    def check(self, output: Path, overwrite: bool) -> None:
        """Find out, without torch or weights, whether the run can go there.

        Raises:
            OutputError: a folder holds another run, or other files.
        """
        for folder, description in self._by_folder(self._requests()).items():
            check_run(output / folder, description, overwrite)

    @contextmanager
    def begun(self, output: Path, overwrite: bool) -> Iterator[dict[str, RunFolder]]:
        """The folders of all settings, new or begun earlier, for this process alone.

        Raises:
            OutputError: a folder holds another run or other files, another process is at it, or it cannot be
                written.
            CheckpointError: a checkpoint is missing, or cannot be downloaded.
        """
        requests = self._requests()
        full = {name: requests[name] | describe_machine(config) for name, config in self.configs.items()}
        with ExitStack() as stack:
            folders = {
                folder: stack.enter_context(open_run(output / folder, description, overwrite))
                for folder, description in self._by_folder(full).items()
            }
            yield {name: folders[name] for name in self.configs}

    def run(
        self,
        folders: Mapping[str, RunFolder],
        engine: Engine,
        strict: bool = False,
        progress: Progress | None = None,
    ) -> dict[SequenceTask, str]:
        """Do what is not finished in the folders of all settings; ``run_missing`` tells the rest."""
        configs = self.configs
        if self.share_embeddings:
            configs = {name: _with_embeddings_on_disk(config) for name, config in configs.items()}
        return run_missing(
            self.sequences,
            folders,
            lambda: engine.make_workers(self.make_work, configs),
            strict=strict,
            progress=progress,
        )

    def _requests(self) -> dict[str, dict[str, Any]]:
        return {
            name: describe_request(self.task, self.dataset, config, self.seeds, self.more_config)
            for name, config in self.configs.items()
        }

    def _by_folder(self, descriptions: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Descriptions by the names of folders below the output; its own is called ""."""
        if self.sweep is None:
            return dict(descriptions)
        return {"": next(iter(descriptions.values())) | dict(self.sweep), **descriptions}


@dataclass(frozen=True)
class BenchmarkRun:
    """What a run has come to, by this call and earlier ones.

    Attributes:
        folder: where everything was written.
        means: a row a seed, a column for each measure of the whole set, 0..1; empty without public truth.
        report: what report.html shows, such as measures by sequence, times and counts.
        total: how many sequences the dataset has.
        failures: what this call failed at, and why; the same call tries it again.
        notes: sentences about what could not be scored.
    """

    folder: Path
    means: pd.DataFrame
    report: RunReport
    total: int
    failures: Mapping[SequenceTask, str]
    notes: tuple[str, ...] = ()

    @property
    def finished(self) -> int:
        """How many sequences are finished with some seed."""
        return self.report.covered


def seeds_of(count: int, config: Config) -> tuple[int, ...]:
    """So many seeds from 0; of a single run, the configuration's.

    Raises:
        ConfigError: there are several, and the configuration names one.
    """
    if count == 1:
        return (config.seed,)
    if config.seed:
        raise ConfigError(f"seed {config.seed} and --seeds {count} contradict each other; give one of them")
    return tuple(range(count))


def _with_embeddings_on_disk(config: Config) -> Config:
    """The same, with embeddings that outlast one run."""
    cache = config.cache
    return replace(config, cache=replace(cache, disk_bytes=cache.disk_bytes or SHARED_DISK_BYTES))
