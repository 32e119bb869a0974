"""A run's folder: which sequences are finished, and that nothing is ever half there."""

from __future__ import annotations

import glob
import json
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sampt._internal.files import check_writable, write_json
from sampt.errors import OutputError

from .record import SequenceRecord

logger = logging.getLogger(__name__)

IDENTITY = ("task", "dataset", "config", "checkpoints", "seeds")
"""What has to be the same for two runs to be one; the rest of run.json only tells."""

RUN_FILES = (
    "run.json",
    "records",
    "seed-*",
    "overlapping",
    "metrics.csv",
    "*_results-*.csv",
    "results.json",
    "report.html",
    "interactions.csv",
    "curve.*",
)
"""What a run writes into its folder beside one folder a sequence."""

RESERVED = (*RUN_FILES, "wandb", ".*")
"""Patterns of names that no sequence may have."""

_MAY_DIFFER = ("dataset.root", "config.cache.", "config.segmenter.checkpoint", "config.tracker.checkpoint")
"""What may differ all the same, or begins what may: weights are known by their hashes, wherever they lie."""

_PARTIAL = ".partial"

Description = Mapping[str, Any]
"""What run.json holds: plain values; those of ``IDENTITY``, and versions, hardware, checkpoints …"""


@dataclass(frozen=True)
class RunFolder:
    """Results of one setting on one dataset, with one seed or several.

    ::

        run.json                          what was run
        records/<seed>/<sequence>.json    scores, times, counts
        <sequence>/00000.png …            masks; in seed-<n>/<sequence>/ if there are several seeds

    A sequence is finished when its folder is there, which is the last thing to be made.
    """

    path: Path
    seeds: tuple[int, ...]

    @property
    def description(self) -> dict[str, Any]:
        """What was run, of the process that began it."""
        described: dict[str, Any] = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        return described

    def masks(self, seed: int) -> Path:
        """The folder of all sequences' folders."""
        return self.path if len(self.seeds) == 1 else self.path / f"seed-{seed}"

    def record_file(self, seed: int, sequence: str) -> Path:
        return self.path / "records" / str(seed) / f"{sequence}.json"

    def finished(self, seed: int, sequence: str) -> bool:
        return (self.masks(seed) / sequence).is_dir() and self.record_file(seed, sequence).is_file()

    def finished_of(self, seed: int, sequences: Sequence[str]) -> list[str]:
        """The finished ones among ``sequences``, in that order."""
        return [sequence for sequence in sequences if self.finished(seed, sequence)]

    def whole(self, sequences: Sequence[str]) -> bool:
        """Whether all of ``sequences`` are finished with every seed."""
        return all(self.finished(seed, sequence) for seed in self.seeds for sequence in sequences)

    def records(self, seed: int, sequences: Sequence[str]) -> list[SequenceRecord]:
        """Those of the finished ones among ``sequences``, in that order."""
        return [
            SequenceRecord.read(self.record_file(seed, sequence))
            for sequence in self.finished_of(seed, sequences)
        ]

    def overlapping(self, seed: int) -> Path:
        """The folder of all sequences' overlapping masks, which no server wants among the others."""
        return self.path / "overlapping" / self.masks(seed).relative_to(self.path)

    def add(
        self, record: SequenceRecord, files: Mapping[str, bytes], overlapping: Mapping[str, bytes]
    ) -> None:
        """Keep a finished sequence: its record, the files of its folder, and its overlapping masks, if any.

        Raises:
            OutputError: they cannot be written.
        """
        record_file = self.record_file(record.seed, record.sequence)
        try:
            record_file.parent.mkdir(parents=True, exist_ok=True)
            record.write(record_file)
            if overlapping:
                _write_folder(self.overlapping(record.seed) / record.sequence, overlapping)
            _write_folder(self.masks(record.seed) / record.sequence, files)
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"cannot write into {self.path} ({reason}); choose another --output") from error

    def clear_partial(self) -> None:
        """Remove what a run left behind that was killed while it wrote."""
        for seed in self.seeds:
            for parent in (self.masks(seed), self.overlapping(seed)):
                for folder in parent.glob(f".*{_PARTIAL}"):
                    shutil.rmtree(folder, ignore_errors=True)
        for pattern in (".*.json", "records/*/.*.json"):
            for file in self.path.glob(pattern):
                file.unlink(missing_ok=True)


def _write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder that appears whole or not at all; an older one gives way."""
    partial = target.with_name(f".{target.name}{_PARTIAL}")
    try:
        for name, content in files.items():
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            (partial / name).write_bytes(content)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def open_run(path: Path, description: Description, overwrite: bool = False) -> Iterator[RunFolder]:
    """The folder of a run, new or begun earlier, for this process alone.

    A run with several seeds goes on with more of them.

    Raises:
        OutputError: it holds another run or other files, another process is at it, or it cannot be written.
    """
    folder = RunFolder(path, tuple(description["seeds"]))
    lock = FileLock(path / ".lock")
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise OutputError(
            f"another process is writing into {path}; wait for it, or choose another --output"
        ) from error
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"cannot write into {path} ({reason}); choose another --output") from error
    try:
        before = check_run(path, description, overwrite)
        if overwrite and (path / "run.json").is_file():
            _empty(path)
        elif before and before.get("versions") != description.get("versions"):
            logger.warning("%s was begun with other versions of software, which its run.json names", path)
        folder.clear_partial()
        if before is None or before["seeds"] != list(folder.seeds):
            write_json(path / "run.json", {**(before or description), "seeds": folder.seeds})
        yield folder
    finally:
        lock.release()
        with suppress(OSError):
            (path / ".lock").unlink()


def check_run(path: Path, description: Description, overwrite: bool = False) -> dict[str, Any] | None:
    """Look whether a run can go into a folder, which is only read.

    description: as much of it as is known; what is not is not compared.

    Returns:
        What was described when this run was begun; None if it is new, or begins anew.

    Raises:
        OutputError: the folder holds another run, or other files.
    """
    file = path / "run.json"
    check_writable(path)
    if overwrite and file.is_file():
        return None
    if not file.exists():
        files = path.iterdir() if path.is_dir() else ()
        strange = next((p.name for p in files if not p.name.startswith(".")), None)
        if strange:
            raise OutputError(
                f"{path} holds {strange}, but no run.json of an earlier run: choose another --output"
            )
        return None
    try:
        there: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        known = [key for key in IDENTITY if key in description]
        before = _comparable({key: there[key] for key in known})
        more = len(there["seeds"]) > 1 and set(there["seeds"]) < set(description["seeds"])
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{file} is damaged; give --overwrite to begin anew") from error
    now = _comparable(json.loads(json.dumps({key: description[key] for key in known})))
    differing = [
        key
        for key in {**before, **now}
        if before.get(key) != now.get(key) and not key.startswith(_MAY_DIFFER)
    ]
    if more:
        differing.remove("seeds")
    if differing:
        key = differing[0]
        raise OutputError(
            f"{path} holds another run ({key} is {before.get(key)} there and {now.get(key)} here): choose "
            "another --output, or give --overwrite to begin anew"
        )
    return there


def _comparable(description: Description) -> dict[str, Any]:
    """By keys like ``config.tracker.name``; options that are empty are as if they were not there."""
    return {key: value for key, value in flattened(description).items() if value != {}}


def flattened(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with keys like ``config.tracker.name``; one that is empty stays."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        flat |= flattened(value, f"{name}.") if isinstance(value, Mapping) and value else {name: value}
    return flat


def _empty(path: Path) -> None:
    """Remove an earlier run, and nothing else."""
    for nested in path.glob("*/run.json"):  # of a sweep
        shutil.rmtree(nested.parent)
    sequences = {file.stem for file in path.glob("records/*/*.json")}
    for pattern in (*RUN_FILES, *map(glob.escape, sequences)):
        for entry in path.glob(pattern):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
