"""Downloads over bad networks: resumed, tried again, verified, and under their name only when whole."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import numpy as np

from sampt.errors import CheckpointError
from sampt.version import __version__

logger = logging.getLogger(__name__)

Report = Callable[[int, int | None], None]
"""Called with the bytes that are here, and how many there will be where that is known."""


@dataclass(frozen=True)
class Retry:
    """How patiently a URL is tried.

    Attributes:
        attempts: failures in a row, without a single further byte, after which a URL is given up.
        wait: seconds before the second attempt; each further wait is twice as long, less a random part.
        longest: seconds; no wait is longer, whatever a server asks for.
        timeout: seconds without a byte after which a connection counts as lost.
    """

    attempts: int = 5
    wait: float = 1.0
    longest: float = 60.0
    timeout: float = 30.0

    def seconds(self, failures: int) -> float:
        """How long to wait after so many failures in a row."""
        # Not seeded: machines that lost the same server must not all come back at the same moment.
        jitter = np.random.default_rng().uniform(0.5, 1.0)
        return min(self.wait * 2.0 ** (failures - 1), self.longest) * jitter


@dataclass(frozen=True)
class Fetched:
    """What a download brought: from which URL, its SHA-256 in hex, and its size in bytes."""

    url: str
    sha256: str
    size: int


class _TransientError(Exception):
    """May go better the next time; ``seconds`` is how long the server asks to wait, if it does."""

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


class _ContentError(Exception):
    """Something else came than the file that was asked for."""


class _UselessUrlError(Exception):
    """This URL will not give the file."""


def download(
    urls: Sequence[str],
    target: Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
    retry: Retry | None = None,
    report: Report = lambda done, total: None,
) -> Fetched:
    """Bring a file to ``target`` from the first of ``urls`` that gives it.

    What has come is kept in ``target`` + ``.part``, also after Ctrl-C, and resumed from there. It gets its
    own name only when its ``sha256`` (hex) and ``size`` (bytes) are right, as far as they are given. Two
    downloads of the same file at once must be kept apart by the caller.

    Raises:
        CheckpointError: no URL gives the file, or there is no room for it, or its folder cannot be written.
    """
    reasons = []
    retry = retry or Retry()
    headers = {"User-Agent": f"sampt/{__version__}", "Accept-Encoding": "identity"}
    with httpx.Client(follow_redirects=True, timeout=retry.timeout, headers=headers) as client:
        transfer = _Transfer(client, target, sha256, size, retry, report)
        for url in urls:
            try:
                return transfer.fetch(url)
            except _UselessUrlError as reason:
                logger.info("%s: %s", url, reason)
                reasons.append(f"{url}: {reason}")
            except OSError as error:
                raise CheckpointError(
                    f"cannot write {transfer.part} ({error.strerror or error}); free some space, or set "
                    "SAMPT_HOME to a folder on another disk"
                ) from error
    raise CheckpointError(
        f"{target.name} cannot be downloaded ({'; '.join(reasons)}); try again later, set SAMPT_WEIGHTS_URL "
        f"to a mirror, or put the right file at {target} yourself"
    )


def sha256_of(path: Path, digest: hashlib._Hash | None = None) -> hashlib._Hash:
    """The SHA-256 of a file, or ``digest`` continued with it."""
    digest = digest or hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest


@dataclass
class _Transfer:
    """One file on its way, from whichever URL."""

    client: httpx.Client
    target: Path
    sha256: str | None
    size: int | None
    retry: Retry
    report: Report

    @property
    def part(self) -> Path:
        return self.target.with_name(self.target.name + ".part")

    @property
    def _origin(self) -> Path:
        """Which version of which URL the part belongs to."""
        return self.target.with_name(self.target.name + ".part.json")

    def fetch(self, url: str) -> Fetched:
        """Try ``url`` until it gives the file or is of no use."""
        failures, furthest, was_wrong = 0, self._arrived(), False
        while True:
            try:
                fetched = self._attempt(url)
                self._check(fetched)
                break
            except _ContentError as error:
                self._discard()
                if was_wrong:
                    raise _UselessUrlError(str(error)) from error
                was_wrong = True  # the old part may have been at fault
                logger.info("%s: %s; starting again", url, error)
            except _TransientError as error:
                arrived = self._arrived()
                failures = 1 if arrived > furthest else failures + 1
                furthest = max(furthest, arrived)
                if failures >= self.retry.attempts:
                    raise _UselessUrlError(f"{error}; given up after {failures} attempts") from error
                seconds = self.retry.seconds(failures)
                if error.seconds is not None:
                    seconds = min(error.seconds, self.retry.longest)
                logger.info("%s: %s; trying again in %.1f s", url, error, seconds)
                time.sleep(seconds)
        self.part.replace(self.target)
        self._discard()
        return fetched

    def _attempt(self, url: str) -> Fetched:
        """One request for what is still missing."""
        digest, start, headers = self._resume(url)
        if start and start == self.size:
            return Fetched(url, digest.hexdigest(), start)
        try:
            with self.client.stream("GET", url, headers=headers) as response:
                total = _total(response, start)
                if self.size is not None and total is not None and total != self.size:
                    raise _UselessUrlError(f"the file there has {total:,} bytes, expected {self.size:,}")
                if response.status_code == httpx.codes.OK:  # the whole file, whatever was asked for
                    digest, start = hashlib.sha256(), 0
                total = self.size or total
                self._make_sure_of_room((total or 0) - start)
                self._note_origin(url, response.headers.get("ETag", ""))
                arrived = self._save(response, digest, start, total)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
            raise _UselessUrlError(str(error)) from error
        except httpx.HTTPError as error:
            raise _TransientError(str(error) or type(error).__name__) from error
        if self.size is not None and arrived < self.size:
            raise _TransientError(f"the connection ended after {arrived:,} of {self.size:,} bytes")
        return Fetched(url, digest.hexdigest(), arrived)

    def _resume(self, url: str) -> tuple[hashlib._Hash, int, dict[str, str]]:
        """The digest of what is already here, its length, and the headers that ask for the rest."""
        start = self._arrived()
        etag = self._etag(url)
        # Without a hash to find it out, two versions of a file must not be pieced together.
        if not start or (self.size is not None and start > self.size) or not (self.sha256 or etag):
            return hashlib.sha256(), 0, {}
        headers = {"Range": f"bytes={start}-"} | ({"If-Range": etag} if etag else {})
        return sha256_of(self.part), start, headers

    def _save(self, response: httpx.Response, digest: hashlib._Hash, start: int, total: int | None) -> int:
        """Append the body to the part and the digest; how many bytes there are then."""
        with self.part.open("ab" if start else "wb") as file:
            arrived = start
            for block in response.iter_raw():
                file.write(block)
                digest.update(block)
                arrived += len(block)
                if self.size is not None and arrived > self.size:
                    raise _ContentError(f"more than the file's {self.size:,} bytes came")
                self.report(arrived, total)
            file.flush()
            os.fsync(file.fileno())
        return arrived

    def _check(self, fetched: Fetched) -> None:
        if self.sha256 is not None and fetched.sha256 != self.sha256:
            raise _ContentError(f"its SHA-256 is {fetched.sha256}, expected {self.sha256}")

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
            return self.part.stat().st_size
        except FileNotFoundError:
            return 0

    def _etag(self, url: str) -> str | None:
        """The version that the part is of, if ``url`` is where it came from."""
        try:
            origin = json.loads(self._origin.read_text())
            return str(origin["etag"]) if origin["url"] == url and origin["etag"] else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _note_origin(self, url: str, etag: str) -> None:
        strong = etag if etag and not etag.startswith("W/") else None  # If-Range takes no weak ones
        self._origin.write_text(json.dumps({"url": url, "etag": strong}))

    def _discard(self) -> None:
        with suppress(FileNotFoundError):
            self.part.unlink()
        with suppress(FileNotFoundError):
            self._origin.unlink()


def _total(response: httpx.Response, start: int) -> int | None:
    """The whole file's length as the server says it, if it does.

    Raises:
        _TransientError: the answer is worth another attempt.
        _UselessUrlError: it is not.
    """
    status = response.status_code
    if status == httpx.codes.OK:
        length = response.headers.get("Content-Length", "")
        return int(length) if length.isdigit() else None
    if status == httpx.codes.PARTIAL_CONTENT:
        given = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if given is None or int(given[1]) != start:
            raise _ContentError("the server went on at another place than it was asked to")
        return None if given[2] == "*" else int(given[2])
    if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise _ContentError("there is less of the file than has come before")
    answer = f"the server answers {status} {response.reason_phrase}".rstrip()
    if status in (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS) or status >= 500:
        raise _TransientError(answer, _retry_after(response.headers.get("Retry-After", "")))
    raise _UselessUrlError(answer)


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
