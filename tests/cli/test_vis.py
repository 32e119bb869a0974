"""``sampt vis``: a whole run on a miniature, with the smallest real model and weights that know nothing."""

from __future__ import annotations

import csv
import json
import pickle
from functools import partial
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from sampt.benchmarks.metrics.ytvis import MEASURES
from sampt.benchmarks.vis import worker
from sampt.benchmarks.vis.annotations import read_annotations
from sampt.benchmarks.vis.evaluation import evaluate_vis
from sampt.benchmarks.vis.masklets import VisSettings
from sampt.benchmarks.vis.miniature import write_vis_miniature
from sampt.benchmarks.vis.worker import VisWorker
from sampt.benchmarks.vos import DatasetChoice
from sampt.cli.run_options import FAILED
from sampt.cli.vis import command
from sampt.config import Config, load_config
from sampt.errors import ConfigError, DatasetError, OutputError, SamptError
from sampt.pipeline import Sampling, SamPt
from sampt.samplers import create_sampler
from sampt.segmenters.mobile_sam import build_mobile_sam
from tests.sampt.parts import DiscSegmenter, SteadyTracker

FEW = [
    *("proposals.points_per_side=2", "proposals.pred_iou_thresh=0", "proposals.stability_score_thresh=0"),
    *("proposals.max_masks=2", "prompting.refinements=0", "prompting.iou_threshold=null"),
]
"""Quick, and satisfied with whatever such a model says."""
VIDEO = "tin_cars-02"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "mobile_sam.pt"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(build_mobile_sam().state_dict(), path)
    return path


@pytest.fixture
def uvo(tmp_path: Path) -> Path:
    write_vis_miniature("uvo", tmp_path / "uvo", frames=3)
    return tmp_path / "uvo"


def vis(root: Path, weights: Path | None, output: Path, *options: object, few: list[str] = FEW) -> Result:
    unused = root.parent / "unused.pt"  # where no model is built from it, a file is all that is wanted
    unused.touch()
    model = ["--segmenter", "mobile-sam", "--checkpoint", weights or unused]
    settings = [argument for setting in few for argument in ("-o", setting)]
    arguments = ["--dataset", "uvo", "--root", root, *model, *settings, "--output", output, *options]
    return CliRunner().invoke(command, list(map(str, arguments)))


def test_a_run_gives_results_scores_and_a_report_and_is_not_done_twice(
    uvo: Path, weights: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    done = vis(uvo, weights, run, "--video", VIDEO)
    assert done.exit_code == 0, (done.output, done.exception)
    annotations = read_annotations(uvo / "VideoDenseSet/UVO_video_val_dense.json")
    predictions = json.loads((run / "results.json").read_text())
    assert 1 <= len(predictions) <= 2
    assert {p["video_id"] for p in predictions} == {2}
    assert all(len(p["segmentations"]) == 3 for p in predictions)
    evaluation = evaluate_vis(run / "results.json", annotations, class_agnostic=True, videos=[2])
    (row,) = csv.DictReader((run / "metrics.csv").open())
    assert list(row)[:6] == ["seed", "AR100", "ARs", "ARm", "ARl", "AP"]
    assert {name: float(row[name] or -1) for name in MEASURES} == pytest.approx(evaluation.measures, abs=1e-6)
    described = json.loads((run / "run.json").read_text())
    assert (described["task"], described["config"]["redetect"]["every"]) == ("vis", None)
    page = (run / "report.html").read_text()
    assert VIDEO in page
    assert page.count("data:image/jpeg") == 3
    assert "AR100" in done.output

    before = (run / VIDEO / "masklets.json").stat().st_mtime_ns
    again = vis(uvo, weights, run, "--video", VIDEO)
    assert again.exit_code == 0, (again.output, again.exception)
    assert (run / VIDEO / "masklets.json").stat().st_mtime_ns == before


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the model that is asked for, one that sees discs everywhere."""

    def build(config: Config) -> SamPt:
        sampling = Sampling(create_sampler("random"), create_sampler("mixed"), positives=1, negatives=0)
        return SamPt(SteadyTracker(), DiscSegmenter(), sampling, overlapping=config.overlapping)

    monkeypatch.setattr(worker, "build", build)


@pytest.mark.usefixtures("quick")
def test_a_run_goes_on_after_a_video_has_failed(uvo: Path, tmp_path: Path) -> None:
    frame, run = uvo / f"uvo_videos_dense_frames/{VIDEO}/1.png", tmp_path / "run"
    whole = frame.read_bytes()
    frame.write_bytes(whole[:100])
    failed = vis(uvo, None, run, "--seeds", 2)
    assert failed.exit_code == FAILED, (failed.output, failed.exception)
    assert not (run / "seed-0" / VIDEO).exists()
    assert [p["video_id"] for p in json.loads((run / "seed-0/results.json").read_text())] == [1, 1]
    frame.write_bytes(whole)
    done = vis(uvo, None, run, "--seeds", 2)
    assert done.exit_code == 0, (done.output, done.exception)
    for seed in (0, 1):
        predictions = json.loads((run / f"seed-{seed}/results.json").read_text())
        assert [p["video_id"] for p in predictions] == [1, 1, 2, 2]
    assert [row["seed"] for row in csv.DictReader((run / "metrics.csv").open())] == ["0", "1"]


@pytest.mark.usefixtures("quick")
def test_without_public_truth_there_are_results_and_a_report(tmp_path: Path) -> None:
    write_vis_miniature("ovis", tmp_path / "ovis", frames=3)
    run = tmp_path / "run"
    done = vis(tmp_path / "ovis", None, run, "--dataset", "ovis")
    assert done.exit_code == 0, (done.output, done.exception)
    assert len(json.loads((run / "results.json").read_text())) == 4
    assert not (run / "metrics.csv").exists()
    page = (run / "report.html").read_text()
    assert "img_0000002" in page
    assert "AR100" not in page + done.output


@pytest.mark.usefixtures("quick")
def test_beginning_anew_leaves_nothing_of_the_earlier_run(uvo: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    vis(uvo, None, run)
    refused = vis(uvo, None, run, "-o", "redetect.every=1")
    assert isinstance(refused.exception, OutputError)
    assert "config.redetect.every is None there and 1 here" in str(refused.exception)
    done = vis(uvo, None, run, "-o", "redetect.every=1", "--video", VIDEO, "--overwrite")
    assert done.exit_code == 0, (done.output, done.exception)
    assert not (run / "-tin_boat01").exists()
    starts = {
        sum(m is None for m in p["segmentations"]) for p in json.loads((run / "results.json").read_text())
    }
    assert starts == {0, 1, 2}


@pytest.mark.usefixtures("quick")
def test_wandb_gets_measures_and_videos(uvo: Path, tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    options = ("--wandb", "--wandb-mode", "offline", "--wandb-video", VIDEO)
    done = vis(uvo, None, tmp_path / "run", *options)
    assert done.exit_code == 0, (done.output, done.exception)
    (logged,) = (tmp_path / "run/wandb").glob("offline-run-*/*.wandb")
    assert b"AR100" in logged.read_bytes()
    assert len(list((tmp_path / "run/wandb").rglob("*.mp4"))) == 1


def test_workers_can_be_sent_to_other_processes(uvo: Path) -> None:
    make = partial(VisWorker, DatasetChoice("uvo", uvo, "val", {}), VisSettings())
    sent = pickle.loads(pickle.dumps(make))
    assert sent({"": load_config("quick")}).dataset.names == ("-tin_boat01", VIDEO)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        (("--segmenter", "grabcut"), ConfigError, "such as --segmenter mobile-sam"),
        (("-o", "redetect.evry=2"), ConfigError, "did you mean 'redetect.every'"),
        (("-o", "tracker.nme=2"), ConfigError, "did you mean 'tracker.name'"),
        (("--video", "tin_car"), DatasetError, "did you mean 'tin_cars-02'"),
        (("-o", "seed=7", "--seeds", "2"), ConfigError, "seed 7 and --seeds 2"),
        (("--wandb-video", VIDEO), ConfigError, "--wandb"),
        (("--split", "valid"), ConfigError, "did you mean 'val'"),
        (("--dataset", "ytvis2020"), ConfigError, "did you mean 'ytvis20"),
        (("--dataset", "ovis"), DatasetError, "annotations_valid.json"),
    ],
)
def test_what_will_not_do_is_said_before_anything_is_made(
    uvo: Path, tmp_path: Path, options: tuple[str, ...], error: type[SamptError], sentence: str
) -> None:
    refused = vis(uvo, None, tmp_path / "run", *options)
    assert isinstance(refused.exception, error), refused.output
    assert sentence in str(refused.exception)
    assert not (tmp_path / "run").exists()


def test_another_runs_folder_is_left_alone(uvo: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/notes.txt").touch()
    refused = vis(uvo, None, tmp_path / "run")
    assert isinstance(refused.exception, OutputError)
    assert (tmp_path / "run/notes.txt").exists()
