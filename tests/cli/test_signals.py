"""Ctrl-C and SIGTERM half way: what is finished is readable, nothing else stays, and how to go on is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from sampt.benchmarks.datasets.miniature import write_miniature
from sampt.segmenters.mobile_sam import build_mobile_sam
from sampt.synthetic.scene import SyntheticScene

from .conftest import Cli

FRAMES = 600
FEW = [f"proposals.{key}" for key in ("points_per_side=2", "pred_iou_thresh=0", "stability_score_thresh=0")]
CTRL_C = pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130)])
BOTH = pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of frames that takes many seconds."""
    folder = tmp_path_factory.mktemp("long")
    scene = SyntheticScene(frames=20, height=240, width=426, seed=1)
    for t, frame in enumerate(scene):
        Image.fromarray(frame).save(folder / f"{t:05d}.jpg")
    for t in range(20, FRAMES):
        (folder / f"{t:05d}.jpg").hardlink_to(folder / f"{t % 20:05d}.jpg")
    return folder


@pytest.fixture(scope="module")
def point() -> str:
    scene = SyntheticScene(frames=20, height=240, width=426, seed=1)
    x, y = np.argwhere(scene.masks(0)[0])[:, ::-1].mean(0).round()
    return f"1:0:{x},{y}"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "mobile_sam.pt"
    torch.manual_seed(0)
    torch.save(build_mobile_sam().state_dict(), path)
    return path


@pytest.fixture
def stopped(tmp_path: Path) -> Callable[..., str]:
    """Run a command, send it a signal as soon as something is there, and return what it said at the end."""

    def run(arguments: list[object], ready: Callable[[], bool], number: signal.Signals, code: int) -> str:
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        process = subprocess.Popen(
            [sys.executable, "-m", "sampt", *map(str, arguments)],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(temporary)},
        )
        deadline = time.monotonic() + 120
        while not ready() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == code, stderr
        assert "Traceback" not in stderr
        assert not list(tmp_path.rglob(".*"))
        assert not list(temporary.iterdir())
        return stderr

    return run


@BOTH
def test_segment(
    stopped: Callable[..., str], long: Path, point: str, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    output = tmp_path / "out"
    said = stopped(
        ["segment", long, "--point", point, "--output", output],
        lambda: len(list(output.glob("masks/*.png"))) >= 5,
        *(number, code),
    )
    summary = json.loads((output / "result.json").read_text())
    assert not summary["finished"]
    assert len(list(output.glob("masks/*.png"))) >= len(summary["frames"]) >= 4
    with av.open(str(output / "overlay.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) >= 4
    assert f"of {FRAMES} frames are done" in said and "--overwrite" in said


@pytest.mark.slow
@CTRL_C
def test_track(
    stopped: Callable[..., str], long: Path, point: str, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    output = tmp_path / "out"
    said = stopped(
        ["track", long, "--point", point, "--output", output],
        lambda: any(path.stat().st_size > 1000 for path in output.glob(".tracks*")),
        *(number, code),
    )
    with np.load(output / "trajectories.npz") as tracks:
        assert 0 < len(tracks["frames"]) < FRAMES
    with av.open(str(output / "tracks.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) > 0
    assert f"of {FRAMES} frames are done" in said and "--overwrite" in said


@CTRL_C
def test_propose(
    stopped: Callable[..., str], long: Path, weights: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    output = tmp_path / "out"
    settings = [argument for setting in FEW for argument in ("-o", setting)]
    given = ["--segmenter", "mobile-sam", "--segmenter-checkpoint", weights, *settings]
    said = stopped(
        ["propose", long, "--every", 2, *given, "--output", output],
        lambda: any(output.glob("overlays/*.png")),
        *(number, code),
    )
    assert isinstance(json.loads((output / "proposals.json").read_text()), list)
    assert f"of {FRAMES // 2} frames are done" in said and "--overwrite" in said


@pytest.mark.parametrize(
    ("workers", "number", "code"),
    [(1, signal.SIGINT, 130), (2, signal.SIGINT, 130), (2, signal.SIGTERM, 143)],
)
def test_vos(
    stopped: Callable[..., str], here: Cli, tmp_path: Path, workers: int, number: signal.Signals, code: int
) -> None:
    write_miniature("davis2017", tmp_path / "davis", frames=24)
    few = ("-o", "sampling.positive.points=4", "-o", "sampling.positive.name=random", "--seeds", 4)
    given = [
        "vos",
        "--dataset",
        "davis2017",
        "--root",
        tmp_path / "davis",
        "--output",
        tmp_path / "run",
        *few,
    ]
    said = stopped(
        [*given, "--workers", workers], lambda: any(tmp_path.glob("run/**/*.png")), *(number, code)
    )
    assert "sequences are done" in said and "the same command" in said
    done = here(*given)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run/report.html").is_file()


def test_nohup_keeps_its_promise(long: Path, point: str, tmp_path: Path) -> None:
    """SIGHUP that was ignored before stays so."""
    output = tmp_path / "out"
    process = subprocess.Popen(
        ["nohup", sys.executable, "-m", "sampt", "segment", long, "--point", point, "-O", output],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while len(list(output.glob("masks/*.png"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGHUP)
    time.sleep(1)
    still_there = process.poll() is None
    process.terminate()
    assert process.wait(timeout=60) == 143
    assert still_there
