"""Downloads from a real server on loopback that does everything wrong that servers do."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampt.errors import CheckpointError
from sampt.weights.transfer import Retry, download

from .faulty_server import (
    Fault,
    FaultyServer,
    claim,
    drop,
    endless,
    instead,
    redirect,
    slow,
    status,
    without_length,
    wrong_range,
)

CONTENT = np.random.default_rng(0).bytes(300_000)
OTHER = np.random.default_rng(1).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = Retry(attempts=3, wait=0.01, longest=0.05, timeout=0.5)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


Fetch = Callable[..., bytes]


@pytest.fixture
def fetch(server: FaultyServer, tmp_path: Path) -> Fetch:
    """Download ``net.pth`` from a server with these faults; what has come."""

    def run(
        *faults: Fault, etag: str | None = None, ranges: bool = True, sha256: str | None = SHA256
    ) -> bytes:
        url = server.serve("net.pth", CONTENT, *faults, etag=etag, ranges=ranges)
        target = tmp_path / "net.pth"
        fetched = download([url], target, sha256=sha256, size=len(CONTENT) if sha256 else None, retry=QUICK)
        assert fetched.sha256 == SHA256
        assert fetched.size == len(CONTENT)
        return target.read_bytes()

    return run


class TestFaultsThatPass:
    @pytest.mark.parametrize(
        ("faults", "gets"),
        [
            ([], 1),
            ([drop(0)], 2),
            ([drop(100_000), drop(100_000)], 3),
            ([slow(100_000, 1.0)], 2),
            ([status(500), status(503)], 3),
            ([status(429, Retry_After="0")], 2),
            ([instead(OTHER)], 2),
            ([without_length(CONTENT[:1000])], 2),
            ([without_length(CONTENT)], 1),
            ([without_length(CONTENT + b"more")], 2),
            ([drop(1000), wrong_range], 3),
        ],
        ids=[
            "none",
            "dropped at once",
            "dropped twice midway",
            "too slow",
            "out of order",
            "too many requests",
            "wrong bytes",
            "ended early",
            "no length",
            "too much",
            "another range",
        ],
    )
    def test_the_file_comes(self, fetch: Fetch, server: FaultyServer, faults: list[Fault], gets: int) -> None:
        assert fetch(*faults) == CONTENT
        assert len(server.requests) == gets

    def test_nothing_else_is_left(self, fetch: Fetch, tmp_path: Path) -> None:
        fetch(drop(1000))
        assert [p.name for p in tmp_path.iterdir()] == ["net.pth"]

    def test_more_drops_than_attempts_are_fine_while_bytes_come(self, fetch: Fetch) -> None:
        assert fetch(*[drop(50_000)] * 5) == CONTENT

    @settings(max_examples=15, deadline=None)
    @given(cuts=st.lists(st.integers(0, 100_000), max_size=4), ranges=st.booleans(), tagged=st.booleans())
    def test_wherever_it_is_cut(
        self, tmp_path_factory: pytest.TempPathFactory, cuts: list[int], ranges: bool, tagged: bool
    ) -> None:
        target = tmp_path_factory.mktemp("cut") / "net.pth"
        with FaultyServer() as server:
            etag = '"1"' if tagged else None
            url = server.serve("net.pth", CONTENT, *map(drop, cuts), etag=etag, ranges=ranges)
            download([url], target, sha256=SHA256, retry=Retry(attempts=9, wait=0.001, timeout=5))
        assert target.read_bytes() == CONTENT


class TestResuming:
    def test_only_the_rest_is_asked_for(self, fetch: Fetch, server: FaultyServer) -> None:
        fetch(drop(120_000))
        assert [r.range for r in server.requests] == [None, "bytes=120000-"]

    def test_of_the_same_version(self, fetch: Fetch, server: FaultyServer) -> None:
        fetch(drop(1000), etag='"v1"')
        assert server.requests[1].if_range == '"v1"'

    def test_a_weak_tag_is_not_sent(self, fetch: Fetch, server: FaultyServer) -> None:
        fetch(drop(1000), etag='W/"v1"')
        assert (server.requests[1].range, server.requests[1].if_range) == ("bytes=1000-", None)

    def test_a_new_version_comes_whole(self, server: FaultyServer, tmp_path: Path) -> None:
        url = server.serve("net.pth", OTHER, drop(1000), etag='"old"')
        with pytest.raises(CheckpointError):
            download([url], tmp_path / "net.pth", retry=Retry(attempts=1))
        server.serve("net.pth", CONTENT, etag='"new"')
        download([url], tmp_path / "net.pth", retry=QUICK)
        assert (tmp_path / "net.pth").read_bytes() == CONTENT
        assert server.requests[1].if_range == '"old"'

    def test_without_tag_and_hash_it_starts_again(self, fetch: Fetch, server: FaultyServer) -> None:
        assert fetch(drop(1000), sha256=None) == CONTENT
        assert [r.range for r in server.requests] == [None, None]

    def test_another_range_than_was_asked_for_is_not_appended(self, fetch: Fetch) -> None:
        assert fetch(drop(1000), wrong_range, etag='"v1"', sha256=None) == CONTENT

    def test_a_server_without_ranges_starts_again(self, fetch: Fetch, server: FaultyServer) -> None:
        assert fetch(drop(1000), ranges=False) == CONTENT
        assert server.requests[1].range == "bytes=1000-"

    @pytest.mark.parametrize(
        "old", [OTHER[:1000], OTHER, CONTENT + b"more"], ids=["begun", "whole", "longer"]
    )
    def test_a_wrong_part_is_found_out(self, fetch: Fetch, tmp_path: Path, old: bytes) -> None:
        (tmp_path / "net.pth.part").write_bytes(old)
        assert fetch() == CONTENT

    def test_a_whole_part_needs_no_request(self, fetch: Fetch, server: FaultyServer, tmp_path: Path) -> None:
        (tmp_path / "net.pth.part").write_bytes(CONTENT)
        assert fetch() == CONTENT
        assert server.requests == []

    def test_a_part_longer_than_the_servers_file_is_dropped(
        self, server: FaultyServer, tmp_path: Path
    ) -> None:
        (tmp_path / "net.pth.part").write_bytes(CONTENT + b"more")
        url = server.serve("net.pth", CONTENT)
        download(
            [url], tmp_path / "net.pth", sha256=SHA256, retry=QUICK
        )  # of unknown size: the server says 416
        assert (tmp_path / "net.pth").read_bytes() == CONTENT


class TestFaultsThatStay:
    @pytest.mark.parametrize(
        ("fault", "gets", "message"),
        [
            (status(404), 1, "404 Not Found"),
            (status(403), 1, "403 Forbidden"),
            (status(500), 3, "500 Internal Server Error; given up after 3 attempts"),
            (status(429), 3, "429 Too Many Requests"),
            (drop(0), 3, "peer closed connection"),
            (slow(0, 0.8), 3, "timed out"),
            (instead(OTHER), 2, f"SHA-256 is {hashlib.sha256(OTHER).hexdigest()}, expected {SHA256}"),
            (instead(CONTENT[:-1]), 1, "299,999 bytes, expected 300,000"),
            (claim(len(CONTENT) - 1), 1, "299,999 bytes, expected 300,000"),
            (claim(len(CONTENT) + 1), 1, "300,001 bytes, expected 300,000"),
            (endless, 2, "more than the file's 300,000 bytes"),
            (redirect("file:///etc/passwd"), 1, "unsupported protocol"),
        ],
    )
    def test_says_what_and_leaves_nothing(
        self, server: FaultyServer, tmp_path: Path, fault: Fault, gets: int, message: str
    ) -> None:
        url = server.serve("net.pth", CONTENT, *[fault] * 9)
        target = tmp_path / "net.pth"
        with pytest.raises(CheckpointError, match=r"net\.pth cannot be downloaded") as caught:
            download([url], target, sha256=SHA256, size=len(CONTENT), retry=QUICK)
        assert message in str(caught.value)
        assert "SAMPT_WEIGHTS_URL" in str(caught.value)
        assert len(server.requests) == gets
        assert not target.exists()

    def test_a_redirect_in_circles(self, fetch: Fetch, server: FaultyServer) -> None:
        with pytest.raises(CheckpointError, match="redirects"):
            fetch(*[redirect(f"{server.url}/net.pth")] * 99)

    def test_wrong_bytes_do_not_stay(self, server: FaultyServer, tmp_path: Path) -> None:
        url = server.serve("net.pth", OTHER)
        with pytest.raises(CheckpointError):
            download([url], tmp_path / "net.pth", sha256=SHA256, retry=QUICK)
        assert list(tmp_path.iterdir()) == []

    def test_nobody_listens(self, tmp_path: Path) -> None:
        with FaultyServer() as gone:
            url = f"{gone.url}/net.pth"
        with pytest.raises(CheckpointError, match=r"refused; given up after 3 attempts"):
            download([url], tmp_path / "net.pth", retry=QUICK)

    @pytest.mark.parametrize("fault", [status(404), instead(OTHER), instead(b"<html>"), status(502)])
    def test_the_next_url_is_tried(self, server: FaultyServer, tmp_path: Path, fault: Fault) -> None:
        urls = [server.serve("bad", CONTENT, *[fault] * 9), server.serve("good", CONTENT)]
        fetched = download(urls, tmp_path / "net.pth", sha256=SHA256, size=len(CONTENT), retry=QUICK)
        assert fetched.url == urls[1]
        assert (tmp_path / "net.pth").read_bytes() == CONTENT

    def test_the_next_url_goes_on_where_the_first_stopped(self, server: FaultyServer, tmp_path: Path) -> None:
        urls = [
            server.serve("bad", CONTENT, drop(90_000), *[status(500)] * 9, etag='"mine"'),
            server.serve("good", CONTENT),
        ]
        download(urls, tmp_path / "net.pth", sha256=SHA256, retry=QUICK)
        assert server.requests[-1].range == "bytes=90000-"
        assert server.requests[-1].if_range is None  # the tag is another server's


class TestWaiting:
    def test_a_server_may_ask_for_more_patience(self, fetch: Fetch) -> None:
        begin = time.perf_counter()
        fetch(status(429, Retry_After="3600"))
        assert 0.05 <= time.perf_counter() - begin < 5  # no more than the longest wait

    def test_until_a_date(self, server: FaultyServer, tmp_path: Path) -> None:
        soon = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=2), usegmt=True)
        url = server.serve("net.pth", CONTENT, status(503, Retry_After=soon))
        begin = time.perf_counter()
        download([url], tmp_path / "net.pth", retry=Retry(wait=0.001))
        assert time.perf_counter() - begin > 0.5

    @given(failures=st.integers(1, 60))
    def test_waits_double_up_to_the_longest(self, failures: int) -> None:
        seconds = Retry(wait=1, longest=60).seconds(failures)
        assert min(2 ** (failures - 1), 60) / 2 <= seconds <= min(2 ** (failures - 1), 60)
