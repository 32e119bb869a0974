"""Logging a finished run to Weights & Biases, which needs the optional extra ``wandb``."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from sampt.errors import ConfigError

from ..datasets.sequences import check_name
from . import charts
from .report import RunReport

Mode = Literal["online", "offline"]


@dataclass(frozen=True)
class WandbLog:
    """The options for logging a finished run.

    Attributes:
        mode: "online", or "offline" to contact no server at all.
        videos: names of sequences to log as videos.
        project: name of the W&B project.
    """

    mode: Mode = "online"
    videos: tuple[str, ...] = ()
    project: str = "sampt"

    def check(self, sequences: Collection[str]) -> None:
        """Check before a run of ``sequences`` whether it can be logged.

        Raises:
            ConfigError: the package wandb is not installed, or online logging has no login.
            DatasetError: one of ``videos`` is not a sequence of the run.
        """
        wandb = _wandb(self.mode)
        if self.mode == "online" and not wandb.login(prompt=False):
            raise ConfigError("--wandb needs a login: run `wandb login`, or use --wandb-mode offline")
        for name in self.videos:
            check_name("this run", name, sequences)

    def log(self, report: RunReport, folder: Path, write_video: Callable[[str, Path], None]) -> Path | None:
        """Log a run.

        Args:
            report: the run's report.
            folder: the run's folder.
            write_video: writes a sequence's overlay as MP4.

        Returns:
            In mode "offline", the folder that ``wandb sync`` uploads; otherwise None.

        Raises:
            ConfigError: W&B cannot be reached.
        """
        done = {record.sequence for record in report.records if record.seed == report.seeds[0]}
        with TemporaryDirectory(prefix="sampt-") as temporary:
            videos = {name: Path(temporary) / f"{name}.mp4" for name in self.videos if name in done}
            for name, path in videos.items():
                write_video(name, path)
            logged = log_run(report, folder, project=self.project, mode=self.mode, videos=videos)
        return logged if self.mode == "offline" else None


def log_run(
    report: RunReport,
    folder: Path,
    *,
    project: str = "sampt",
    mode: Mode = "online",
    videos: Mapping[str, Path] | None = None,
) -> Path:
    """Log a run's configuration, measures, table of sequences, timings and videos.

    Measures go into the run's summary: means over seeds by name ("J&F-Mean"), each seed's as
    "seed 0/J&F-Mean", and seconds as "seconds/track".

    Args:
        report: the run's report.
        folder: where W&B writes its files; offline runs stay there until ``wandb sync`` uploads them.
        project: name of the W&B project.
        mode: "online", or "offline" to contact no server at all.
        videos: sequence → MP4 file, such as ``overlay_video`` writes.

    Returns:
        The logged run's folder; its files are complete once the process ends, or after ``wandb.teardown()``.

    Raises:
        ConfigError: the package wandb is not installed, or its server cannot be used.
    """
    wandb = _wandb(mode)
    folder.mkdir(parents=True, exist_ok=True)
    settings = wandb.Settings(
        silent=True, console="off", disable_code=True, disable_git=True, x_disable_stats=True
    )
    try:
        with wandb.init(
            project=project,
            name=report.title,
            dir=str(folder),
            mode=mode,
            config=_config(report),
            settings=settings,
            reinit="create_new",
        ) as run:
            run.log({"sequences": _table(wandb, report), **_videos(wandb, videos or {})})
            run.summary.update(_summary(report))
            return Path(run.dir).parent
    except wandb.errors.Error as error:
        reason = str(error).strip().rstrip(".")
        raise ConfigError(
            f"--wandb cannot reach Weights & Biases ({reason}); log in with `wandb login`, or use "
            "--wandb-mode offline"
        ) from error


def _wandb(mode: Mode) -> Any:
    if mode == "offline":  # read when the package is imported, and by its background process
        os.environ["WANDB_ERROR_REPORTING"] = "false"
    try:
        return importlib.import_module("wandb")
    except ImportError as error:
        raise ConfigError("--wandb needs another package; install it: pip install 'sampt[wandb]'") from error


def _config(report: RunReport) -> dict[str, Any]:
    return {
        "dataset": report.dataset,
        "split": report.split,
        "protocol": report.protocol,
        "seeds": list(report.seeds),
        **report.run,
    }


def _table(wandb: Any, report: RunReport) -> Any:
    """A table with a row for each sequence and seed: size, seconds, and measures as means over seeds."""
    measures = tuple(dict.fromkeys(name for values in report.per_sequence.values() for name in values))
    table = wandb.Table(columns=["sequence", "seed", "objects", "frames", "seconds", *measures])
    for record in report.records:
        values = report.per_sequence.get(record.sequence, {})
        table.add_data(
            record.sequence,
            record.seed,
            record.objects,
            record.frames,
            charts.wall_seconds(record),
            *(values.get(measure) for measure in measures),
        )
    return table


def _videos(wandb: Any, videos: Mapping[str, Path]) -> dict[str, Any]:
    return {f"videos/{name}": wandb.Video(str(path), format="mp4") for name, path in videos.items()}


def _summary(report: RunReport) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for name in report.measure_names:
        values = report.over_seeds(name)
        summary[name] = sum(values) / len(values)
    for seed, means in report.measures.items():
        summary |= {f"seed {seed}/{name}": value for name, value in means.items()}
    for record in report.records:
        for stage, seconds in record.seconds.items():
            summary[f"seconds/{stage}"] = summary.get(f"seconds/{stage}", 0.0) + seconds
    summary |= {f"encoder/{name}": count for name, count in charts.counters(report.records).items()}
    return summary | {"failed": sorted(report.failures)}
