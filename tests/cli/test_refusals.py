"""What can be refused is refused before torch is imported, by every command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sampt.benchmarks.datasets.miniature import write_miniature
from sampt.benchmarks.vis.miniature import write_vis_miniature

HOOK = """
import sys
from sampt.cli import run
code = run(sys.argv[1:])
print("torch" if "torch" in sys.modules else "no torch")
sys.exit(code)
"""
POINT = ("--point", "1:0:80,48:+")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Path:
    """A folder with whatever the refused commands name."""
    folder = tmp_path_factory.mktemp("refusals")
    (folder / "clip.mp4").write_bytes(clip.read_bytes())
    (folder / "held").mkdir()
    (folder / "held/result.json").write_text("{}")
    (folder / "file").touch()
    (folder / "bad.json").write_text('{"version": 1, "object": []}')
    outside = [{"id": 1, "frame": 0, "positive": [[500, 500]]}]
    (folder / "outside.json").write_text(json.dumps({"version": 1, "objects": outside}))
    (folder / "bad.yaml").write_text("trackr: {name: dis}\n")
    write_miniature("davis2017", folder / "davis")
    write_vis_miniature("uvo", folder / "uvo")
    return folder


def refused(place: Path, *arguments: str, **environment: str) -> str:
    """Run a command in a new process; what it says when it refuses to begin."""
    done = subprocess.run(
        [sys.executable, "-c", HOOK, *arguments],
        cwd=place,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout.splitlines()[-1] == "no torch", done.stderr
    assert "Traceback" not in done.stderr
    assert not (place / "out").exists()
    return done.stderr.splitlines()[-1].removeprefix("Error: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--output", "held"), "--overwrite"),
        (("--output", "file/out"), "file/out"),
        (("--coco", "nowhere/coco.json"), "nowhere"),
        (("--coco", "held"), "held: it is a folder"),
        (("--tracker", "lukas-kanade"), "'lucas-kanade'"),
        (("--tracker", "pip"), "'pips'"),
        (("-o", "tracker.options.patiance=3"), "'patience'"),
        (("-o", "tracker.options.patience=0"), "patience"),
        (("--tracker", "pips", "-o", "tracker.options.iteration=3"), "'iterations'"),
        (("--segmenter", "grabcot"), "'grabcut'"),
        (("--method", "sampt"), "'sam-pt'"),
        (("-o", "sampling.positive.name=kmedoids"), "'k-medoids'"),
        (("-o", "reinit.strategy=horizont"), "'horizon'"),
        (("-o", "prompting.refinement=3"), "'prompting.refinements'"),
        (("-o", "dtype=float16"), "'bfloat16'"),
        (("--device", "cud"), "'cuda'"),
        (("--device", "cuda:x"), "cuda:x"),
        (("--config", "quik"), "'quick'"),
        (("--config", "bad.yaml"), "'tracker'"),
        (("--segmenter", "sam-vit-b", "--segmenter-checkpoint", "none.pth"), "none.pth"),
        (("--tracker", "pips", "--tracker-checkpoint", "pip"), "'pips'"),
        (("--segmenter-checkpoint", "file"), "checkpoint"),
        (("--start", "99"), "--start 99"),
    ],
)
def test_segment(place: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(place, "segment", "clip.mp4", *POINT, "--output", "out", *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.mp4", *POINT), "nowhere.mp4"),
        (("clip.mp4", "--points", "nowhere.json"), "nowhere.json"),
        (("clip.mp4", "--points", "bad.json"), "'objects'"),
        (("clip.mp4", "--points", "outside.json"), "outside"),
        (("clip.mp4", "--point", "1:0:80;48"), "--point"),
        (("clip.mp4", "--mask", "nowhere.png"), "nowhere.png"),
        (("clip.mp4",), "--points"),
    ],
)
def test_input_of_segment(place: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(place, "segment", *arguments, "--output", "out")


def test_weights_that_may_not_be_downloaded(place: Path) -> None:
    said = refused(
        *(place, "segment", "clip.mp4", *POINT, "--output", "out", "--segmenter", "mobile-sam"),
        SAMPT_OFFLINE="1",
        SAMPT_HOME=str(place / "home"),
    )
    assert "mobile_sam.pt" in said and "--segmenter-checkpoint" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.mp4", *POINT), "nowhere.mp4"),
        (("clip.mp4", *POINT, "--output", "held"), "--overwrite"),
        (("clip.mp4", *POINT, "--tracker", "diss"), "'dis'"),
        (("clip.mp4", *POINT, "-o", "tracker.options.patiance=3"), "'patience'"),
        (("clip.mp4", *POINT, "-o", "trackr.options.patience=3"), "'tracker'"),
        (("clip.mp4", *POINT, "--device", "tpu0"), "'tpu0'"),
        (("clip.mp4", "--points", "outside.json"), "outside"),
        (("clip.mp4", "--point", "1:0:80,48:-"), "positive"),
    ],
)
def test_track(place: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(place, "track", "--output", "out", *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.mp4",), "nowhere.mp4"),
        (("clip.mp4", "--output", "held"), "--overwrite"),
        (("clip.mp4", "--segmenter", "sam-vitb"), "'sam-vit-b'"),
        (("clip.mp4", "--segmenter", "grabcut"), "grabcut"),
        (("clip.mp4", "-o", "proposals.points_per_sid=3"), "'proposals.points_per_side'"),
        (("clip.mp4", "-o", "proposals.pred_iou_thresh=2"), "from 0 to 1"),
        (("clip.mp4", "--frame", "99"), "--frame 99"),
        (("clip.mp4", "--segmenter-checkpoint", "none.pth"), "none.pth"),
    ],
)
def test_propose(place: Path, arguments: tuple[str, ...], said: str) -> None:
    weights = () if "none.pth" in arguments or "grabcut" in arguments else ("--segmenter-checkpoint", "file")
    assert said in refused(place, "propose", "--output", "out", *weights, *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dataset", "davis2018"), "did you mean 'davis201"),
        (("--root", "nowhere"), "nowhere"),
        (("--split", "vall"), "'val'"),
        (("--sequence", "tin_car"), "'tin-cars'"),
        (("-d", "resolutoin=480p"), "'resolution'"),
        (("-d", "resolution"), "give it as KEY=VALUE"),
        (("--tracker", "diss"), "'dis'"),
        (("--segmenter", "grabcot"), "'grabcut'"),
        (("-o", "prompting.refinement=3"), "'prompting.refinements'"),
        (("--output", "held"), "held"),
    ],
)
@pytest.mark.parametrize("command", [("vos",), ("interactive-benchmark",), ("ablate", "points")])
def test_vos_and_its_like(
    place: Path, command: tuple[str, ...], arguments: tuple[str, ...], said: str
) -> None:
    usual = ("--dataset", "davis2017", "--root", "davis", "--output", "out")
    assert said in refused(place, *command, *usual, *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dataset", "uvos"), "'uvo'"),
        (("--root", "nowhere"), "nowhere"),
        (("--tracker", "diss"), "'dis'"),
        (("-o", "redetect.evry=3"), "'redetect.every'"),
        (("-o", "proposals.points_per_sid=3"), "'proposals.points_per_side'"),
        (("--segmenter-checkpoint", "none.pth"), "none.pth"),
        (("--output", "held"), "held"),
    ],
)
def test_vis(place: Path, arguments: tuple[str, ...], said: str) -> None:
    usual = ("--dataset", "uvo", "--root", "uvo", "--output", "out", "--segmenter", "mobile-sam")
    weights = () if "none.pth" in arguments else ("--segmenter-checkpoint", "file")
    assert said in refused(place, "vis", *usual, *weights, *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ablate", "pionts", "--dataset", "davis2017", "--root", "davis"), "'points'"),
        (("evaluate", "--results", "nowhere", "--annotations", "davis"), "nowhere"),
        (("evaluate", "--results", "held", "--annotations", "davis", "--json", "no/x.json"), "no/x.json"),
        (("evaluate-tracks", "--synthetic", "--tracker", "diss"), "'dis'"),
        (("evaluate-tracks", "--synthetic", "--json", "no/x.json"), "no/x.json"),
        (("evaluate-tracks", "--data", "nowhere.pkl"), "nowhere.pkl"),
        (("evaluate-tracks", "--synthetic", "-o", "tracker.options.windo=3"), "'window'"),
        (("evaluate-vis", "--results", "nowhere.json", "--annotations", "bad.json"), "json"),
        (("evaluate-vis", "--results", "bad.json", "--annotations", "bad.json", "--json", "held"), "held"),
        (("demo", "--output", "held"), "--overwrite"),
        (("demo", "--output", "out", "--config", "quik"), "'quick'"),
        (("demo", "--output", "out", "-o", "sed=3"), "'seed'"),
        (("app", "nowhere.mp4"), "nowhere.mp4"),
        (("app", "--segmenter", "grabcot"), "'grabcut'"),
        (("app", "--max-upload", "2 elephants"), "elephants"),
        (("weights", "download", "mobilesam"), "'mobile-sam'"),
        (("segmnt",), "'segment'"),
        (("segment", "clip.mp4", "--outptu", "out"), "'--output'"),
    ],
)
def test_other_commands(place: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(place, *arguments)
