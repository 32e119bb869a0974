"""The folder of weights: what it holds and refuses, and how processes share it."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sampt.errors import CheckpointError, ConfigError
from sampt.weights.download import cached, checkpoint_path, ensure, remove, state, verify, weights_folder
from sampt.weights.registry import CHECKPOINTS, Checkpoint

from .faulty_server import FaultyServer, claim, drop, hold, slow, status, without_length
from .small_checkpoint import CONTENT, QUICK, SHA256, checkpoint

pytestmark = pytest.mark.usefixtures("home")


class TestCache:
    def test_downloads_once(self, server: FaultyServer, home: Path) -> None:
        net = checkpoint(server.serve("net.pth", CONTENT))
        assert ensure(net) == ensure(net) == home / "weights" / "net.pth"
        assert cached(net).read_bytes() == CONTENT
        assert len(server.requests) == 1

    def test_by_name(self, server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(CHECKPOINTS, "net", checkpoint(server.serve("net.pth", CONTENT)))
        assert checkpoint_path("net").read_bytes() == CONTENT

    def test_the_platforms_folder_is_the_default(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delenv("SAMPT_HOME")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setenv("HOME", str(tmp_path))
        assert tmp_path in weights_folder().parents
        assert weights_folder().name == "weights"

    def test_a_mirror_takes_the_place_of_the_official_urls(
        self, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.serve("mirror/net.pth", CONTENT)
        monkeypatch.setenv("SAMPT_WEIGHTS_URL", f"{server.url}/mirror/")
        ensure(checkpoint(server.serve("official.pth", CONTENT)))
        assert [r.path for r in server.requests] == ["mirror/net.pth"]

    def test_a_mirror_that_is_no_url(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SAMPT_WEIGHTS_URL", "/srv/weights")
        with pytest.raises(ConfigError, match=r"SAMPT_WEIGHTS_URL.*'/srv/weights'"):
            ensure(checkpoint("https://example.org/net.pth"))

    def test_offline_never_asks(self, server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SAMPT_OFFLINE", "1")
        net = checkpoint(server.serve("net.pth", CONTENT))
        with pytest.raises(CheckpointError, match="SAMPT_OFFLINE") as caught:
            ensure(net)
        assert all(
            part in str(caught.value) for part in (net.urls[0], str(cached(net)), "--segmenter-checkpoint")
        )
        assert server.requests == []

    def test_offline_uses_what_was_put_there(self, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
        monkeypatch.setenv("SAMPT_OFFLINE", "1")
        (home / "weights").mkdir(parents=True)
        (home / "weights" / "net.pth").write_bytes(CONTENT)
        assert ensure(checkpoint("https://example.org/net.pth")) == home / "weights" / "net.pth"

    def test_licence_and_citation_are_shown(
        self, server: FaultyServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "sampt")
        ensure(checkpoint(server.serve("net.pth", CONTENT)))
        assert "MIT" in caplog.text and "Nobody, Nothing, 2020" in caplog.text
        assert not [r for r in caplog.records if r.levelno >= logging.WARNING]

    def test_what_is_not_for_commerce_is_said_aloud(
        self, server: FaultyServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        url = server.serve("net.pth", CONTENT)
        paper = "Nobody, Nothing, 2020"
        ensure(Checkpoint("net", "net.pth", (url,), SHA256, None, "CC-BY-NC-4.0", False, paper, "this test"))
        (warning,) = [r for r in caplog.records if r.levelno == logging.WARNING]
        assert "NOT for commercial use" in warning.getMessage()
        assert "CC-BY-NC-4.0" in warning.getMessage()

    def test_damage_is_found_even_with_the_same_size_and_time(self, server: FaultyServer) -> None:
        net = checkpoint(server.serve("net.pth", CONTENT))
        path = ensure(net)
        times = path.stat()
        path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        with pytest.raises(CheckpointError, match=f"{SHA256}.*`sampt weights remove net`") as caught:
            ensure(net)
        assert str(path) in str(caught.value)
        assert len(server.requests) == 1

    def test_another_size(self, server: FaultyServer) -> None:
        net = checkpoint(server.serve("net.pth", CONTENT))
        ensure(net).write_bytes(CONTENT[:-1])
        with pytest.raises(CheckpointError, match=r"299,999 bytes.*300,000"):
            verify(net)

    def test_states(self, server: FaultyServer) -> None:
        net = checkpoint(server.serve("net.pth", CONTENT, drop(1000), *[status(404)] * 2))
        assert state(net) == "absent"
        with pytest.raises(CheckpointError):
            ensure(net, QUICK)
        assert state(net) == "incomplete"
        server.files["net.pth"].faults.clear()
        ensure(net, QUICK)
        assert state(net) == "here"
        cached(net).write_bytes(b"short")
        assert state(net) == "wrong size"

    def test_remove_leaves_nothing_to_use(self, server: FaultyServer) -> None:
        net = checkpoint(server.serve("net.pth", CONTENT))
        ensure(net)
        assert remove(net)
        assert state(net) == "absent"
        assert not remove(net)

    def test_remove_takes_an_unfinished_download(self, server: FaultyServer) -> None:
        net = checkpoint(server.serve("net.pth", CONTENT, drop(1000), status(404)))
        with pytest.raises(CheckpointError):
            ensure(net, QUICK)
        assert remove(net)
        assert not [p for p in weights_folder().iterdir() if not p.name.endswith(".lock")]


class TestDisks:
    def test_a_file_that_cannot_fit_is_not_begun(self, server: FaultyServer, home: Path) -> None:
        net = checkpoint(server.serve("net.pth", CONTENT, claim(10**17)), size=None)
        with pytest.raises(CheckpointError, match="100,000,000,000,000,000") as caught:
            ensure(net, QUICK)
        assert str(home / "weights") in str(caught.value)
        assert "SAMPT_HOME" in str(caught.value)
        assert state(net) == "absent"

    def test_a_disk_that_is_full_in_the_middle(self, server: FaultyServer, home: Path) -> None:
        if not Path("/dev/full").exists():
            pytest.skip("this system has no /dev/full")
        net = checkpoint(server.serve("net.pth", CONTENT))
        (home / "weights").mkdir(parents=True)
        (home / "weights" / "net.pth.part").symlink_to("/dev/full")
        with pytest.raises(CheckpointError, match=os.strerror(errno.ENOSPC)) as caught:
            ensure(net, QUICK)
        assert "SAMPT_HOME" in str(caught.value)
        assert len(server.requests) == 1
        assert not cached(net).exists()

    @pytest.fixture
    def mount(self, tmp_path: Path) -> Iterator[Path]:
        """A disk of 128 kB that runs out of space for real."""
        folder = tmp_path / "disk"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
            pytest.skip("a small disk can only be mounted as root")
        yield folder
        subprocess.run(["umount", str(folder)], check=True)

    def test_a_small_disk(self, server: FaultyServer, mount: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SAMPT_HOME", str(mount))
        net = checkpoint(server.serve("net.pth", CONTENT, without_length(CONTENT)), size=None)
        with pytest.raises(CheckpointError, match=os.strerror(errno.ENOSPC)):
            ensure(net, QUICK)
        assert not cached(net).exists()

    def test_a_disk_for_reading_only(
        self, server: FaultyServer, mount: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SAMPT_HOME", str(mount))
        few = CONTENT[:1000]
        here = replace(
            checkpoint(server.serve("net.pth", few), size=None), sha256=hashlib.sha256(few).hexdigest()
        )
        ensure(here)
        subprocess.run(["mount", "-o", "remount,ro", str(mount)], check=True)
        with pytest.raises(CheckpointError, match="SAMPT_HOME") as caught:
            ensure(replace(here, file="two.pth"))
        assert str(mount / "weights") in str(caught.value) and os.strerror(errno.EROFS) in str(caught.value)
        assert ensure(here).read_bytes() == few
        with pytest.raises(CheckpointError, match="SAMPT_HOME"):
            remove(here)

    def test_a_folder_that_cannot_be_made(
        self, server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("SAMPT_HOME", str(tmp_path / "file"))
        net = checkpoint(server.serve("net.pth", CONTENT))
        with pytest.raises(CheckpointError, match="SAMPT_HOME") as caught:
            ensure(net)
        assert str(tmp_path / "file" / "weights") in str(caught.value)
        assert server.requests == []


PROGRAM = """
import logging, sys
from sampt.weights.registry import Checkpoint
from sampt.weights.download import ensure
logging.basicConfig(level=logging.INFO)
url, sha256 = sys.argv[1:]
print(ensure(Checkpoint("net", "net.pth", (url,), sha256, None, "MIT", True, "Nobody, 2020", "this test")))
"""


def start(url: str) -> subprocess.Popen[str]:
    """A process of its own that needs the file."""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", PROGRAM, url, SHA256], stdout=pipe, stderr=pipe, text=True)


class TestProcesses:
    def test_two_at_once_download_once(self, server: FaultyServer, home: Path) -> None:
        enough = threading.Event()
        url = server.serve("net.pth", CONTENT, hold(150_000, enough))
        first = start(url)
        while not server.requests:
            assert first.poll() is None, first.communicate()
            time.sleep(0.02)
        second = start(url)
        assert second.stderr is not None
        assert "waiting for another process" in second.stderr.readline()
        enough.set()
        for process in (first, second):
            assert process.communicate(timeout=60)[0].strip() == str(home / "weights" / "net.pth")
        assert len(server.requests) == 1

    @pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
    def test_a_stopped_download_is_resumed(self, server: FaultyServer, blow: signal.Signals) -> None:
        url = server.serve("net.pth", CONTENT, slow(150_000, 5.0))
        part = weights_folder() / "net.pth.part"
        process = start(url)
        while not part.exists() or part.stat().st_size < 150_000:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(blow)
        process.communicate(timeout=30)
        assert process.returncode != 0
        assert part.stat().st_size == 150_000
        left = {path.name for path in weights_folder().iterdir()}
        assert left == {".net.pth.lock", "net.pth.part", "net.pth.part.json"}
        assert ensure(checkpoint(url)).read_bytes() == CONTENT
        assert server.requests[-1].range == "bytes=150000-"
