"""``sampt app`` with options that cannot be used: it says so before it serves anything."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from sampt.app.server import is_loopback
from sampt.cli.app import command
from sampt.errors import ConfigError, SamptError, VideoError


def failure(*arguments: str) -> SamptError:
    """What is wrong with the arguments."""
    error = CliRunner().invoke(command, [*arguments]).exception
    assert isinstance(error, SamptError)
    return error


def test_a_video_that_is_not_there() -> None:
    error = failure("nowhere.mp4")
    assert isinstance(error, VideoError) and "nowhere.mp4" in str(error)


def test_a_limit_that_is_none() -> None:
    error = failure("--max-upload", "much")
    assert isinstance(error, ConfigError) and "--max-upload much" in str(error)


def test_a_port_that_is_taken(clip: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        error = failure(str(clip), "--port", str(port))
    assert isinstance(error, ConfigError) and f"port {port}" in str(error) and "--port" in str(error)


def test_a_segmenter_whose_weights_cannot_be_had(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path))
    monkeypatch.setenv("SAMPT_OFFLINE", "1")
    assert "mobile_sam.pt" in str(failure("--segmenter", "mobile-sam"))


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *(("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True)),
        *(("0.0.0.0", False), ("::", False), ("127.example.org", False)),
    ],
)
def test_what_only_this_machine_can_reach(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_the_default_is_this_machine_alone() -> None:
    host = next(option for option in command.params if option.name == "host")
    assert is_loopback(str(host.default))
