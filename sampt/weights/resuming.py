"""A downloader for pooch that keeps what has come of a file and goes on from there."""

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

from sampt.errors import CheckpointError
from sampt.version import __version__

logger = logging.getLogger(__name__)

_HEADERS = {"User-Agent": f"sampt/{__version__}", "Accept-Encoding": "identity"}

ProgressCallback = Callable[[int, int | None], None]
"""Called with the bytes that are here, and how many there will be where that is known."""


@dataclass(frozen=True)
class Retry:
    """How patiently a URL is tried.

    Attributes:
        attempts: failures in a row, without a single further byte, after which a URL is given up.
        first_wait: seconds before the second attempt; each further wait is twice as long, less a random part.
        longest_wait: seconds; no wait is longer, whatever a server asks for.
        timeout: seconds without a byte after which a connection counts as lost.
    """

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    timeout: float = 30.0

    def wait_after(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        # Not seeded: machines that lost the same server must not all come back at the same moment.
        jitter = np.random.default_rng().uniform(0.5, 1.0)
        return min(self.first_wait * 2.0 ** (failures - 1), self.longest_wait) * jitter


class UnavailableError(Exception):
    """A URL does not give the file."""


class _WrongContentError(ValueError):
    """Something else came than the file that was asked for. pooch tries again after a ``ValueError``."""


class _TransientError(Exception):
    """May go better the next time; ``wait`` is how many seconds the server asks for, if it does."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def part_of(target: Path) -> Path:
    """What has come of ``target`` so far."""
    return target.with_name(target.name + ".part")


def origin_of(target: Path) -> Path:
    """Says which version of which URL the part belongs to."""
    return target.with_name(target.name + ".part.json")


@dataclass(frozen=True)
class ResumingDownloader:
    """Brings ``target`` over bad networks; the ``downloader`` of ``pooch.Pooch.fetch``.

    What has come is kept in ``target`` + ``.part``, also after Ctrl-C, and resumed from there, whichever URL
    is next. pooch compares the whole file with its SHA-256 and gives it its name. Two downloads of the same
    file at once must be kept apart by the caller.

    Attributes:
        target: the file that pooch is to fetch.
        size: of the whole file in bytes, if it is known.
        retry: how patiently a URL is tried.
        progress: is told of every block that comes.
    """

    target: Path
    size: int | None
    retry: Retry
    progress: ProgressCallback

    def __call__(self, url: str, output_file: str, cache: pooch.Pooch) -> None:
        """Try ``url`` until it gives the file, and move that to ``output_file``.

        Raises:
            UnavailableError: the URL is of no use.
            ValueError: it gave something else than the file, which is deleted.
            CheckpointError: there is no room for the file.
            OSError: the file cannot be written.
        """
        Path(output_file).unlink()  # empty still; a killed process must not leave it behind
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
        """One request for what is still missing, if anything is."""
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
                if response.status_code == httpx.codes.OK:  # the whole file, whatever was asked for
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
        with suppress(OSError, ValueError, KeyError, TypeError):
            origin = json.loads(origin_of(self.target).read_text())
            if origin["url"] == url and origin["etag"]:  # another URL's tag says nothing here
                headers["If-Range"] = str(origin["etag"])
        return headers

    def _note_origin(self, url: str, etag: str) -> None:
        strong = etag if etag and not etag.startswith("W/") else None  # If-Range takes no weak ones
        origin_of(self.target).write_text(json.dumps({"url": url, "etag": strong}))

    def _save(self, response: httpx.Response, start: int, total: int | None) -> None:
        """Append the body to the part."""
        arrived = start
        with part_of(self.target).open("ab" if start else "wb") as file:
            for block in response.iter_raw():
                file.write(block)
                arrived += len(block)
                if self.size is not None and arrived > self.size:
                    raise _WrongContentError(f"more than the file's {self.size:,} bytes came")
                self.progress(arrived, total)
            file.flush()
            os.fsync(file.fileno())

    def _make_sure_of_room(self, missing: int) -> None:
        folder = self.target.parent
        free = shutil.disk_usage(folder).free
        if missing > free:
            raise CheckpointError(
                f"{self.target.name} needs {missing:,} bytes more, but {folder} has room for {free:,} only; "
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
    """The whole file's bytes as the server says it, if it does.

    Raises:
        _WrongContentError: the answer is no continuation of what has come before.
        _TransientError: the answer is worth another attempt.
        UnavailableError: it is not.
    """
    status = response.status_code
    if status == httpx.codes.OK:
        length = response.headers.get("Content-Length", "")
        return int(length) if length.isdigit() else None
    if status == httpx.codes.PARTIAL_CONTENT:
        given = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if given is None or int(given[1]) != start:
            raise _WrongContentError("the server went on at another place than it was asked to")
        return None if given[2] == "*" else int(given[2])
    if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise _WrongContentError("there is less of the file than has come before")
    answer = f"the server answers {status} {response.reason_phrase}".rstrip()
    if status in (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS) or status >= 500:
        raise _TransientError(answer, _retry_after(response.headers.get("Retry-After", "")))
    raise UnavailableError(answer)


def _retry_after(header: str) -> float | None:
    """Seconds, from a number of them or from a date."""
    if header.isdigit():
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    return max(0.0, (date - datetime.now(timezone.utc)).total_seconds())
