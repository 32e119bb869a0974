"""``sampt segment`` with points in several frames, with saved sessions, and stopped and resumed."""

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
from PIL import Image

from sampt import InteractiveSession, SamPt, Video
from sampt.app.exports import export
from sampt.synthetic.scene import SyntheticScene

from .conftest import Cli


def label_maps(output: Path) -> list[np.ndarray]:
    return [np.array(Image.open(p)) for p in sorted((output / "masks").glob("*.png"))]


def on(scene: SyntheticScene, k: int, frame: int) -> tuple[float, float]:
    x, y = np.argwhere(scene.masks(frame)[k])[:, ::-1].mean(0).round()
    return float(x), float(y)


def point(object_id: int, frame: int, xy: tuple[float, float], sign: str = "+") -> tuple[str, str]:
    return "--point", f"{object_id}:{frame}:{xy[0]:g},{xy[1]:g}:{sign}"


def session_masks(session: InteractiveSession) -> list[np.ndarray]:
    list(session.run())
    return [session.frame(t).label_map() for t in range(len(session.video))]


def same(made: list[np.ndarray], expected: list[np.ndarray]) -> bool:
    return len(made) == len(expected) and all(map(np.array_equal, made, expected))


CONFIGS = [(), ("-o", "reinit.strategy=null", "-o", "sampling.from_clicks=false")]


@pytest.mark.parametrize("options", CONFIGS, ids=["quick", "points alone"])
@pytest.mark.parametrize("first", [0, 4], ids=["from the first frame", "both ways"])
def test_clicks_in_several_frames_give_what_a_session_gives(
    here: Cli, clip: Path, scene: SyntheticScene, tmp_path: Path, options: tuple[str, ...], first: int
) -> None:
    clicks = [
        *[(1, first, on(scene, 0, first), "+"), (1, first, (2, 2), "-"), (1, first, (150, 90), "+")],
        *[(2, 0, on(scene, 1, 0), "+"), (1, 8, (150, 90), "-"), (2, 6, on(scene, 1, 6), "+")],
        (1, 2, on(scene, 0, 2), "+"),
    ]
    given = [text for id, t, xy, sign in clicks for text in point(id, t, xy, sign)]
    done = here("segment", clip, *given, *options, "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "corrected in frame" in done.stderr
    overrides = [o for o in options if o != "-o"]
    with InteractiveSession(SamPt.from_config("quick", overrides), clip) as session:
        session.add_object()
        session.add_object()
        for id, t, xy, sign in clicks:
            session.add_point(id, t, xy, sign == "+")
        expected = session_masks(session)
    assert same(label_maps(tmp_path / "out"), expected)
    assert any(labels.any() for labels in expected)
    summary = json.loads((tmp_path / "out/result.json").read_text())
    assert summary["finished"]
    assert [o["query_frame"] for o in summary["objects"]] == [first, 0]
    with np.load(tmp_path / "out/trajectories.npz") as tracks:
        assert tracks["frames"].tolist() == list(range(len(scene)))

    again = here("segment", clip, "--session", tmp_path / "out/session.json", *options, "-O", tmp_path / "b")
    assert again.returncode == 0, again.stderr
    assert same(label_maps(tmp_path / "b"), expected)


def test_a_saved_session_gives_the_masks_of_the_pages_export(
    here: Cli, clip: Path, scene: SyntheticScene, tmp_path: Path
) -> None:
    from contextlib import nullcontext
    from zipfile import ZipFile

    with Video(clip) as video, InteractiveSession(SamPt.from_config("quick"), video) as session:
        car, unmarked, ball = (session.add_object(name) for name in ("car", None, "ball"))
        p = session.add_point(car, 3, on(scene, 0, 3))
        session.add_point(ball, 0, (3, 3), positive=False)
        session.add_point(ball, 5, on(scene, 1, 5))
        session.move_point(p, 7, on(scene, 0, 7))
        session.add_point(car, 9, (2, 2))
        session.undo()
        session.rename_object(car, "first car")
        assert session.home(unmarked) is None
        list(session.run())
        list(export(session, video, tmp_path, ["masks.zip", "session.json"], nullcontext))
    done = here("segment", clip, "--session", tmp_path / "session.json", "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "2 objects: 1 'first car' by 2 points in frames 3, 7; 3 'ball' by 2 points in frames 0, 5." in (
        done.stderr
    )
    with ZipFile(tmp_path / "masks.zip") as masks:
        names = sorted(masks.namelist())
        assert names == [p.name for p in sorted((tmp_path / "out/masks").iterdir())]
        expected = [np.array(Image.open(masks.open(name))) for name in names]
    assert same(label_maps(tmp_path / "out"), expected)
    assert {value for labels in expected for value in np.unique(labels)} == {0, 1, 3}


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of frames that takes some seconds."""
    folder = tmp_path_factory.mktemp("long")
    for t, frame in enumerate(SyntheticScene(frames=60, height=180, width=320, seed=1)):
        Image.fromarray(frame).save(folder / f"{t:05d}.png")
    return folder


def test_points_refine_a_mask_and_add_objects(here: Cli, long: Path, tmp_path: Path) -> None:
    """In the mask's frame alone it is one query; in a later one, the object is corrected from there on."""
    scene = SyntheticScene(frames=60, height=180, width=320, seed=1)
    first = (scene.masks(0)[0] * 255).astype(np.uint8)
    Image.fromarray(first).save(tmp_path / "mask.png")
    plain = ("segment", long, "--mask", "mask.png", *point(2, 3, on(scene, 1, 3)), "--max-frames", 12)
    assert here(*plain, "-O", "plain").returncode == 0
    corrections = (*point(1, 8, on(scene, 0, 8), "-"), *point(1, 10, on(scene, 0, 10)))
    late = here(*plain, *corrections[2:], "-O", "late")
    assert (
        "1 by a mask of" in late.stderr and "corrected in frame 10; 2 by 1 point in frame 3." in late.stderr
    )
    done = here(*plain, *corrections, "-O", "corrected")
    assert done.returncode == late.returncode == 0, done.stderr
    corrected, late = label_maps(tmp_path / "corrected"), label_maps(tmp_path / "late")
    for labels in (corrected, label_maps(tmp_path / "plain")):
        np.testing.assert_array_equal(labels[0] == 1, first > 0)
        assert (labels[5] == 2).any()
    assert same(corrected[:8], late[:8])
    assert not np.array_equal(corrected[8], late[8])


def test_a_box_and_a_later_point(here: Cli, clip: Path, scene: SyntheticScene, tmp_path: Path) -> None:
    rows, columns = np.nonzero(scene.masks(2)[1])
    box = f"7:2:{columns.min()},{rows.min()},{columns.max()},{rows.max()}"
    options = ("--start", 2, "--stride", 2)
    done = here("segment", clip, "--box", box, *point(7, 6, on(scene, 1, 6)), *options, "-O", "out")
    assert done.returncode == 0, done.stderr
    assert [p.stem for p in sorted((tmp_path / "out/masks").iterdir())] == [
        *("00002", "00004", "00006", "00008", "00010")
    ]
    for labels, t in zip(label_maps(tmp_path / "out"), range(2, 12, 2), strict=True):
        truth = scene.masks(t)[1]
        assert ((labels == 7) & truth).sum() / ((labels == 7) | truth).sum() > 0.5
    # Its session has the frames that were used.
    again = here("segment", clip, "--session", "out/session.json", *options, "-O", "again")
    assert again.returncode == 0, again.stderr
    assert same(label_maps(tmp_path / "again"), label_maps(tmp_path / "out"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--point", "1:0:80,48", "--point", "1:99:80,48"), "object 1: query frame 99 is not among"),
        (("--point", "1:0:80,48", "--point", "1:5:800,48"), "object 1: the point 800,48 is outside"),
        (("--point", "1:0:80,48", "--point", "1:5:80,48", "--span", "1:0-6"), "spans cannot be combined"),
        (("--point", "1:0:80,48:-", "--point", "1:5:80,48"), "no positive point"),
        (("--point", "1:0:80,48", "--session", "s.json"), "leave out --point"),
        (("--session", "none.json"), "none.json"),
        (("--session", "other.json"), "other.json belongs to another video"),
        (("--session", "cut.json"), "cut.json, line 1, column 14: malformed JSON"),
        (("--session", "empty.json"), "empty.json marks no object"),
        (("--mask", "m.png", "--points", "p.json"), "--points and --mask"),
    ],
)
def test_refusals(here: Cli, clip: Path, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    size = {"frames": 12, "height": 96, "width": 160}
    (tmp_path / "empty.json").write_text(json.dumps({"version": 1, "video": size, "edits": []}))
    (tmp_path / "other.json").write_text(
        json.dumps({"version": 1, "video": {**size, "frames": 13}, "edits": []})
    )
    (tmp_path / "cut.json").write_text('{"version": 1')
    done = here("segment", clip, *arguments, "--output", "out")
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


Killed = Callable[[list[object], Path, signal.Signals], None]


@pytest.fixture
def killed(tmp_path: Path) -> Killed:
    """Start a command and send it a signal as soon as there are some masks."""

    def run(arguments: list[object], output: Path, number: signal.Signals) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "sampt", *map(str, arguments)],
            cwd=tmp_path,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        deadline = time.monotonic() + 120
        while len(list(output.glob("masks/*.png"))) < 5 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(timeout=60) not in (0, 2)

    return run


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_is_finished_with_the_same_masks(
    here: Cli, killed: Killed, long: Path, tmp_path: Path, number: signal.Signals
) -> None:
    scene = SyntheticScene(frames=60, height=180, width=320, seed=1)
    given = ["segment", long, *point(1, 0, on(scene, 0, 0)), "--coco", tmp_path / "coco.json"]
    output = tmp_path / "out"
    killed([*given, "-O", output, "--resume"], output, number)
    stopped = {p.name: p.stat().st_mtime_ns for p in output.glob("masks/[0-9]*.png")}
    assert 0 < len(stopped) < 60
    spoiled = sorted(stopped)[1]
    (output / "masks" / spoiled).write_bytes(b"")  # as after a power cut

    done = here(*given, "-O", output, "--resume")
    assert done.returncode == 0, done.stderr
    assert here(*given, "-O", "whole", "--overwrite").returncode == 0
    assert same(label_maps(output), label_maps(tmp_path / "whole"))
    kept = {name for name, at in stopped.items() if (output / "masks" / name).stat().st_mtime_ns == at}
    assert kept == set(stopped) - {spoiled}
    assert json.loads((output / "result.json").read_text())["finished"]
    with av.open(str(output / "overlay.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 60
    assert not list(output.rglob(".*"))
    with np.load(output / "trajectories.npz") as a, np.load(tmp_path / "whole/trajectories.npz") as b:
        assert all(np.array_equal(a[key], b[key]) for key in b)

    before = (output / "result.json").stat().st_mtime_ns
    finished = here(*given, "-O", output, "--resume")
    assert finished.returncode == 0
    assert "Already finished: 60 frames" in finished.stderr
    assert (output / "result.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("-o", "reinit.strategy=null"), 'settings.reinit.strategy is "on-loss" there and null here'),
        (("--stride", 2), "options.stride is 1 there and 2 here"),
        (("--no-overlay",), "options.overlay is true there and false here"),
        (("--point", "2:0:20,20"), "prompts.objects"),
        (("--overwrite",), "--resume and --overwrite"),
    ],
)
def test_another_run_is_not_resumed(
    here: Cli, clip: Path, tmp_path: Path, changed: tuple[object, ...], said: str
) -> None:
    given = ("segment", clip, "--point", "1:0:80,48", "--max-frames", 2, "-O", "out")
    assert here(*given).returncode == 0
    refused = here(*given, *changed, "--resume")
    assert refused.returncode == 2
    assert said in refused.stderr
    assert here(*given, "--resume", "--device", "cpu").returncode == 0


@pytest.mark.parametrize("content", ["", "{}", "[]"])
def test_results_of_unknown_origin_are_not_resumed(
    here: Cli, clip: Path, tmp_path: Path, content: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/result.json").write_text(content)
    done = here("segment", clip, "--point", "1:0:80,48", "-O", "out", "--resume")
    assert done.returncode == 2
    assert "result.json" in done.stderr and "--overwrite" in done.stderr
