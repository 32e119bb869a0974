"""Downloader for pooch that resumes unfinished downloads."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import numpy as np
import pooch

from sampt._internal.files import read_json
from sampt.errors import CheckpointError, SamptError
from sampt.version import __version__

logger = logging.getLogger(__name__)

_HEADERS = {"User-Agent": f"sampt/{__version__}", "Accept-Encoding": "identity"}

ProgressCallback = Callable[[int, int | None], None]
"""Callback that takes the number of bytes downloaded and the total, which is None if unknown."""


@dataclass(frozen=True)
class Retry:
    """Settings for retrying a URL.

    Attributes:
        attempts: number of failures in a row, without any new byte, after which a URL is given up.
        first_wait: seconds before the second attempt; each further wait is twice as long, less a random part.
        longest_wait: maximum wait in seconds, even if a server asks for a longer one.
        timeout: seconds without a byte after which a connection counts as lost.
    """

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    timeout: float = 30.0

    def wait_after(self, failures: int) -> float:
        """Seconds to wait after this number of failures in a row."""
        # Not seeded: machines that lost the same server must not all come back at the same moment.
        jitter = np.random.default_rng().uniform(0.5, 1.0)
        return min(self.first_wait * 2.0 ** (failures - 1), self.longest_wait) * jitter


class UnavailableError(Exception):
    """A URL does not provide the file."""


class _WrongContentError(ValueError):
    """A URL gave another file than the requested one; pooch tries again after a ``ValueError``."""


class _TransientError(Exception):
    """Failure that may pass; ``wait`` is the number of seconds that the server asks for, if any."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def part_of(target: Path) -> Path:
    """Path of the unfinished download of ``target``."""
    return target.with_name(target.name + ".part")


def origin_of(target: Path) -> Path:
    """Path of the record of which version of which URL the unfinished download belongs to."""
    return target.with_name(target.name + ".part.json")


@dataclass(frozen=True)
class ResumingDownloader:
    """Downloader of one file over unreliable networks, for ``pooch.Pooch.fetch``.

    An unfinished download is kept in ``target`` + ``.part``, even after Ctrl-C, and resumed from there, also
    with another URL. pooch compares the whole file with its SHA-256 and renames it. The caller must prevent
    two downloads of the same file at once.

    Attributes:
        target: file that pooch fetches.
        size: size of the whole file in bytes, if known.
        retry: settings for retrying a URL.
        progress: called after every block.
    """

    target: Path
    size: int | None
    retry: Retry
    progress: ProgressCallback

    def __call__(self, url: str, output_file: str, cache: pooch.Pooch) -> None:
        """Download the file from ``url``, with retries, and move it to ``output_file``.

        Raises:
            UnavailableError: the URL does not provide the file.
            ValueError: the URL gave another file, which is deleted.
            CheckpointError: the disk has no room for the file.
            OSError: the file cannot be written.
        """
        Path(output_file).unlink()  # still empty; a killed process must not leave it behind
        failures, furthest = 0, self._arrived()
        while True:
            try:
                self._request_rest(url)
                break
            except _WrongContentError:
                self._discard()
                raise
            except _TransientError as error:
                arrived = self._arrived()
                failures = 1 if arrived > furthest else failures + 1
                furthest = max(furthest, arrived)
                if failures >= self.retry.attempts:
                    raise UnavailableError(f"{error}; given up after {failures} attempts") from error
                wait = self.retry.wait_after(failures)
                if error.wait is not None:
                    wait = min(error.wait, self.retry.longest_wait)
                logger.info("%s: %s; trying again in %.1f s", url, error, wait)
                time.sleep(wait)
        part_of(self.target).replace(output_file)
        self._discard()

    def _request_rest(self, url: str) -> None:
        """Make one request for the missing part of the file, if any."""
        start = self._arrived()
        if start and start == self.size:
            return
        if self.size is not None and start > self.size:
            start = 0
        headers = _HEADERS | self._resuming_headers(url, start)
        try:
            with httpx.stream(
                "GET", url, headers=headers, follow_redirects=True, timeout=self.retry.timeout
            ) as response:
                if response.status_code == httpx.codes.OK:  # the whole file, whatever was requested
                    start = 0
                total = _total_size(response, start)
                if self.size is not None and total not in (None, self.size):
                    raise UnavailableError(f"the file there has {total:,} bytes, expected {self.size:,}")
                self._make_sure_of_room((self.size or total or 0) - start)
                self._note_origin(url, response.headers.get("ETag", ""))
                self._save(response, start, self.size or total)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
            raise UnavailableError(str(error)) from error
        except httpx.HTTPError as error:
            raise _TransientError(str(error) or type(error).__name__) from error
        if self.size is not None and self._arrived() < self.size:
            raise _TransientError(f"the connection ended after {self._arrived():,} of {self.size:,} bytes")

    def _resuming_headers(self, url: str, start: int) -> dict[str, str]:
        if not start:
            return {}
        headers = {"Range": f"bytes={start}-"}
        with suppress(SamptError, ValueError, KeyError, TypeError):
            origin = read_json(origin_of(self.target))
            if origin["url"] == url and origin["etag"]:  # another URL's tag does not apply
                headers["If-Range"] = str(origin["etag"])
        return headers

    def _note_origin(self, url: str, etag: str) -> None:
        strong = etag if etag and not etag.startswith("W/") else None  # If-Range does not take weak tags
        origin_of(self.target).write_text(json.dumps({"url": url, "etag": strong}))

    def _save(self, response: httpx.Response, start: int, total: int | None) -> None:
        """Append the body to the unfinished download."""
        arrived = start
        with part_of(self.target).open("ab" if start else "wb") as file:
            for block in response.iter_raw():
                file.write(block)
                arrived += len(block)
                if self.size is not None and arrived > self.size:
                    raise _WrongContentError(f"the server sent more than the file's {self.size:,} bytes")
                self.progress(arrived, total)
            file.flush()
            os.fsync(file.fileno())

    def _make_sure_of_room(self, missing: int) -> None:
        folder = self.target.parent
        free = shutil.disk_usage(folder).free
        if missing > free:
            raise CheckpointError(
                f"{self.target.name} needs {missing:,} more bytes, but {folder} only has room for {free:,}; "
                "free some space, or set SAMPT_HOME to a folder on another disk"
            )

    def _arrived(self) -> int:
        try:
            return part_of(self.target).stat().st_size
        except FileNotFoundError:
            return 0

    def _discard(self) -> None:
        for path in (part_of(self.target), origin_of(self.target)):
            path.unlink(missing_ok=True)


def _total_size(response: httpx.Response, start: int) -> int | None:
    """Size of the whole file in bytes, if the server states it.

    Raises:
        _WrongContentError: the answer does not continue the unfinished download.
        _TransientError: the answer is worth another attempt.
        UnavailableError: the answer is final.
    """
    status = response.status_code
    if status == httpx.codes.OK:
        length = response.headers.get("Content-Length", "")
        return int(length) if length.isdigit() else None
    if status == httpx.codes.PARTIAL_CONTENT:
        given = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if given is None or int(given[1]) != start:
            raise _WrongContentError("the server continued at another place than requested")
        return None if given[2] == "*" else int(given[2])
    if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise _WrongContentError("the file is shorter than the unfinished download")
    answer = f"the server answers {status} {response.reason_phrase}".rstrip()
    if status in (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS) or status >= 500:
        raise _TransientError(answer, _retry_after(response.headers.get("Retry-After", "")))
    raise UnavailableError(answer)


def _retry_after(header: str) -> float | None:
    """Seconds to wait by a ``Retry-After`` header, which holds seconds or a date."""
    if header.isdigit():
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    return max(0.0, (date - datetime.now(timezone.utc)).total_seconds())
