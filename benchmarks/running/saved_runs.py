"""Reports on runs that are on disk, made from what their folders hold, without torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from sampt._internal.files import make_folder
from sampt.errors import ConfigError, DatasetError, EvaluationError

from ..datasets.base import DatasetChoice, Progress
from ..datasets.registry import open_dataset
from .folder import RunFolder
from .report import RunReport


@dataclass(frozen=True)
class RecordedDataset:
    """What a run's folder tells of its dataset when the dataset itself is not there: no frames."""

    name: str
    split: str
    protocol: str
    names: tuple[str, ...]

    def __getitem__(self, name: str, /) -> NoReturn:
        raise DatasetError(f"the frames of {name} are needed: give the dataset's folder with --root")


class SavedRun:
    """A run of ``sampt vos`` or ``sampt vis`` in its folder.

    Args:
        path: the run's folder.
        root: where its dataset is now; None for the folder that run.json names. A VOS run without its dataset
            has a report without pictures.

    Raises:
        EvaluationError: the folder has no such run, or what it lacks is not in a dataset either.
        DatasetError: the dataset is not in ``root``, or a run that needs it does not find it.
    """

    def __init__(self, path: Path, root: Path | None = None) -> None:
        self.folder = RunFolder.existing(path)
        self.path, self.run = path, self.folder.description
        if self.run.get("task") not in ("vos", "vis"):
            raise EvaluationError(
                f"{path} is not a run of `sampt vos` or `sampt vis`, which alone have reports: "
                f"{_instead(self.run)}"
            )
        try:
            given = self.run["dataset"]
            self.choice = DatasetChoice(
                given["name"], root or Path(given["root"]), given["split"], given["options"]
            )
        except (KeyError, TypeError) as error:
            file = path / "run.json"
            raise EvaluationError(f"{file} is damaged: it does not describe the dataset") from error
        self.dataset = self._open(given=root is not None)

    def _open(self, given: bool) -> Any:
        """The ``VosDataset`` or ``VisDataset``, or a ``RecordedDataset`` in its place."""
        from ..vis.datasets import open_vis_dataset

        vis = self.run["task"] == "vis"
        opener: Callable[..., Any] = open_vis_dataset if vis else open_dataset
        try:
            return self.choice.open(opener)
        except (DatasetError, ConfigError) as error:
            if given:
                raise
            if vis or "protocol" not in self.run:
                raise DatasetError(f"{error}; or say with --root where {self.choice.name} is") from error
        recorded = {file.stem for file in self.path.glob("records/*/*.json")}
        return RecordedDataset(
            self.choice.name, str(self.choice.split), self.run["protocol"], tuple(sorted(recorded))
        )

    @property
    def has_frames(self) -> bool:
        return not isinstance(self.dataset, RecordedDataset)

    @cached_property
    def finished(self) -> tuple[str, ...]:
        """The sequences that are finished with every seed, in the dataset's order."""
        return tuple(
            name
            for name in self.dataset.names
            if all(self.folder.finished(seed, name) for seed in self.folder.seeds)
        )

    def report(self, names: Sequence[str] | None = None) -> RunReport:
        """The report on the run, or on some of its sequences; its scores are those of the records.

        Raises:
            EvaluationError: nothing is finished.
        """
        wanted = self.dataset.names if names is None else tuple(names)
        report = self._vis(wanted) if self.run["task"] == "vis" else self._vos(wanted)
        if not report.records:
            raise EvaluationError(f"nothing is finished in {self.path}: run the benchmark first")
        records = [record for record in report.records if record.sequence in set(wanted)]
        if self.has_frames:
            return replace(report, records=records)
        whole = report.complete and len(self.dataset.names) >= self.run["sequences"]
        return replace(report, records=records, complete=whole, strip=None)

    def _vos(self, names: Sequence[str]) -> RunReport:
        from ..vos.scores import VosScores, make_report

        return make_report(self.folder, self.dataset, VosScores.of(self.folder, self.dataset, names), {})

    def _vis(self, names: Sequence[str]) -> RunReport:
        from ..vis.scores import VisScores, make_report

        return make_report(self.folder, self.dataset, VisScores.of(self.folder, self.dataset, names), {})

    def write_overlays(self, progress: Progress | None = None) -> list[Path]:
        """Write a video of the first seed's masks over the frames, for every finished sequence that has none.

        Args:
            progress: called with how many videos are done, and how many there are.

        Returns:
            The videos, also those that were there.

        Raises:
            DatasetError: the dataset is not there.
            SamptError: a frame or mask cannot be read, or a video cannot be written.
        """
        first = self.folder.seeds[0]
        names = self.folder.finished_of(first, self.dataset.names)
        make_folder(self.path / "overlays")
        for done, name in enumerate(names, start=1):
            video, masks = self.folder.overlay(name), self.folder.masks(first) / name
            if not video.is_file() or video.stat().st_mtime < masks.stat().st_mtime:
                self._write_overlay(name, masks, video)
            if progress:
                progress(done, len(names))
        return [self.folder.overlay(name) for name in names]

    def _write_overlay(self, name: str, masks: Path, video: Path) -> None:
        if self.run["task"] == "vis":
            from ..vis.pictures import MASKLETS, masklet_video

            masklet_video(self.dataset[name], masks / MASKLETS, video)
        else:
            from .strips import overlay_video

            overlay_video(self.dataset[name], masks, video)


def _instead(run: dict[str, Any]) -> str:
    """What to do with another kind of run."""
    if run.get("task") == "ablate":
        return "give the folders of some of the sweep's settings, which are in it"
    return "compare its curve with others by `sampt interactive-benchmark --compare`"


def runs_in(path: Path) -> list[Path]:
    """The folder itself, or those of all settings if it is one of ``sampt ablate``.

    Raises:
        EvaluationError: it has no run.json, or a damaged one.
    """
    run = RunFolder.existing(path).description
    if run.get("task") != "ablate":
        return [path]
    return [path / slug for slug in run["config"]["settings"].values()]
