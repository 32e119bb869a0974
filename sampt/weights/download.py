"""Folder of downloaded weights: checkpoints are downloaded when missing, and verified."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pooch
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

from sampt.errors import CheckpointError, ConfigError

from .registry import Checkpoint, find_checkpoint
from .resuming import ProgressCallback, ResumingDownloader, Retry, UnavailableError, origin_of, part_of

logger = logging.getLogger(__name__)

State = Literal["here", "wrong size", "incomplete", "absent"]


def weights_folder() -> Path:
    """Folder of the weights: ``$SAMPT_HOME/weights``, or ``weights`` in the platform's cache folder."""
    home = os.environ.get("SAMPT_HOME")
    return (Path(home).expanduser() if home else pooch.os_cache("sampt")) / "weights"


def checkpoint_path(name: str) -> Path:
    """Verified file of a checkpoint of ``sampt.weights.registry.CHECKPOINTS``, downloaded if necessary.

    Raises:
        ConfigError: there is no such checkpoint.
        CheckpointError: as ``ensure``.
    """
    return ensure(find_checkpoint(name))


def ensure(checkpoint: Checkpoint, retry: Retry | None = None) -> Path:
    """Verified file of ``checkpoint``, downloaded if necessary; a second process waits for the first.

    Raises:
        CheckpointError: the file is not what it should be, cannot be downloaded or written, or would have
            to be downloaded though ``SAMPT_OFFLINE`` is set.
    """
    path = cached(checkpoint)
    if path.is_file():
        verify(checkpoint)
        return path
    _check_online(checkpoint)
    with _lock(path):
        if not path.is_file():
            _download(checkpoint, retry or Retry())
    return path


def check_obtainable(name: str) -> None:
    """Check, without reading or downloading anything, that a checkpoint can be obtained.

    Raises:
        ConfigError: there is no such checkpoint.
        CheckpointError: it is not downloaded, and ``SAMPT_OFFLINE`` is set.
    """
    checkpoint = find_checkpoint(name)
    if not cached(checkpoint).is_file():
        _check_online(checkpoint)


def _check_online(checkpoint: Checkpoint) -> None:
    if os.environ.get("SAMPT_OFFLINE", "").lower() not in ("", "0", "false", "no"):
        raise CheckpointError(
            f"{cached(checkpoint)} is missing, and SAMPT_OFFLINE forbids downloading it: fetch "
            f"{_urls(checkpoint)[0]} elsewhere and put it there, or give a file of your own with "
            "--segmenter-checkpoint or --tracker-checkpoint"
        )


def cached(checkpoint: Checkpoint) -> Path:
    """Path of a checkpoint's file, whether or not it exists."""
    return weights_folder() / checkpoint.file


def state(checkpoint: Checkpoint) -> State:
    """State of a checkpoint by its file's size; ``verify`` reads every byte."""
    path = cached(checkpoint)
    if path.is_file():
        right = checkpoint.size in (None, path.stat().st_size)
        return "here" if right else "wrong size"
    return "incomplete" if part_of(path).is_file() else "absent"


def verify(checkpoint: Checkpoint) -> None:
    """Compare the file with the published SHA-256.

    The whole file is hashed each time it is used. With a processor that has SHA instructions, this takes
    0.6 s per gigabyte; a record of size and time instead would miss later changes of the file.

    Raises:
        CheckpointError: the file is missing or has the wrong content.
    """
    path = cached(checkpoint)
    try:
        size = path.stat().st_size
        digest = pooch.file_hash(path) if checkpoint.size in (None, size) else None
    except OSError as error:
        raise CheckpointError(
            f"cannot read {path} ({error.strerror or error}): run `sampt weights download {checkpoint.name}`"
        ) from error
    if digest == checkpoint.sha256:
        return
    if digest is None:
        problem = f"has {size:,} bytes, expected {checkpoint.size:,}"
    else:
        problem = f"has the SHA-256 {digest}, expected {checkpoint.sha256}"
    raise CheckpointError(
        f"{path} is damaged, or another file: it {problem}; run `sampt weights remove {checkpoint.name}` to "
        "have it downloaded again, or give your own file with --segmenter-checkpoint or "
        "--tracker-checkpoint"
    )


def remove(checkpoint: Checkpoint) -> bool:
    """Delete the file and what is left of an unfinished download; return whether there was either.

    Raises:
        CheckpointError: the folder cannot be written.
    """
    path = cached(checkpoint)
    found = [p for p in (path, part_of(path), origin_of(path)) if p.exists()]
    if found:
        with _lock(path):
            for one in found:
                one.unlink(missing_ok=True)
    return bool(found)


def _download(checkpoint: Checkpoint, retry: Retry) -> None:
    """Download the file from the first URL that works; pooch renames it once its SHA-256 is right."""
    path, urls = cached(checkpoint), _urls(checkpoint)
    _announce(checkpoint, urls[0])
    pooch.get_logger().setLevel(logging.WARNING)  # else it prints by itself what is logged here
    reasons = []
    with _progress_bar(checkpoint.file) as progress:
        downloader = ResumingDownloader(path, checkpoint.size, retry, progress)
        for url in urls:
            cache = pooch.create(
                path.parent,
                base_url="",
                registry={checkpoint.file: checkpoint.sha256},
                urls={checkpoint.file: url},
                retry_if_failed=1,  # wrong content only: what was left of an older download may be at fault
            )
            try:
                cache.fetch(checkpoint.file, downloader=downloader)
                return
            except UnavailableError as error:
                reason = str(error)
            except ValueError as error:
                reason = str(error).partition(". ")[0]  # pooch's advice is not for users
            logger.info("%s: %s", url, reason)
            reasons.append(f"{url}: {reason}")
    raise CheckpointError(
        f"{path.name} cannot be downloaded ({'; '.join(reasons)}); try again later, set SAMPT_WEIGHTS_URL "
        f"to a mirror, or copy the file to {path} yourself"
    )


def _announce(checkpoint: Checkpoint, url: str) -> None:
    """Log what is downloaded from where, and under which licence."""
    logger.info("downloading %s from %s to %s", checkpoint.file, url, weights_folder())
    logger.info("licence %s; please cite %s", checkpoint.licence, checkpoint.citation)
    if checkpoint.commercial is False:
        logger.warning("%s: NOT for commercial use, by its licence %s", checkpoint.name, checkpoint.licence)
    elif checkpoint.commercial is None:
        logger.info("the publisher does not state whether these weights may be used commercially")


def _urls(checkpoint: Checkpoint) -> tuple[str, ...]:
    """URLs of the file: only that of the mirror, if one is set."""
    mirror = os.environ.get("SAMPT_WEIGHTS_URL")
    if not mirror:
        return checkpoint.urls
    if not mirror.startswith(("https://", "http://")):
        raise ConfigError(f"SAMPT_WEIGHTS_URL is {mirror!r}; give a URL that starts with https:// or http://")
    return (f"{mirror.rstrip('/')}/{checkpoint.file}",)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Lock for writing to ``path``, one process at a time; its folder is created.

    Raises:
        CheckpointError: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            logger.info("waiting for another process that is downloading %s", path)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
    except OSError as error:
        raise CheckpointError(
            f"cannot write to {path.parent} ({error.strerror or error}); free some space, or set "
            "SAMPT_HOME to a writable folder"
        ) from error


@contextmanager
def _progress_bar(title: str) -> Iterator[ProgressCallback]:
    """Progress bar of a download on a terminal; nothing elsewhere."""
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
