"""The real command line in a subprocess, and small real inputs for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from sampt.cli import run as run_command_line
from sampt.prompts.label_maps import write_label_map
from sampt.synthetic.scene import SyntheticScene
from sampt.video.writer import VideoWriter

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def damage_frame(frame: Path) -> None:
    """Put a PNG in the place of a JPEG frame that has its header and its end, but a wrong byte in between."""
    whole = frame.with_suffix(".png")
    with Image.open(frame) as image:
        image.save(whole)
    frame.unlink()
    content = bytearray(whole.read_bytes())
    content[len(content) // 2] ^= 0xFF
    whole.write_bytes(content)


@pytest.fixture
def sampt(tmp_path: Path) -> Cli:
    """Run ``sampt ARGUMENTS`` in an empty folder."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        # wandb, used in this process before, would have its children join its own background process.
        outer = {key: value for key, value in os.environ.items() if not key.startswith("WANDB_")}
        return subprocess.run(
            [sys.executable, "-m", "sampt", *map(str, arguments)],
            cwd=tmp_path,
            env={**outer, "OMP_NUM_THREADS": "1", **environment},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    """The same in this process, which saves the seconds that importing torch takes."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        code = run_command_line(list(map(str, arguments)))
        return subprocess.CompletedProcess(arguments, code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def scene() -> SyntheticScene:
    return SyntheticScene(frames=12, height=96, width=160, objects=2, seed=3)


@pytest.fixture(scope="session")
def clip(scene: SyntheticScene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with VideoWriter(path, scene.fps, scene.size) as writer:
        for frame in scene:
            writer.write(frame)
    return path


@pytest.fixture(scope="session")
def mask(scene: SyntheticScene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mask") / "00000.png"
    write_label_map(path, scene.label_map(0))
    return path
