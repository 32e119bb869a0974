"""``sampt weights``, and checkpoints on the command line."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from sampt.cli import run
from sampt.weights.registry import CHECKPOINTS, Checkpoint
from tests.sampt.weights.faulty_server import FaultyServer, drop, status

from .conftest import Cli

CONTENT = b"weights" * 1000
URLS = CHECKPOINTS["raft-small"].urls


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("SAMPT_OFFLINE", "SAMPT_WEIGHTS_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


class TestACheckpoint:
    """A small checkpoint ``net`` in the table, by the commands in the order one would use them."""

    @pytest.fixture(autouse=True)
    def net(self, server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
        url, sha256 = server.serve("net.pth", CONTENT), hashlib.sha256(CONTENT).hexdigest()
        net = Checkpoint(
            "net", "net.pth", (url,), sha256, len(CONTENT), "MIT", True, "Nobody, 2020", "a test"
        )
        monkeypatch.setitem(CHECKPOINTS, "net", net)

    def test_comes_and_goes(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = home / "weights" / "net.pth"
        for command, printed in (
            (["download", "net"], f"net: {path}"),
            (["download", "net"], f"net: {path}"),
            (["path", "net"], f"{path}"),
            (["verify"], "net: verified"),
            (["verify", "net"], "net: verified"),
            (["remove", "net"], "net: removed"),
            (["remove", "net"], "net: was not downloaded"),
            (["verify"], f"No checkpoint is in {home / 'weights'}"),
        ):
            assert run(["weights", *command]) == 0
            assert capsys.readouterr().out == f"{printed}\n"

    def test_list_shows_what_is_here(
        self, server: FaultyServer, home: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def shown() -> str:
            assert run(["weights", "list"]) == 0
            return next(line for line in capsys.readouterr().out.splitlines() if line.split()[:1] == ["net"])

        assert shown().split()[-2:] == ["yes", "absent"]
        server.serve("net.pth", CONTENT, drop(100), status(404))
        assert run(["weights", "download", "net"]) == 2
        assert shown().split()[-1] == "incomplete"
        assert run(["weights", "download", "net"]) == 0
        assert shown().split()[-1] == "here"
        (home / "weights" / "net.pth").write_bytes(b"")
        assert shown().endswith("wrong size  ")

    def test_verify_names_the_damaged_and_only_those(
        self, home: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run(["weights", "download", "net"])
        (home / "weights" / "raft-things.pth").write_bytes(b"damaged")
        capsys.readouterr()
        assert run(["weights", "verify"]) == 2
        printed = capsys.readouterr()
        assert printed.out == "net: verified\n"
        assert str(home / "weights" / "raft-things.pth") in printed.err
        assert "sampt weights remove raft-things" in printed.err
        assert "net.pth" not in printed.err


def test_list_shows_every_checkpoint_whole(here: Cli) -> None:
    done = here("weights", "list")
    assert done.returncode == 0, done.stderr
    for checkpoint in CHECKPOINTS.values():
        (line,) = [line for line in done.stdout.splitlines() if line.split()[:1] == [checkpoint.name]]
        assert checkpoint.file in line
        assert checkpoint.licence in line


def test_path_of_what_is_not_here_says_how_to_get_it(here: Cli) -> None:
    done = here("weights", "path", "mobile-sam")
    assert (done.returncode, done.stdout) == (2, "")
    assert "`sampt weights download mobile-sam`" in done.stderr


@pytest.mark.parametrize("command", ["download", "path", "verify", "remove"])
def test_an_unknown_name(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["weights", command, "mobilesam"]) == 2
    assert "'mobile-sam'" in capsys.readouterr().err


def test_verify_of_what_is_not_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["weights", "verify", "pips"]) == 2
    assert "sampt weights download pips" in capsys.readouterr().err


def test_offline_says_what_to_fetch_and_where_to_put_it(
    here: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMPT_OFFLINE", "1")
    done = here("weights", "download", "raft-small")
    assert done.returncode == 2
    assert URLS[0] in done.stderr
    assert str(home / "weights" / CHECKPOINTS["raft-small"].file) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mirror_with_another_file_is_refused(
    here: Cli, server: FaultyServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = CHECKPOINTS["raft-small"]
    assert checkpoint.size is not None
    server.serve(f"mirror/{checkpoint.file}", bytes(checkpoint.size))
    monkeypatch.setenv("SAMPT_WEIGHTS_URL", f"{server.url}/mirror")
    done = here("weights", "download", "raft-small")
    assert done.returncode == 2
    got = hashlib.sha256(bytes(checkpoint.size)).hexdigest()
    assert checkpoint.sha256 in done.stderr and got in done.stderr
    assert "Traceback" not in done.stderr
    assert not [p for p in (home / "weights").iterdir() if not p.name.endswith(".lock")]


def test_the_licence_is_shown_before_the_download(sampt: Cli, server: FaultyServer) -> None:
    done = sampt("weights", "download", "cotracker2", SAMPT_WEIGHTS_URL=server.url)
    assert done.returncode == 2  # the mirror has no such file
    assert "WARNING: cotracker2: NOT for commercial use" in done.stderr and "CC-BY-NC-4.0" in done.stderr
    assert "404" in done.stderr
    kinds = [line.split(": ")[0] for line in done.stderr.splitlines()]
    assert set(kinds) == {"INFO", "WARNING", "Error"}, "messages come from the log alone"


def test_help_imports_nothing_heavy(sampt: Cli) -> None:
    done = sampt("weights", "list", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    assert not [line for line in done.stderr.splitlines() if line.split("|")[-1].strip() == "torch"]


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.target),)


def test_a_malicious_checkpoint_is_refused_unrun(here: Cli, clip: Path, tmp_path: Path) -> None:
    harmed = tmp_path / "harmed"
    torch.save({"image_encoder.pos_embed": Payload(harmed)}, tmp_path / "evil.pth")
    done = here(
        *("segment", clip, "--point", "1:0:80,48:+", "--output", "out"),
        *("--segmenter", "sam-vit-b", "--segmenter-checkpoint", "evil.pth"),
    )
    assert done.returncode == 2, done.stderr
    assert "evil.pth" in done.stderr
    assert "Traceback" not in done.stderr
    assert not harmed.exists()
    assert not (tmp_path / "out").exists()
    torch.load(tmp_path / "evil.pth", weights_only=False)  # the payload does work
    assert harmed.exists()
