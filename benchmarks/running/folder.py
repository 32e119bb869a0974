"""The folder of a run, which says what is finished, and in which nothing is ever half-written."""

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

from sampt._internal.files import check_text, check_writable, read_json, write_json
from sampt._internal.names import plural
from sampt.errors import EvaluationError, OutputError, SamptError

from .record import SequenceRecord

logger = logging.getLogger(__name__)

IDENTITY = ("task", "dataset", "config", "checkpoints", "seeds")
"""The keys of run.json that must be equal for a run to resume; the others are only information."""

BESIDE_MASKS = ("*_results-*.csv", "results.json")
"""The files about one seed beside its sequences' folders; they are written when a run is finished."""

RUN_FILES = (
    "run.json",
    "records",
    "seed-*",
    "overlapping",
    "overlays",
    "metrics.csv",
    *BESIDE_MASKS,
    "report.html",
    "interactions.csv",
    "curve.*",
)
"""What a run writes into its folder beside one folder per sequence."""

RESERVED = (*RUN_FILES, "wandb", ".*")
"""The patterns of names that no sequence may have."""

_MAY_DIFFER = ("dataset.root", "config.cache.", "config.segmenter.checkpoint", "config.tracker.checkpoint")
"""The prefixes of keys that may differ all the same: weights are identified by their hashes, not paths."""

_PARTIAL = ".partial"

Description = Mapping[str, Any]
"""The contents of run.json as plain values: the keys in ``IDENTITY``, versions, hardware and more."""


@dataclass(frozen=True)
class RunFolder:
    """The results of one setting on one dataset, with one or several seeds.

    ::

        run.json                          what was run
        records/<seed>/<sequence>.json    scores, times, counts
        <sequence>/00000.png …            masks; in seed-<n>/<sequence>/ if there are several seeds
        overlays/<sequence>.mp4           the first seed's masks over the frames, if asked for

    A sequence is finished when its folder exists, which is made last.
    """

    path: Path
    seeds: tuple[int, ...]

    @classmethod
    def existing(cls, path: Path) -> RunFolder:
        """The folder of an earlier run, to read from.

        Raises:
            EvaluationError: it has no run.json, or a damaged one.
        """
        file = path / "run.json"
        if not file.is_file():
            raise EvaluationError(f"{path} has no run.json: give the folder of a run, such as of `sampt vos`")
        try:
            described = read_json(file)
            return cls(path, tuple(map(int, described["seeds"])))
        except (SamptError, ValueError, KeyError, TypeError) as error:
            raise EvaluationError(f"{file} is damaged; run the benchmark again with --overwrite") from error

    @property
    def description(self) -> dict[str, Any]:
        """The description of the run, written by the process that started it."""
        described: dict[str, Any] = read_json(self.path / "run.json", EvaluationError)
        return described

    def masks(self, seed: int) -> Path:
        """The folder that contains all sequences' folders."""
        return self.path if len(self.seeds) == 1 else self.path / f"seed-{seed}"

    def record_file(self, seed: int, sequence: str) -> Path:
        return self.path / "records" / str(seed) / f"{sequence}.json"

    def finished(self, seed: int, sequence: str) -> bool:
        return (self.masks(seed) / sequence).is_dir() and self.record_file(seed, sequence).is_file()

    def finished_of(self, seed: int, sequences: Sequence[str]) -> list[str]:
        """The finished sequences among ``sequences``, in that order."""
        return [sequence for sequence in sequences if self.finished(seed, sequence)]

    def whole(self, sequences: Sequence[str]) -> bool:
        """Whether all of ``sequences`` are finished with every seed."""
        return all(self.finished(seed, sequence) for seed in self.seeds for sequence in sequences)

    def records(self, seed: int, sequences: Sequence[str]) -> list[SequenceRecord]:
        """The records of the finished sequences among ``sequences``, in that order."""
        return [
            SequenceRecord.read(self.record_file(seed, sequence))
            for sequence in self.finished_of(seed, sequences)
        ]

    def overlapping(self, seed: int) -> Path:
        """The folder of all sequences' overlapping masks, kept apart because no server expects them."""
        return self.path / "overlapping" / self.masks(seed).relative_to(self.path)

    def overlay(self, sequence: str) -> Path:
        """The video of the first seed's masks over the frames; it exists only if it was asked for."""
        return self.path / "overlays" / f"{sequence}.mp4"

    def add(
        self, record: SequenceRecord, files: Mapping[str, bytes], overlapping: Mapping[str, bytes]
    ) -> None:
        """Save a finished sequence.

        Args:
            record: its record.
            files: the files of its folder by name.
            overlapping: its overlapping masks by name, if any.

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
        """Remove what an earlier run left behind when it was killed while writing."""
        places = [place for seed in self.seeds for place in (self.masks(seed), self.overlapping(seed))]
        for parent in (self.path, self.path / "overlapping", *places):
            for folder in parent.glob(f".*{_PARTIAL}"):
                shutil.rmtree(folder, ignore_errors=True)
        for pattern in (".*.json", "records/*/.*.json"):
            for file in self.path.glob(pattern):
                file.unlink(missing_ok=True)


def _write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder, whole or not at all, replacing an older one."""
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
    """Open the folder of a new or earlier run for this process alone.

    A run can be resumed with more seeds. If it had only one, its masks move to that seed's own folder.

    Yields:
        The folder.

    Raises:
        OutputError: the folder contains another run or other files, another process is writing into it, or it
            cannot be written.
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
            logger.warning("%s was started with other software versions, which its run.json lists", path)
        folder.clear_partial()
        if before and len(before["seeds"]) == 1:
            _settle(folder, before["seeds"][0])
        if before is None or before["seeds"] != list(folder.seeds):
            write_json(path / "run.json", {**(before or description), "seeds": folder.seeds})
        yield folder
    finally:
        lock.release()
        with suppress(OSError):
            (path / ".lock").unlink()


def check_run(path: Path, description: Description, overwrite: bool = False) -> dict[str, Any] | None:
    """Check whether a run can be written into a folder, without changing it.

    Args:
        path: the folder.
        description: as much of the description as is known; only that is compared.
        overwrite: another run in the folder may be replaced.

    Returns:
        The description of the earlier run that this one resumes; None if it starts from the beginning.

    Raises:
        OutputError: the folder contains another run or other files.
    """
    file = path / "run.json"
    check_text(path)
    check_writable(path, "choose another --output")
    if overwrite and file.is_file():
        return None
    if not file.exists():
        files = path.iterdir() if path.is_dir() else ()
        strange = next((p.name for p in files if not p.name.startswith(".")), None)
        if strange:
            raise OutputError(
                f"{path} contains {strange}, but no run.json of an earlier run: choose another --output"
            )
        return None
    try:
        there: dict[str, Any] = read_json(file)
        known = [key for key in IDENTITY if key in description]
        before = _comparable({key: there[key] for key in known})
        seeds, asked = set(there["seeds"]), set(description["seeds"])
    except (SamptError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{file} is damaged; give --overwrite to start over") from error
    now = _comparable(json.loads(json.dumps({key: description[key] for key in known})))
    differing = [
        key
        for key in {**before, **now}
        if before.get(key) != now.get(key) and not key.startswith(_MAY_DIFFER)
    ]
    if seeds < asked:
        differing.remove("seeds")
    if differing == ["seeds"] and asked < seeds:
        raise OutputError(
            f"{path} contains a run with {plural(len(seeds), 'seed')}, more than the {len(asked)} asked for: "
            f"give --seeds {len(seeds)}, choose another --output, or give --overwrite to start over"
        )
    if differing:
        key = differing[0]
        raise OutputError(
            f"{path} contains another run ({key} is {before.get(key)} there and {now.get(key)} here): choose "
            "another --output, or give --overwrite to start over"
        )
    return there


def _settle(folder: RunFolder, only: int) -> None:
    """Move the results of a seed that was the only one to where they belong, in one rename per sequence.

    If the process is killed in between, run.json still names only this seed. So the next process to open the
    folder moves all of them to where they belong then.
    """
    grows = len(folder.seeds) > 1
    for flat in (folder.path / "overlapping", folder.path):  # masks last, as they say what is finished
        nested = flat / f"seed-{only}"
        source, target = (flat, nested) if grows else (nested, flat)
        for name in (file.stem for file in folder.path.glob(f"records/{only}/*.json")):
            if (source / name).is_dir() and not (target / name).exists():
                target.mkdir(exist_ok=True)
                (source / name).rename(target / name)
        if not grows:
            with suppress(OSError):  # as a rule, it does not exist
                nested.rmdir()
    for pattern in BESIDE_MASKS if grows else ():
        for file in folder.path.glob(pattern):
            file.unlink()


def _comparable(description: Description) -> dict[str, Any]:
    """The description by keys like ``config.tracker.name``, without empty options."""
    return {key: value for key, value in flattened(description).items() if value != {}}


def flattened(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as a single one with keys like ``config.tracker.name``; empty ones are kept."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        flat |= flattened(value, f"{name}.") if isinstance(value, Mapping) and value else {name: value}
    return flat


def _empty(path: Path) -> None:
    """Remove an earlier run and nothing else."""
    for nested in path.glob("*/run.json"):  # of a sweep
        shutil.rmtree(nested.parent)
    sequences = {file.stem for file in path.glob("records/*/*.json")}
    for pattern in (*RUN_FILES, *map(glob.escape, sequences)):
        for entry in path.glob(pattern):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
