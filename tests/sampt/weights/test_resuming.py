"""Downloads from a real server on loopback that does everything wrong that servers do."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampt.errors import CheckpointError
from sampt.weights.download import cached, ensure, remove
from sampt.weights.resuming import Retry

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
from .small_checkpoint import CONTENT, OTHER, QUICK, SHA256, checkpoint

Fetch = Callable[..., bytes]


@pytest.fixture(autouse=True)
def folder(home: Path) -> Path:
    """Where ``net.pth`` goes."""
    (home / "weights").mkdir(parents=True)
    return home / "weights"


@pytest.fixture
def fetch(server: FaultyServer) -> Fetch:
    """Download ``net.pth`` from a server with these faults; what has come."""

    def run(*faults: Fault, etag: str | None = None, ranges: bool = True) -> bytes:
        url = server.serve("net.pth", CONTENT, *faults, etag=etag, ranges=ranges)
        return ensure(checkpoint(url), QUICK).read_bytes()

    return run


def files(folder: Path) -> list[str]:
    """The names of what is there, but for the empty files that processes wait at."""
    return [p.name for p in folder.iterdir() if not p.name.endswith(".lock")]


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

    def test_nothing_else_is_left(self, fetch: Fetch, folder: Path) -> None:
        fetch(drop(1000))
        assert files(folder) == ["net.pth"]

    def test_more_drops_than_attempts_are_fine_while_bytes_come(self, fetch: Fetch) -> None:
        assert fetch(*[drop(50_000)] * 5) == CONTENT

    @settings(max_examples=15, deadline=None)
    @given(cuts=st.lists(st.integers(0, 100_000), max_size=4), ranges=st.booleans(), tagged=st.booleans())
    def test_wherever_it_is_cut(self, cuts: list[int], ranges: bool, tagged: bool) -> None:
        with FaultyServer() as server:
            etag = '"1"' if tagged else None
            url = server.serve("net.pth", CONTENT, *map(drop, cuts), etag=etag, ranges=ranges)
            net = checkpoint(url, size=None)
            assert ensure(net, Retry(attempts=9, first_wait=0.001, timeout=5)).read_bytes() == CONTENT
            assert remove(net)


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

    def test_a_new_version_comes_whole(self, server: FaultyServer) -> None:
        net = checkpoint(server.serve("net.pth", OTHER, drop(1000), etag='"old"'))
        with pytest.raises(CheckpointError):
            ensure(net, Retry(attempts=1))
        server.serve("net.pth", CONTENT, etag='"new"')
        assert ensure(net, QUICK).read_bytes() == CONTENT
        assert len(server.requests) == 2
        assert server.requests[1].if_range == '"old"'

    def test_another_range_than_was_asked_for_is_not_appended(self, fetch: Fetch) -> None:
        assert fetch(drop(1000), wrong_range, etag='"v1"') == CONTENT

    def test_a_server_without_ranges_starts_again(self, fetch: Fetch, server: FaultyServer) -> None:
        assert fetch(drop(1000), ranges=False) == CONTENT
        assert server.requests[1].range == "bytes=1000-"

    @pytest.mark.parametrize(
        "old", [OTHER[:1000], OTHER, CONTENT + b"more"], ids=["begun", "whole", "longer"]
    )
    def test_a_wrong_part_is_found_out(self, fetch: Fetch, folder: Path, old: bytes) -> None:
        (folder / "net.pth.part").write_bytes(old)
        assert fetch() == CONTENT

    def test_a_whole_part_needs_no_request(self, fetch: Fetch, server: FaultyServer, folder: Path) -> None:
        (folder / "net.pth.part").write_bytes(CONTENT)
        assert fetch() == CONTENT
        assert server.requests == []

    def test_a_part_longer_than_the_servers_file_is_dropped(self, server: FaultyServer, folder: Path) -> None:
        (folder / "net.pth.part").write_bytes(CONTENT + b"more")
        net = checkpoint(server.serve("net.pth", CONTENT), size=None)  # so that the server says 416
        assert ensure(net, QUICK).read_bytes() == CONTENT


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
            (instead(OTHER), 2, f"expected {SHA256} but got {hashlib.sha256(OTHER).hexdigest()}"),
            (instead(CONTENT[:-1]), 1, "299,999 bytes, expected 300,000"),
            (claim(len(CONTENT) - 1), 1, "299,999 bytes, expected 300,000"),
            (claim(len(CONTENT) + 1), 1, "300,001 bytes, expected 300,000"),
            (endless, 2, "more than the file's 300,000 bytes"),
            (redirect("file:///etc/passwd"), 1, "unsupported protocol"),
        ],
    )
    def test_says_what_and_leaves_nothing(
        self, server: FaultyServer, fault: Fault, gets: int, message: str
    ) -> None:
        net = checkpoint(server.serve("net.pth", CONTENT, *[fault] * 9))
        with pytest.raises(CheckpointError, match=r"net\.pth") as caught:
            ensure(net, QUICK)
        assert message in str(caught.value)
        assert "SAMPT_WEIGHTS_URL" in str(caught.value)
        assert len(server.requests) == gets
        assert not cached(net).exists()

    def test_a_redirect_in_circles(self, fetch: Fetch, server: FaultyServer) -> None:
        with pytest.raises(CheckpointError, match="redirects"):
            fetch(*[redirect(f"{server.url}/net.pth")] * 99)

    def test_wrong_bytes_do_not_stay(self, server: FaultyServer, folder: Path) -> None:
        with pytest.raises(CheckpointError):
            ensure(checkpoint(server.serve("net.pth", OTHER), size=None), QUICK)
        assert files(folder) == []

    def test_nobody_listens(self) -> None:
        with FaultyServer() as gone:
            url = f"{gone.url}/net.pth"
        with pytest.raises(CheckpointError, match=r"refused.*3 attempts"):
            ensure(checkpoint(url), QUICK)

    @pytest.mark.parametrize("fault", [status(404), instead(OTHER), instead(b"<html>"), status(502)])
    def test_the_next_url_is_tried(self, server: FaultyServer, fault: Fault) -> None:
        urls = [server.serve("bad", CONTENT, *[fault] * 9), server.serve("good", CONTENT)]
        assert ensure(checkpoint(*urls), QUICK).read_bytes() == CONTENT
        assert server.requests[-1].path == "good"

    def test_the_next_url_goes_on_where_the_first_stopped(self, server: FaultyServer) -> None:
        urls = [
            server.serve("bad", CONTENT, drop(90_000), *[status(500)] * 9, etag='"mine"'),
            server.serve("good", CONTENT),
        ]
        ensure(checkpoint(*urls, size=None), QUICK)
        assert server.requests[-1].range == "bytes=90000-"
        assert server.requests[-1].if_range is None  # the tag is another server's


class TestWaiting:
    def test_a_server_may_ask_for_more_patience(self, fetch: Fetch) -> None:
        begin = time.perf_counter()
        fetch(status(429, Retry_After="3600"))
        assert 0.05 <= time.perf_counter() - begin < 5  # no more than the longest wait

    def test_until_a_date(self, server: FaultyServer) -> None:
        soon = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=2), usegmt=True)
        url = server.serve("net.pth", CONTENT, status(503, Retry_After=soon))
        begin = time.perf_counter()
        ensure(checkpoint(url), Retry(first_wait=0.001))
        assert time.perf_counter() - begin > 0.5

    @given(failures=st.integers(1, 60))
    def test_waits_double_up_to_the_longest(self, failures: int) -> None:
        wait = Retry(first_wait=1, longest_wait=60).wait_after(failures)
        assert min(2 ** (failures - 1), 60) / 2 <= wait <= min(2 ** (failures - 1), 60)
