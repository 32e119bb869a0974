"""``sampt segment`` and ``track`` on a stream from a real server, as it comes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from sampt.synthetic.scene import SyntheticScene
from tests.sampt.video.streams import send_mjpeg, send_mpegts, serving

from .conftest import Cli

FRAMES = 24


@pytest.fixture(scope="module")
def live_scene() -> SyntheticScene:
    return SyntheticScene(frames=FRAMES, height=96, width=160, objects=1, seed=3)


@pytest.fixture(scope="module")
def point(live_scene: SyntheticScene) -> tuple[str, str]:
    x, y = np.argwhere(live_scene.masks(0)[0])[:, ::-1].mean(0).round()
    return "--point", f"1:0:{x:g},{y:g}"


def frames_in(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_a_stream_is_segmented_to_its_end(
    here: Cli, live_scene: SyntheticScene, point: tuple[str, str], tmp_path: Path
) -> None:
    with serving(send_mpegts, list(live_scene)) as address:
        done = here("segment", address, *point, "--output", "out")
    assert done.returncode == 0, done.stderr
    masks = [np.array(Image.open(p)) for p in sorted((tmp_path / "out/masks").iterdir())]
    assert len(masks) == frames_in(tmp_path / "out/overlay.mp4") == FRAMES
    for t in (0, 3, 6):
        truth = live_scene.masks(t)[0]
        assert ((masks[t] > 0) & truth).sum() / ((masks[t] > 0) | truth).sum() > 0.5
    summary = json.loads((tmp_path / "out/result.json").read_text())
    assert summary["finished"]
    assert summary["request"]["frames"] is None


def test_as_many_frames_as_are_asked_for(
    here: Cli, live_scene: SyntheticScene, point: tuple[str, str], tmp_path: Path
) -> None:
    limits = ("--stride", 2, "--max-frames", 5)
    with serving(send_mjpeg, list(live_scene)) as address:
        done = here("segment", address, *point, *limits, "--output", "out")
    assert done.returncode == 0, done.stderr
    names = [p.stem for p in sorted((tmp_path / "out/masks").iterdir())]
    assert names == ["00000", "00002", "00004", "00006", "00008"]
    assert json.loads((tmp_path / "out/result.json").read_text())["finished"]


def test_ctrl_c_leaves_what_came_until_then(
    live_scene: SyntheticScene, point: tuple[str, str], tmp_path: Path
) -> None:
    endless = [live_scene[t % FRAMES] for t in range(3000)]
    output = tmp_path / "out"
    with serving(send_mpegts, endless, pause=0.05) as address:
        process = subprocess.Popen(
            [sys.executable, "-m", "sampt", "segment", address, *point, "--output", str(output)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        deadline = time.monotonic() + 120
        while len(list(output.glob("masks/*.png"))) < 6 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said and "Interrupted." in said
    summary = json.loads((output / "result.json").read_text())
    assert not summary["finished"]
    assert 5 <= len(summary["frames"]) == frames_in(output / "overlay.mp4") < 3000
    assert not list(output.rglob(".*"))


def test_a_lost_stream_is_told_and_its_frames_stay(
    here: Cli, live_scene: SyntheticScene, point: tuple[str, str], tmp_path: Path
) -> None:
    with serving(send_mjpeg, list(live_scene), lost=True) as address:
        done = here("segment", address, *point, "--output", "out")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"Error: {address} was lost after ")
    summary = json.loads((tmp_path / "out/result.json").read_text())
    assert not summary["finished"]
    assert FRAMES - 4 <= len(summary["frames"]) == frames_in(tmp_path / "out/overlay.mp4")


def test_tracks_of_a_stream(
    here: Cli, live_scene: SyntheticScene, point: tuple[str, str], tmp_path: Path
) -> None:
    with serving(send_mpegts, list(live_scene)) as address:
        done = here("track", address, *point, "--tracker", "lucas-kanade", "--output", "out")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out/trajectories.npz") as tracks:
        assert len(tracks["frames"]) == frames_in(tmp_path / "out/tracks.mp4") == FRAMES


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--point", "1:3:80,48"), "has to be marked in frame 0, the first one"),
        (("--point", "1:0:80,48", "--point", "1:3:80,48"), "has to be marked in frame 0, the first one"),
        (("--point", "1:0:80,48", "--tracker", "cotracker3-offline"), "dis or cotracker3"),
        (("--point", "1:0:80,48", "--resume"), "--resume needs frames that can be read again"),
        (("--session", "s.json"), "--session needs a video with an end"),
        (("--point", "1:0:80,48", "--start", 5), "object 1: query frame 0 is not among"),
    ],
)
def test_what_a_stream_cannot_do(
    here: Cli, live_scene: SyntheticScene, tmp_path: Path, arguments: tuple[object, ...], said: str
) -> None:
    with serving(send_mpegts, list(live_scene)) as address:
        done = here("segment", address, *arguments, "--output", "out")
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["segment", "track", "propose"])
def test_a_camera_that_does_not_exist(here: Cli, tmp_path: Path, command: str) -> None:
    weights = tmp_path / "weights.pt"
    weights.touch()
    chosen = ("--segmenter-checkpoint", weights) if command == "propose" else ("--point", "1:0:9,9")
    done = here(command, "77", *chosen, "--output", "out")
    assert done.returncode == 2
    assert "camera 77 cannot be opened" in done.stderr
    assert not (tmp_path / "out").exists()
