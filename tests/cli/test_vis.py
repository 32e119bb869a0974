"""``sampt vis``: a whole run on a miniature, with the smallest real model and weights that know nothing."""

from __future__ import annotations

import csv
import json
import pickle
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco
from torch.nn.functional import interpolate

from sampt.benchmarks.datasets.base import DatasetChoice
from sampt.benchmarks.metrics.ytvis import MEASURES
from sampt.benchmarks.running import methods
from sampt.benchmarks.vis.annotations import read_annotations
from sampt.benchmarks.vis.evaluation import evaluate_vis
from sampt.benchmarks.vis.miniature import write_vis_miniature
from sampt.benchmarks.vis.settings import VisConfig, VisSettings
from sampt.benchmarks.vis.worker import VisWorker
from sampt.cli.run_options import FAILED
from sampt.config import Config, load_config
from sampt.config.schema import WorkingSize
from sampt.methods.results import FrameResult
from sampt.methods.sam_pt.pipeline import Sampling, SamPt
from sampt.methods.sam_pt.samplers import create_sampler
from sampt.prompts.object_query import ObjectQuery
from sampt.prompts.query_points import QueryPoints
from sampt.proposals.generator import propose
from sampt.segmenters.base import PromptableSegmenter
from sampt.segmenters.mobile_sam import build_mobile_sam
from tests.sampt.parts import DiscSegmenter, SteadyTracker, tiny_segmenter

from .conftest import Cli

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


@pytest.fixture(scope="module")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("miniature") / "uvo"
    write_vis_miniature("uvo", root, frames=3)
    return root


@pytest.fixture
def uvo(miniature: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(miniature, tmp_path / "uvo"))


def arguments(root: Path, weights: Path | None, *options: object) -> list[object]:
    """Of a run in the folder ``run``, unless the options say otherwise."""
    unused = root.parent / "unused.pt"  # where no model is built from it, a file is all that is wanted
    unused.touch()
    model = ["--segmenter", "mobile-sam", "--segmenter-checkpoint", weights or unused]
    settings = [argument for setting in FEW for argument in ("-o", setting)]
    return ["vis", "--dataset", "uvo", "--root", root, *model, *settings, "--output", "run", *options]


def records(run: Path, video: str, seeds: int) -> list[dict[str, Any]]:
    return [json.loads((run / f"records/{seed}/{video}.json").read_text()) for seed in range(seeds)]


def test_a_run_gives_results_scores_and_a_report_and_is_not_done_twice(
    here: Cli, uvo: Path, weights: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    done = here(*arguments(uvo, weights, "--sequence", VIDEO))
    assert done.returncode == 0, done.stderr
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
    assert "AR100" in done.stdout
    assert "Traceback" not in done.stderr
    (record,) = records(run, VIDEO, 1)
    assert record["encoder"]["frames"] == 3

    before = (run / VIDEO / "masklets.json").stat().st_mtime_ns
    again = here(*arguments(uvo, weights, "--sequence", VIDEO))
    assert again.returncode == 0, again.stderr
    assert again.stderr.startswith("Already finished: 1 of 2 videos, AR100 ")
    assert (run / VIDEO / "masklets.json").stat().st_mtime_ns == before


PROTOCOL = (
    *("working_size.shortest_side=60", "first_mask=predicted", "score_frames=all"),
    "proposal_score=false",
)
"""The papers' for UVO, but for the size."""
SEVERAL = (
    *("proposals.points_per_side=4", "proposals.box_nms_thresh=1", "proposals.max_masks=6"),
    "prompting.iou_threshold=-0.07",
)
"""Gives the tiny SAM some masks that are kept and some that are dropped."""


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the model's segmenter, a SAM that is quick."""

    def build(config: Config, segmenter: PromptableSegmenter | None) -> SamPt:
        return SamPt.from_config(config, segmenter=segmenter or tiny_segmenter())

    monkeypatch.setattr(methods, "build_method", build)


def in_resized_frames(frames: np.ndarray) -> list[FrameResult]:
    """What the method says in frames that are small already, of all that is found in the first."""
    config = load_config("sam_uvo", ["device=cpu", *FEW, *SEVERAL], VisConfig)
    assert isinstance(config, VisConfig)
    plain = replace(config, overlapping=True, working_size=WorkingSize())
    method = SamPt.from_config(plain, segmenter=tiny_segmenter())
    found = propose(frames[0], method.segmenter, config.proposals)
    objects = (ObjectQuery(n, 0, mask=proposal.mask) for n, proposal in enumerate(found, start=1))
    with method.stream(frames, QueryPoints(tuple(objects)), backward=False, given_masks=False) as run:
        return list(run)


@pytest.mark.usefixtures("tiny")
def test_at_a_working_size_masklets_and_scores_are_those_of_resized_frames(
    here: Cli, uvo: Path, tmp_path: Path
) -> None:
    changed = [argument for setting in (*SEVERAL, *PROTOCOL) for argument in ("-o", setting)]
    done = here(*arguments(uvo, None, "--device", "cpu", "--sequence", VIDEO, *changed))
    assert done.returncode == 0, done.stderr
    predictions = json.loads((tmp_path / "run/results.json").read_text())
    (record,) = records(tmp_path / "run", VIDEO, 1)
    assert (record["size"], record["encoder"]["frames"]) == ([96, 160], 3)

    files = sorted((uvo / "uvo_videos_dense_frames" / VIDEO).glob("*.png"))
    small = [Image.open(file).convert("RGB").resize((100, 60), Image.Resampling.BILINEAR) for file in files]
    results = in_resized_frames(np.stack([np.asarray(image) for image in small]))
    said = np.stack([result.scores for result in results])
    expected = np.where(np.isnan(said), -1e30, said).mean(0)
    assert [p["score"] for p in predictions] == pytest.approx(expected, rel=1e-5)
    for k, prediction in enumerate(predictions):
        for result, shown in zip(results, prediction["segmentations"], strict=True):
            logits = torch.from_numpy(result.logits[None, k : k + 1])
            mask = interpolate(logits, (96, 160), mode="bilinear")[0, 0].numpy() > 0
            np.testing.assert_array_equal(coco.decode(shown) if shown else np.zeros((96, 160)), mask)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the model that is asked for, one that sees discs everywhere."""

    def build(config: Config, segmenter: DiscSegmenter | None) -> SamPt:
        sampling = Sampling(create_sampler("random"), create_sampler("mixed"), positives=1, negatives=0)
        parts = SteadyTracker(), segmenter or DiscSegmenter(), sampling
        return SamPt(
            *parts, overlapping=config.overlapping, cache=config.cache, working_size=config.working_size
        )

    monkeypatch.setattr(methods, "build_method", build)


@pytest.mark.usefixtures("quick")
def test_a_run_goes_on_after_a_video_has_failed(here: Cli, uvo: Path, tmp_path: Path) -> None:
    frame, run = uvo / f"uvo_videos_dense_frames/{VIDEO}/1.png", tmp_path / "run"
    whole = frame.read_bytes()
    middle = len(whole) // 2
    frame.write_bytes(whole[:middle] + b"?" * 8 + whole[middle + 8 :])  # which only decoding finds
    failed = here(*arguments(uvo, None, "--seeds", 2))
    assert failed.returncode == FAILED, failed.stderr
    assert not (run / "seed-0" / VIDEO).exists()
    assert [p["video_id"] for p in json.loads((run / "seed-0/results.json").read_text())] == [1, 1]
    frame.write_bytes(whole)
    done = here(*arguments(uvo, None, "--seeds", 2))
    assert done.returncode == 0, done.stderr
    for seed in (0, 1):
        predictions = json.loads((run / f"seed-{seed}/results.json").read_text())
        assert [p["video_id"] for p in predictions] == [1, 1, 2, 2]
    assert [row["seed"] for row in csv.DictReader((run / "metrics.csv").open())] == ["0", "1"]


@pytest.mark.usefixtures("quick")
def test_a_run_with_one_seed_goes_on_with_a_second(here: Cli, uvo: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert here(*arguments(uvo, None)).returncode == 0
    before = (run / "results.json").read_bytes()
    done = here(*arguments(uvo, None, "--seeds", 2))
    assert done.returncode == 0, done.stderr
    assert (run / "seed-0/results.json").read_bytes() == before
    assert (run / "seed-1/results.json").is_file() and not (run / "results.json").exists()
    assert [row["seed"] for row in csv.DictReader((run / "metrics.csv").open())] == ["0", "1"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("cache", ["cache.host_bytes=1000000", "cache.host_bytes=0"])
def test_seeds_share_embeddings_in_memory_and_on_disk(
    here: Cli, uvo: Path, tmp_path: Path, cache: str
) -> None:
    done = here(*arguments(uvo, None, "--seeds", 2, "-o", cache))
    assert done.returncode == 0, done.stderr
    for video in ("-tin_boat01", VIDEO):
        assert [r["encoder"]["frames"] for r in records(tmp_path / "run", video, 2)] == [3, 0]


@pytest.mark.usefixtures("quick")
def test_its_page_can_be_made_again_with_videos_and_compared(here: Cli, uvo: Path, tmp_path: Path) -> None:
    assert here(*arguments(uvo, None)).returncode == 0
    assert here(*arguments(uvo, None, "-o", "redetect.every=1", "--output", "other")).returncode == 0
    page = tmp_path / "run/report.html"
    before = page.read_bytes()
    page.unlink()
    assert here("report", "run").returncode == 0
    assert page.read_bytes() == before
    assert here("report", "run", "--overlays").returncode == 0
    assert {p.name for p in (tmp_path / "run/overlays").iterdir()} == {"-tin_boat01.mp4", f"{VIDEO}.mp4"}
    assert f'href="overlays/{VIDEO}.mp4"' in page.read_text()
    compared = here("report", "run", "other")
    assert compared.returncode == 0, compared.stderr
    assert "config.redetect.every" in (tmp_path / "comparison.html").read_text()


@pytest.mark.usefixtures("quick")
def test_settings_may_come_in_a_file(here: Cli, uvo: Path, tmp_path: Path) -> None:
    (tmp_path / "everything.yaml").write_text(
        "{tracker: {name: dis}, segmenter: {name: mobile-sam}, redetect: {every: 2}, proposal_score: false}"
    )
    done = here(*arguments(uvo, None, "--config", "everything.yaml", "-o", "redetect.every=1"))
    assert done.returncode == 0, done.stderr
    config = json.loads((tmp_path / "run/run.json").read_text())["config"]
    assert (config["redetect"]["every"], config["proposal_score"]) == (1, False)
    said = refused(here, "segment", "clip.mp4", "--config", "everything.yaml", "--output", "out")
    assert "everything.yaml: redetect" in said and "sampt vis" in said


@pytest.mark.usefixtures("quick")
def test_without_public_truth_there_are_results_and_a_report(here: Cli, tmp_path: Path) -> None:
    write_vis_miniature("ovis", tmp_path / "ovis", frames=3)
    run = tmp_path / "run"
    done = here(*arguments(tmp_path / "ovis", None, "--dataset", "ovis"))
    assert done.returncode == 0, done.stderr
    assert len(json.loads((run / "results.json").read_text())) == 4
    assert not (run / "metrics.csv").exists()
    page = (run / "report.html").read_text()
    assert "img_0000002" in page
    assert "AR100" not in page + done.stdout
    assert "ovis valid" in page


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", ["ytvis2019", "ytvis2021", "ovis"])
def test_other_datasets_have_a_working_size_too(here: Cli, tmp_path: Path, name: str) -> None:
    write_vis_miniature(name, tmp_path / name, frames=3)
    half = ("-o", "working_size.shortest_side=48", "-o", "first_mask=predicted")
    done = here(*arguments(tmp_path / name, None, "--dataset", name, "--split", "train", *half))
    assert done.returncode == 0, done.stderr
    masks = [
        coco.decode(mask)
        for prediction in json.loads((tmp_path / "run/results.json").read_text())
        for mask in prediction["segmentations"]
    ]
    assert {mask.shape for mask in masks} == {(96, 160)}
    # A disc of radius 10 there has a radius of 20 here, unless the border cuts it.
    assert max(mask.sum() for mask in masks) == pytest.approx(np.pi * 20**2, rel=0.05)


@pytest.mark.usefixtures("quick")
def test_beginning_anew_leaves_nothing_of_the_earlier_run(here: Cli, uvo: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    here(*arguments(uvo, None))
    refused = here(*arguments(uvo, None, "-o", "redetect.every=1"))
    assert refused.returncode == 2
    assert "config.redetect.every is None there and 1 here" in refused.stderr
    done = here(*arguments(uvo, None, "-o", "redetect.every=1", "--sequence", VIDEO, "--overwrite"))
    assert done.returncode == 0, done.stderr
    assert not (run / "-tin_boat01").exists()
    starts = {
        sum(m is None for m in p["segmentations"]) for p in json.loads((run / "results.json").read_text())
    }
    assert starts == {0, 1, 2}


@pytest.mark.usefixtures("quick")
def test_wandb_gets_measures_and_videos(here: Cli, uvo: Path, tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    options = ("--wandb", "--wandb-mode", "offline", "--wandb-video", VIDEO)
    done = here(*arguments(uvo, None, *options))
    assert done.returncode == 0, done.stderr
    (logged,) = (tmp_path / "run/wandb").glob("offline-run-*/*.wandb")
    assert b"AR100" in logged.read_bytes()
    assert len(list((tmp_path / "run/wandb").rglob("*.mp4"))) == 1


def test_workers_can_be_sent_to_other_processes(uvo: Path) -> None:
    make = partial(VisWorker, DatasetChoice("uvo", uvo, "val", {}), VisSettings())
    sent = pickle.loads(pickle.dumps(make))
    assert sent({"": load_config("quick")}).dataset.names == ("-tin_boat01", VIDEO)


def refused(here: Cli, *arguments: object) -> str:
    done = here(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--segmenter", "grabcut"), "such as --segmenter "),
        (("-o", "redetect.evry=2"), "'redetect.every'"),
        (("-o", "tracker.nme=2"), "'tracker.name'"),
        (("--sequence", "tin_car"), "'tin_cars-02'"),
        (("-o", "seed=7", "--seeds", "2"), "seed 7 and --seeds 2"),
        (("--wandb-video", VIDEO), "--wandb"),
        (("--split", "valid"), "'val'"),
        (("--dataset", "ytvis2020"), "did you mean 'ytvis20"),
        (("--dataset", "ovis"), "annotations_valid.json"),
    ],
)
def test_what_will_not_do_is_said_before_anything_is_made(
    here: Cli, uvo: Path, tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    assert sentence in refused(here, *arguments(uvo, None, *options))
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("quick")
def test_a_mistake_in_the_truth_is_found_before_work_starts(here: Cli, uvo: Path, tmp_path: Path) -> None:
    file = uvo / "VideoDenseSet/UVO_video_val_dense.json"
    truth = json.loads(file.read_text())
    truth["annotations"][2]["segmentations"].pop()
    file.write_text(json.dumps(truth))
    said = refused(here, *arguments(uvo, None))
    assert "UVO_video_val_dense.json, annotation 2: segmentations" in said
    assert not (tmp_path / "run").exists()


def test_another_runs_folder_is_left_alone(here: Cli, uvo: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/notes.txt").touch()
    assert "notes.txt" in refused(here, *arguments(uvo, None))
    assert (tmp_path / "run/notes.txt").exists()
