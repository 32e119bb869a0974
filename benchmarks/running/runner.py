"""Running a benchmark: bad input is refused at once, then everything unfinished is done and saved."""

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
"""Disk space for a sequence's embeddings when several runs share them."""


@dataclass(frozen=True)
class RunPlan:
    """The plan of a run, in one setting or several.

    Attributes:
        task: kind of benchmark, such as "vos".
        dataset: what ``run.json`` says about the dataset.
        sequences: names of the sequences.
        configs: configurations by the names of their settings; a single one is called "".
        seeds: the seeds that each setting is run with.
        make_work: makes, in a worker, the function that does tasks, from configurations by name.
        more_config: settings that ``run.json`` shows beside those of the configuration.
        facts: what else ``run.json`` says; runs that differ only in it are the same.
        sweep: for several settings, each in its own folder, what the ``run.json`` above them says.
        share_embeddings: encode each frame once, and keep its embedding on disk during a sequence's runs;
            otherwise do as the configurations say.
    """

    task: str
    dataset: Mapping[str, Any]
    sequences: tuple[str, ...]
    configs: Mapping[str, Config]
    seeds: tuple[int, ...]
    make_work: MakeSettingsWork
    more_config: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    sweep: Mapping[str, Any] | None = None
    share_embeddings: bool = False

    def check(self, output: Path, overwrite: bool) -> None:
        """Check, without torch or weights, whether the run can be written into ``output``.

        Raises:
            OutputError: a folder contains another run or other files.
        """
        for folder, description in self._by_folder(self._requests()).items():
            check_run(output / folder, description, overwrite)

    @contextmanager
    def begun(self, output: Path, overwrite: bool) -> Iterator[dict[str, RunFolder]]:
        """Open the folders of all settings, new or from an earlier run, for this process alone.

        Yields:
            The folders by the names of their settings.

        Raises:
            OutputError: a folder contains another run or other files, another process is writing into it, or
                it cannot be written.
            CheckpointError: a checkpoint is missing, or cannot be downloaded.
        """
        requests = self._requests()
        full = {
            name: requests[name] | dict(self.facts) | describe_machine(config)
            for name, config in self.configs.items()
        }
        with ExitStack() as stack:
            folders = {
                folder: stack.enter_context(open_run(output / folder, description, overwrite))
                for folder, description in self._by_folder(full).items()
            }
            yield {name: folders[name] for name in self.configs}

    def finished(self, folders: Mapping[str, RunFolder]) -> bool:
        """Whether nothing is left to do in the folders of all settings."""
        return all(folder.whole(self.sequences) for folder in folders.values())

    def run(
        self,
        folders: Mapping[str, RunFolder],
        engine: Engine,
        strict: bool = False,
        progress: Progress | None = None,
    ) -> dict[SequenceTask, str]:
        """Do what is not finished in the folders of all settings, as ``run_missing`` says."""
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
        """The descriptions by the names of folders below the output; its own is called ""."""
        if self.sweep is None:
            return dict(descriptions)
        return {"": next(iter(descriptions.values())) | dict(self.sweep), **descriptions}


@dataclass(frozen=True)
class BenchmarkRun:
    """The results of a run, from this call and earlier ones.

    Attributes:
        folder: where everything was written.
        means: one row per seed, one column per measure of the whole set, 0..1; empty without public
            ground truth.
        report: the contents of report.html, such as measures by sequence, times and counts.
        total: number of sequences of the dataset.
        failures: the sequences that failed in this call, and why; the same call tries them again.
        notes: sentences about what could not be scored.
        was_finished: whether earlier calls had done everything, so that this one only reported it.
        offline: the folder that W&B wrote, if the run was logged without contacting its server.
    """

    folder: Path
    means: pd.DataFrame
    report: RunReport
    total: int
    failures: Mapping[SequenceTask, str]
    notes: tuple[str, ...] = ()
    was_finished: bool = False
    offline: Path | None = None

    @property
    def finished(self) -> int:
        """The number of sequences that are finished with at least one seed."""
        return self.report.covered


def seeds_of(count: int, config: Config) -> tuple[int, ...]:
    """The seeds of ``count`` runs, from 0; a single run takes the configuration's seed.

    Raises:
        ConfigError: there are several, and the configuration names one.
    """
    if count == 1:
        return (config.seed,)
    if config.seed:
        raise ConfigError(f"seed {config.seed} and --seeds {count} contradict each other; give one of them")
    return tuple(range(count))


def _with_embeddings_on_disk(config: Config) -> Config:
    """The configuration with embeddings that outlast a run."""
    cache = config.cache
    return replace(config, cache=replace(cache, disk_bytes=cache.disk_bytes or SHARED_DISK_BYTES))
