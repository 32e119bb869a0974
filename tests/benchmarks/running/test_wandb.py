"""Runs logged to Weights & Biases, offline and for real."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from sampt.benchmarks.running.wandb_log import log_run
from sampt.errors import ConfigError
from sampt.video.writer import VideoWriter

from .runs import record, report


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """W&B keeps keys, settings and staged files in the home folder; here it has an empty one."""
    for name in ("HOME", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_DIR", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ConfigError, match=r"pip install 'sampt\[wandb\]'"):
        log_run(report(), tmp_path, mode="offline")


def test_an_offline_run_holds_configuration_measures_table_and_video(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = pytest.importorskip("wandb")
    with VideoWriter(own_home / "bear.mp4", 12, (48, 64)) as writer:
        for grey in (0, 100, 200):
            writer.write(np.full((48, 64, 3), grey, np.uint8))
    what = report(seeds=(0, 1), run={"config": {"tracker": {"name": "a-tracker-of-its-own"}}})

    with socket.create_server(("127.0.0.1", 0)) as listener:  # would see any attempt to reach the network
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{listener.getsockname()[1]}")
        run = log_run(what, own_home / "logs", mode="offline", videos={"bear": own_home / "bear.mp4"})
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()

    wandb.teardown()  # its background process writes the file to its end
    assert run.parent == own_home / "logs" / "wandb"
    (logged,) = run.glob("*.wandb")
    stored = logged.read_bytes()
    assert b"a-tracker-of-its-own" in stored
    assert b"seed 1/J&F-Mean" in stored
    assert b"seconds/track" in stored
    (video,) = run.glob("files/media/videos/**/*.mp4")
    assert video.read_bytes() == (own_home / "bear.mp4").read_bytes()
    (file,) = run.glob("files/media/table/*.json")
    table = json.loads(file.read_text(encoding="utf-8"))
    assert table["columns"] == ["sequence", "seed", "objects", "frames", "seconds", "J&F-Mean"]
    assert table["data"][0] == ["bear", 0, 2, 20, 5.0, 0.9]
    assert len(table["data"]) == 4


def test_online_without_a_key_says_how_to_log_in(own_home: Path) -> None:
    pytest.importorskip("wandb")
    with pytest.raises(ConfigError, match=r"wandb login.*--wandb-mode offline"):
        log_run(report({"bear": 0.5}, records=[record("bear")]), own_home / "logs", mode="online")
