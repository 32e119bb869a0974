"""What can be refused is refused before torch is imported, by every command."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sampt.benchmarks.datasets.miniature import write_miniature
from sampt.benchmarks.vis.miniature import write_vis_miniature

COMMANDS = """
import contextlib, io, json, os, sys
import sampt.benchmarks.running.runner, sampt.config.loading, sampt.video.reader
from sampt.cli import run
for line in sys.stdin:
    arguments, environment = json.loads(line)
    if child := os.fork():
        os.waitpid(child, 0)
        continue
    os.environ.update(environment)
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = run(arguments)
    print(json.dumps({"code": code, "said": said.getvalue(), "torch": "torch" in sys.modules}), flush=True)
    os._exit(0)
"""
"""Runs each line as a command in a fork of a process that has imported everything but torch."""

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


Refused = Callable[..., str]


@pytest.fixture(scope="module")
def refused(place: Path) -> Iterator[Refused]:
    """Run a command without torch; what it says when it refuses to begin."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", COMMANDS], cwd=place, **pipes) as process:

        def run(*arguments: str, **environment: str) -> str:
            process.stdin.write(json.dumps([arguments, environment]) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert (answer["code"], answer["torch"]) == (2, False), answer["said"]
            assert "Traceback" not in answer["said"]
            assert not (place / "out").exists()
            return str(answer["said"].splitlines()[-1]).removeprefix("Error: ")

        yield run


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
def test_segment(refused: Refused, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused("segment", "clip.mp4", *POINT, "--output", "out", *arguments)


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
def test_input_of_segment(refused: Refused, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused("segment", *arguments, "--output", "out")


def test_weights_that_may_not_be_downloaded(refused: Refused, place: Path) -> None:
    said = refused(
        *("segment", "clip.mp4", *POINT, "--output", "out", "--segmenter", "mobile-sam"),
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
def test_track(refused: Refused, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused("track", "--output", "out", *arguments)


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
def test_propose(refused: Refused, arguments: tuple[str, ...], said: str) -> None:
    weights = () if "none.pth" in arguments or "grabcut" in arguments else ("--segmenter-checkpoint", "file")
    assert said in refused("propose", "--output", "out", *weights, *arguments)


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
    refused: Refused, command: tuple[str, ...], arguments: tuple[str, ...], said: str
) -> None:
    usual = ("--dataset", "davis2017", "--root", "davis", "--output", "out")
    assert said in refused(*command, *usual, *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--split", "test-dev"), "choose a split with annotations of every frame"),
        (("--compare", "nowhere"), "nowhere"),
        (("--target", "1.5"), "--target"),
        (("--budget", "0"), "--budget"),
    ],
)
def test_interactive_benchmark(refused: Refused, arguments: tuple[str, ...], said: str) -> None:
    usual = ("--dataset", "davis2017", "--root", "davis", "--output", "out")
    assert said in refused("interactive-benchmark", *usual, *arguments)


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
def test_vis(refused: Refused, arguments: tuple[str, ...], said: str) -> None:
    usual = ("--dataset", "uvo", "--root", "uvo", "--output", "out", "--segmenter", "mobile-sam")
    weights = () if "none.pth" in arguments else ("--segmenter-checkpoint", "file")
    assert said in refused("vis", *usual, *weights, *arguments)


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
        (("report", "nowhere"), "nowhere has no run.json"),
        (("report", "held", "davis"), "held has no run.json"),
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
def test_other_commands(refused: Refused, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(*arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("arxiv_table3_sampt",), "'arxiv_table3_sam_pt'"),
        (("arxiv_table3_sam_pt",), "give --root FOLDER"),
        (("arxiv_table3_sam_pt", "--root", "nowhere"), "nowhere"),
        (("arxiv_table3_sam_pt", "--root", "davis", "--output", "held"), "held"),
        (
            ("arxiv_table3_sam_pt", "--root", "davis", "-o", "prompting.refinement=3"),
            "'prompting.refinements'",
        ),
        (("arxiv_table3_sam_pt", "--root", "davis", "--sequence", "tin_car"), "'tin-cars'"),
        (
            ("arxiv_table2_negatives", "--root", "davis", "-o", "sampling.negative.points=3"),
            "negative.points",
        ),
        (("wacv_table2_tapir", "--root", "davis"), "the nearest row is wacv_table2_trackers"),
        (("wacv_fig5_online", "--root", "davis", "--seeds", "2"), "leave out --seeds"),
        (("wacv_fig5_online", "--seeds", "2", "--dry-run"), "leave out --seeds"),
        (("--root", "davis"), "give the NAME of a row"),
    ],
)
def test_reproduce(refused: Refused, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused("reproduce", *arguments, "--tracker", "dis", "--segmenter", "grabcut")
