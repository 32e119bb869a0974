"""What ``sampt segment`` writes for video editors and datasets, as a user runs it."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from sampt.synthetic.scene import SyntheticScene, write_frames
from sampt.video.reader import Video

from .conftest import Cli

RATE = 48_000


@pytest.fixture(scope="session")
def loud(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip with a beep that begins in frame 4, at 160 ms."""
    path = tmp_path_factory.mktemp("loud") / "loud.mp4"
    with av.open(str(clip)) as source, av.open(str(path), "w") as file:
        video = file.add_stream_from_template(source.streams.video[0])
        audio = file.add_stream("aac", rate=RATE, layout="mono")
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                file.mux(packet)
        seconds = np.arange(RATE * 12 // 25) / RATE
        beep = np.where(seconds >= 0.16, 0.5 * np.sin(2 * np.pi * 900 * seconds), 0).astype(np.float32)
        sound = av.AudioFrame.from_ndarray(beep[None], format="fltp", layout="mono")
        sound.rate, sound.pts, sound.time_base = RATE, 0, Fraction(1, RATE)
        file.mux(audio.encode(sound))
        file.mux(audio.encode(None))
    return path


def beep_begins(path: Path) -> float:
    """When the beep begins in a file, in seconds."""
    with av.open(str(path)) as file:
        frames = list(file.decode(audio=0))
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    begin = float(frames[0].pts * frames[0].time_base)
    return begin + int(np.argmax(np.abs(samples) > 0.2)) / RATE


def has_sound(path: Path) -> bool:
    with av.open(str(path)) as file:
        return bool(file.streams.audio)


def test_the_videos_have_the_clips_sound(here: Cli, loud: Path, mask: Path, tmp_path: Path) -> None:
    done = here("segment", loud, "--mask", mask, "-O", "out", "--background", "blur", "--max-frames", 8)
    assert done.returncode == 0, done.stderr
    for name in ("overlay.mp4", "background.mp4"):
        assert beep_begins(tmp_path / "out" / name) == pytest.approx(0.16, abs=0.01)


def test_sound_starts_with_the_first_frame_used(
    here: Cli, loud: Path, scene: SyntheticScene, tmp_path: Path
) -> None:
    x, y = np.argwhere(scene.masks(3)[0])[:, ::-1].mean(0).round()
    done = here("segment", loud, "--point", f"1:3:{x},{y}:+", "--start", 3, "-O", "out")
    assert done.returncode == 0, done.stderr
    assert beep_begins(tmp_path / "out/overlay.mp4") == pytest.approx(0.16 - 0.12, abs=0.01)


def test_with_a_stride_there_is_no_sound_and_that_is_said(
    here: Cli, loud: Path, mask: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = ("segment", loud, "--mask", mask, "--stride", 2, "--max-frames", 2)
    assert here(*given, "-O", "out").returncode == 0
    assert "no sound" in caplog.text
    assert not has_sound(tmp_path / "out/overlay.mp4")
    caplog.clear()
    assert here(*given, "-O", "none", "--no-overlay").returncode == 0
    assert "no sound" not in caplog.text


def test_everything_at_once(here: Cli, scene: SyntheticScene, mask: Path, tmp_path: Path) -> None:
    write_frames(scene, tmp_path / "clip")
    done = here(
        "segment", "clip", "--mask", mask, "--max-frames", 3, "-O", "out", "--overlay-points",
        "--cutout", "cut.webm", "--cutout-per-object", "--matte", "out/mattes", "--background", "navy",
        "--coco", "out/coco.json", "--coco-polygons", "--export", "ytvis=vis.json", "--export", "yolo=yolo",
        "--export", "davis=davis", "--export", "youtube-vos=ytvos",
        "--category", "1=dog", "--category", "2=cat",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names = [path.stem for path in sorted((tmp_path / "clip").iterdir())[:3]]
    assert (tmp_path / "cut_1.webm").stat().st_size and (tmp_path / "cut_2.webm").stat().st_size
    for k in (1, 2):
        labels = [np.asarray(Image.open(tmp_path / f"out/masks/{name}.png")) for name in names]
        mattes = [np.asarray(Image.open(tmp_path / f"out/mattes/{k}/{name}.png")) for name in names]
        for matte, label in zip(mattes, labels, strict=True):
            np.testing.assert_array_equal(matte > 0, label == k)
    assert [c["name"] for c in json.loads((tmp_path / "out/coco.json").read_text())["categories"]] == [
        "dog",
        "cat",
    ]
    assert len(json.loads((tmp_path / "vis.json").read_text())["annotations"]) == 2
    for place in ("yolo/labels", "davis/Annotations/480p", "ytvos/train/JPEGImages"):
        assert [path.stem for path in sorted((tmp_path / place / "clip").iterdir())] == names
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--cutout", "cut.mp4"), ".mov or .webm"),
        (("--background", "bluish"), "--background bluish: give blur"),
        (("--export", "yolo"), "--export yolo: give a kind and a path"),
        (("--export", "coco=a.json", "--coco", "b.json"), "coco is requested twice"),
        (("--coco", "c.json", "--category", "9=dog"), "there is no object 9"),
        (("--coco", "c.json", "--category", "x=dog"), "--category x=dog: give"),
        (("--coco", "c.json", "--category", "a", "--category", "b"), "give --category either once"),
        (("--coco", "none/c.json"), "create the folder none first"),
        (("--matte", "/proc/matte"), "cannot write into /proc/matte"),
        (("--cutout", "out/masks"), "another result"),
    ],
)
def test_refusals_come_before_any_work(
    here: Cli, clip: Path, mask: Path, tmp_path: Path, given: tuple[str, ...], message: str
) -> None:
    done = here("segment", clip, "--mask", mask, "-O", "out", *given)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr
    assert "Using" not in done.stderr  # before the model is built
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_what_is_finished(mask: Path, tmp_path: Path) -> None:
    write_frames(SyntheticScene(frames=200, height=96, width=160, objects=2, seed=3), tmp_path / "clip")
    command = ["segment", "clip", "--mask", mask, "-O", "out", "--cutout", "cut.mov", "--export", "yolo=yolo"]
    process = subprocess.Popen(
        [sys.executable, "-m", "sampt", *map(str, command), "--export", "ytvis=vis.json", "--matte", "matte"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("out/masks/*.png"))) < 6 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    count = len(json.loads((tmp_path / "out/result.json").read_text())["frames"])
    assert 5 <= count < 200
    with Video(tmp_path / "cut.mov") as film:
        assert len(film) in (count, count + 1)
    images, labels = (list((tmp_path / "yolo" / kind / "clip").iterdir()) for kind in ("images", "labels"))
    assert {path.stem for path in images} == {path.stem for path in labels}
    assert len(images) in (count, count + 1) and (tmp_path / "yolo/data.yaml").is_file()
    vis = json.loads((tmp_path / "vis.json").read_text())
    assert all(len(a["segmentations"]) == vis["videos"][0]["length"] for a in vis["annotations"])
    assert not list(tmp_path.rglob(".*"))


def limited(most: int) -> None:
    """Files may not grow beyond ``most`` bytes, which fails as a full disk does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit for the size of files")
def test_a_file_that_cannot_grow_leaves_the_others_complete(mask: Path, tmp_path: Path) -> None:
    """Only the ProRes file becomes larger than 60 kB, and does so before the run is over."""
    write_frames(SyntheticScene(frames=40, height=96, width=160, objects=2, seed=3), tmp_path / "clip")
    command = ["segment", "clip", "--mask", mask, "-O", "out", "--cutout", "cut.mov", "--coco", "c.json"]
    done = subprocess.run(
        [sys.executable, "-m", "sampt", *map(str, command), "--export", "davis=davis"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: limited(60_000),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "cut.mov cannot be written" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "cut.mov").exists() and not list(tmp_path.rglob(".*"))
    summary = json.loads((tmp_path / "out/result.json").read_text())
    count = len(summary["frames"])
    assert not summary["finished"] and 1 <= count < 40
    with Video(tmp_path / "out/overlay.mp4") as overlay:
        assert len(overlay) == count + 1  # the overlay of the frame in which the cutout failed
    assert len(json.loads((tmp_path / "c.json").read_text())["images"]) == count
    images, labels = (
        sorted(path.stem for path in (tmp_path / "davis" / kind).rglob("*.*g"))
        for kind in ("JPEGImages", "Annotations")
    )
    assert images == labels and len(images) == count
