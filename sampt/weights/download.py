"""The folder of downloaded weights: a checkpoint is there, or it is fetched; and it is what it should be."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal, TypedDict

import platformdirs
from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from sampt._internal.files import replacing
from sampt.errors import CheckpointError, ConfigError

from .registry import Checkpoint, find_checkpoint
from .transfer import Report, Retry, download, sha256_of

logger = logging.getLogger(__name__)

State = Literal["here", "wrong size", "incomplete", "absent"]


class Pin(TypedDict):
    """What a checkpoint without a published hash was when it was first seen."""

    sha256: str
    size: int
    url: str
    date: str


def weights_folder() -> Path:
    """``$SAMPT_HOME/weights``, or ``weights`` in the platform's cache folder."""
    home = os.environ.get("SAMPT_HOME")
    base = Path(home).expanduser() if home else Path(platformdirs.user_cache_dir("sampt", appauthor=False))
    return base / "weights"


def checkpoint_path(name: str) -> Path:
    """The verified file of a checkpoint of ``sampt.weights.registry.CHECKPOINTS``, downloaded if need be.

    Raises:
        ConfigError: there is no such checkpoint.
        CheckpointError: as ``ensure``.
    """
    return ensure(find_checkpoint(name))


def ensure(checkpoint: Checkpoint, retry: Retry | None = None) -> Path:
    """The verified file of ``checkpoint``, downloaded if need be. A second process waits for the first.

    Raises:
        CheckpointError: the file is not what it should be, cannot be downloaded or written, or would have
            to be downloaded though ``SAMPT_OFFLINE`` is set.
    """
    path = cached(checkpoint)
    if path.is_file():
        verify(checkpoint)
        return path
    if os.environ.get("SAMPT_OFFLINE", "").lower() not in ("", "0", "false", "no"):
        raise CheckpointError(
            f"{path} is missing, and SAMPT_OFFLINE forbids downloading it: fetch {_urls(checkpoint)[0]} "
            "elsewhere and put it there, or give a file of your own with --checkpoint PATH"
        )
    with _writing(path), _alone(path):
        if not path.is_file():
            _fetch(checkpoint, path, retry)
    return path


def cached(checkpoint: Checkpoint) -> Path:
    """Where the file of ``checkpoint`` is, or would be."""
    return weights_folder() / checkpoint.file


def state(checkpoint: Checkpoint) -> State:
    """What is in the folder, as far as it can be told at a glance; ``verify`` looks at every byte."""
    path = cached(checkpoint)
    if path.is_file():
        right = checkpoint.size in (None, path.stat().st_size)
        return "here" if right else "wrong size"
    return "incomplete" if _part(path).is_file() else "absent"


def verify(checkpoint: Checkpoint) -> None:
    """Compare the file with the published SHA-256, or with the one that was pinned.

    The whole file is hashed, each time it is used. With a processor that has SHA instructions that takes
    0.6 s a gigabyte, and a record of size and time instead would trust whatever was done to the file since.

    Raises:
        CheckpointError: the file is missing or not what it should be.
    """
    path = cached(checkpoint)
    try:
        size = path.stat().st_size
        digest = sha256_of(path).hexdigest() if checkpoint.size in (None, size) else None
    except OSError as error:
        raise CheckpointError(
            f"cannot read {path} ({error.strerror or error}): run `sampt weights download {checkpoint.name}`"
        ) from error
    if digest is None:
        problem = f"has {size:,} bytes, expected {checkpoint.size:,}"
    else:
        expected = _expected(checkpoint)
        if expected is None:
            with suppress(CheckpointError):  # a folder that cannot be written can still be used
                _pin(path, digest, "")
        if expected in (None, digest):
            return
        problem = f"has the SHA-256 {digest}, expected {expected}"
    raise CheckpointError(
        f"{path} is damaged, or another file: it {problem}; run `sampt weights remove {checkpoint.name}` to "
        "have it downloaded again, or give a file of your own with --checkpoint PATH"
    )


def remove(checkpoint: Checkpoint) -> bool:
    """Delete the file and what has come of an unfinished download; whether there was any.

    A pinned SHA-256 stays, so that the next download is compared with it.

    Raises:
        CheckpointError: the folder cannot be written.
    """
    path = cached(checkpoint)
    found = [p for p in (path, _part(path), path.with_name(path.name + ".part.json")) if p.exists()]
    if found:
        with _writing(path), _alone(path):
            for one in found:
                one.unlink(missing_ok=True)
    return bool(found)


def _fetch(checkpoint: Checkpoint, path: Path, retry: Retry | None) -> None:
    urls = _urls(checkpoint)
    logger.info("downloading %s from %s to %s", checkpoint.file, urls[0], path.parent)
    logger.info("licence %s; please cite %s", checkpoint.licence, checkpoint.citation)
    if checkpoint.commercial is False:
        logger.warning("%s: NOT for commercial use, by its licence %s", checkpoint.name, checkpoint.licence)
    elif checkpoint.commercial is None:
        logger.info("whether these weights may be used commercially is not stated by their publisher")
    if checkpoint.sha256 is None:
        logger.warning("no SHA-256 of %s is published: what comes first is pinned", checkpoint.file)
    expected = _expected(checkpoint)
    with _progress(checkpoint.file) as report:
        fetched = download(urls, path, sha256=expected, size=checkpoint.size, retry=retry, report=report)
    if expected is None:
        _pin(path, fetched.sha256, fetched.url)


def _urls(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Where to look for the file: on the mirror alone, if there is one."""
    mirror = os.environ.get("SAMPT_WEIGHTS_URL")
    if not mirror:
        return checkpoint.urls
    if not mirror.startswith(("https://", "http://")):
        raise ConfigError(f"SAMPT_WEIGHTS_URL is {mirror!r}; give a URL that begins with https:// or http://")
    return (f"{mirror.rstrip('/')}/{checkpoint.file}",)


def _expected(checkpoint: Checkpoint) -> str | None:
    if checkpoint.sha256 is not None:
        return checkpoint.sha256
    pin = _pins().get(checkpoint.file)
    return pin["sha256"] if pin else None


def _lock_file() -> Path:
    return weights_folder() / "weights.lock.json"


def _pins() -> dict[str, Pin]:
    try:
        pins: dict[str, Pin] = json.loads(_lock_file().read_text())
        if all(isinstance(pin["sha256"], str) for pin in pins.values()):
            return pins
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise CheckpointError(f"{_lock_file()} cannot be read as JSON of pinned hashes: mend it, or delete it")


def _pin(path: Path, sha256: str, url: str) -> None:
    """Write down what ``path`` is, to be compared from now on."""
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    with _writing(_lock_file()), _alone(_lock_file()):
        pin = Pin(sha256=sha256, size=path.stat().st_size, url=url, date=date)
        pins = _pins() | {path.name: pin}
        with replacing(_lock_file()) as temporary:
            temporary.write_text(json.dumps(pins, indent=2, sort_keys=True) + "\n")


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Make the folder of ``path``, and say plainly if nothing can be written there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise CheckpointError(
            f"cannot write in {path.parent} ({error.strerror or error}); set SAMPT_HOME to a folder that can "
            "be written"
        ) from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Only one process at a time."""
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("waiting for another process that is working on %s", path)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _progress(title: str) -> Iterator[Report]:
    """A progress bar on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(
        TextColumn(title, markup=False),
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
