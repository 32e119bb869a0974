"""One row, run by the function of its kind and compared with what is published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sampt._internal.names import plural
from sampt.config import Config

from ..ablations.benchmark import SweepRun, run_sweep
from ..datasets.base import DatasetChoice, Progress
from ..interactive.benchmark import InteractiveRun, run_interactive_benchmark
from ..interactive.walks import Rules
from ..running.runner import BenchmarkRun
from ..running.workers import Engine
from ..vis.benchmark import run_vis
from ..vis.settings import VisConfig
from ..vos.benchmark import run_vos
from .catalogue import Row
from .comparison import Compared, compared, mean_and_deviation

if TYPE_CHECKING:
    from ..ablations.sweep import Sweep


@dataclass(frozen=True)
class Reproduced:
    """A finished row.

    Attributes:
        done: what the function of its kind returned.
        tables: the measures beside the published ones, by the names of a sweep's settings; those of a single
            run are called "". Empty if nothing can be scored here.
        failures: number of sequences that failed, for a sweep of runs of them.
        partly: what the run covers if that is only a part of the split; else empty.
    """

    done: BenchmarkRun | SweepRun | InteractiveRun
    tables: Mapping[str, list[Compared]]
    failures: int
    partly: str = ""


def run_row(
    row: Row,
    root: str | Path,
    output: str | Path,
    settings: Config | Sweep,
    *,
    adapt: Callable[[Config], Config] | None = None,
    sequences: Sequence[str] = (),
    seeds: int | None = None,
    engine: Engine | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Reproduced:
    """Run a row and compare it with the published numbers; called again, it resumes.

    Args:
        row: the row, which has a run.
        root: the dataset's folder.
        output: the run's folder.
        settings: the configuration, or the sweep if the run is one.
        adapt: as in ``run_sweep``.
        sequences: names of the sequences to run; all if empty.
        seeds: number of seeds; None for 1, or for the sweep's own number.
        engine: what does the work; None for this process.
        strict: raise the first error of a sequence instead of continuing with the others.
        overwrite: start over if the folder contains another run.
        progress: called with how many tasks are done, and how many there are.

    Raises:
        SamptError: as in ``run_vos``; also ``ConfigError`` if an interactive row gets several seeds.
    """
    row.check_seeds(seeds)
    choice = DatasetChoice(row.dataset, Path(root), row.split, dict(row.options))
    how: dict[str, Any] = {"engine": engine, "strict": strict, "overwrite": overwrite, "progress": progress}
    if not isinstance(settings, Config):
        how |= {"sequences": sequences, "seeds": seeds, "adapt": adapt}
        sweep = run_sweep(settings, choice, output, **how)
        return Reproduced(sweep, _sweep_tables(row, sweep), len(sweep.failures), _partly(sequences))
    if row.run == "interactive":
        how |= {"sequences": sequences, "rules": Rules(**row.rules)}
        walks = run_interactive_benchmark(choice, settings, output, **how)
        return Reproduced(walks, {}, len(walks.failures), _partly(sequences))
    if isinstance(settings, VisConfig):
        done: BenchmarkRun = run_vis(choice, settings, output, videos=sequences, seeds=seeds or 1, **how)
    else:
        done = run_vos(choice, settings, output, sequences=sequences, seeds=seeds or 1, **how)
    partly = "" if done.finished == done.total else f"{done.finished} of {done.total} sequences"
    if not partly and not done.report.complete:
        partly = f"the {plural(done.total, 'sequence')} of a smaller copy of the dataset"
    return Reproduced(done, _tables(row, done), len(done.failures), partly)


def _tables(row: Row, done: BenchmarkRun) -> dict[str, list[Compared]]:
    if done.means.empty:
        return {}
    ours = {str(name): mean_and_deviation(values.tolist()) for name, values in done.means.items()}
    found = row.published()
    return {"": compared(found.values if found else {}, ours)}


def _sweep_tables(row: Row, sweep: SweepRun) -> dict[str, list[Compared]]:
    tables = {}
    for setting, means in sweep.means.iterrows():
        names = dict.fromkeys(name for name, _ in means.index)
        ours = {str(name): (float(means[name, "mean"]), float(means[name, "std"])) for name in names}
        method = row.settings.get(str(setting), "")
        found = row.published(method) if method else None
        tables[str(setting)] = compared(found.values if found else {}, ours)
    return tables


def _partly(sequences: Sequence[str]) -> str:
    return ", ".join(sequences)
