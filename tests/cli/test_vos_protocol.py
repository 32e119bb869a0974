"""The protocol of SAM-PT's papers, written out by hand and compared with what ``sampt vos`` saves."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from sampt import QueryPoints, SamPt
from sampt.benchmarks import DatasetChoice
from sampt.benchmarks.datasets.registry import open_dataset
from sampt.benchmarks.interactive.walks import Rules
from sampt.benchmarks.interactive.worker import InteractiveWorker, object_truth
from sampt.benchmarks.running.tasks import SequenceTask
from sampt.config import load_config
from sampt.prompts.label_maps import palette_image
from sampt.prompts.object_query import ObjectQuery
from sampt.synthetic.scene import SyntheticScene

from .conftest import Cli

SHARED = Path(os.environ.get("SAMPT_SHARED", Path(__file__).parents[3] / "shared"))
REAL = SHARED / "davis2016"

FAST = """
tracker: {name: lucas-kanade}
segmenter: {name: grabcut}
sampling:
  positive: {name: random, points: 16}
  negative: {name: ring, points: 16}
prompting: {two_pass: false, refinements: 0, iou_threshold: null}
"""

Size = tuple[int, int]
SMALL: Size = (240, 427)
LARGE: Size = (720, 1280)


@pytest.fixture(scope="module")
def davis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DAVIS 2017 with one short sequence, made at a full resolution that has to be shrunk."""
    root = tmp_path_factory.mktemp("davis")
    scene = SyntheticScene(frames=4, height=LARGE[0], width=LARGE[1], objects=2, seed=5, leaving=False)
    for t, frame in enumerate(scene):
        pictures = {"JPEGImages": Image.fromarray(frame), "Annotations": palette_image(scene.label_map(t))}
        for kind, picture in pictures.items():
            suffix = "jpg" if kind == "JPEGImages" else "png"
            small = picture.resize(SMALL[::-1], Image.Resampling.NEAREST)
            for folder, image in (("Full-Resolution", picture), ("480p", small)):
                path = root / kind / folder / "tin-large" / f"{t:05d}.{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                image.save(path)
    (root / "ImageSets/2017").mkdir(parents=True)
    (root / "ImageSets/2017/val.txt").write_text("tin-large\n")
    return root


def nearest(labels: np.ndarray, size: Size) -> np.ndarray:
    """As the reference implementation resizes masks."""
    return interpolate(torch.from_numpy(labels)[None, None].float(), size, mode="nearest")[0, 0].numpy()


def by_hand(frames: list[Path], labels: np.ndarray, working: Size, size: Size) -> list[np.ndarray]:
    """Label maps by the papers' protocol; ``labels`` is the first frame's annotation, at its frame's size."""
    pictures = [Image.open(frame).convert("RGB") for frame in frames]
    shrunk = [np.array(p.resize(working[::-1], Image.Resampling.BILINEAR)) for p in pictures]
    given = nearest(labels, working)
    ids = sorted(set(np.unique(labels).tolist()) - {0})
    queries = QueryPoints(tuple(ObjectQuery(id, 0, mask=given == id) for id in ids))
    saved = []
    method = SamPt.from_config(load_config("fast.yaml"))
    with method.stream(shrunk, queries, backward=False, given_masks=False) as run:
        for result in run:
            logits = torch.from_numpy(np.maximum(result.logits, -1e8))
            logits = interpolate(logits[None], size, mode="bilinear", align_corners=False)[0]
            if result.index == 0:
                shown = nearest(given, size)
                logits = torch.stack([torch.from_numpy(np.where(shown == id, 1e8, -1e8)) for id in ids])
            background = torch.zeros_like(logits[:1])
            saved.append(np.array([0, *ids])[torch.cat([background, logits]).argmax(0).numpy()])
    return saved


def saved_by(run: Path, frames: list[Path]) -> list[np.ndarray]:
    """The masks of a sequence's results folder, which are DAVIS's palette PNGs with the frames' names."""
    assert sorted(p.name for p in run.iterdir()) == [f"{frame.stem}.png" for frame in frames]
    masks = []
    for frame in frames:
        with Image.open(run / f"{frame.stem}.png") as image:
            assert image.mode == "P"
            assert image.getpalette()[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]
            masks.append(np.asarray(image))
    return masks


def check_equal(ours: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for t, (mask, by_formula) in enumerate(zip(ours, expected, strict=True)):
        assert np.array_equal(mask, by_formula), f"frame {t}: {(mask != by_formula).sum()} pixels differ"
        assert mask.any()


@pytest.mark.parametrize(
    ("options", "working"),
    [((), (576, 1024)), (("-o", "working_size.longest_side=640"), (360, 640))],
    ids=["the dataset's working size", "the configuration's"],
)
def test_full_resolution_is_shrunk_and_results_are_at_480p(
    options: tuple[str, ...],
    working: Size,
    davis: Path,
    here: Cli,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "fast.yaml").write_text(FAST)
    arguments = ("--dataset", "davis2017", "--root", davis, "--config", "fast.yaml", "--output", "run")
    done = here("vos", *arguments, *options)
    assert done.returncode == 0, done.stderr
    assert not caplog.records  # neither about the input nor about pictures that cannot be made
    frames = sorted((davis / "JPEGImages/Full-Resolution/tin-large").iterdir())
    with Image.open(davis / "Annotations/Full-Resolution/tin-large/00000.png") as image:
        labels = np.array(image)
    ours = saved_by(tmp_path / "run/tin-large", frames)
    check_equal(ours, by_hand(frames, labels, working, SMALL))
    for t, mask in enumerate(ours):
        with Image.open(davis / f"Annotations/480p/tin-large/{t:05d}.png") as image:
            truth = np.array(image)
        assert mask.shape == truth.shape == SMALL
        assert (mask == truth).mean() > 0.9
    assert json.loads((tmp_path / "run/run.json").read_text())["dataset"]["input"] == (
        "Full-Resolution, longest side 1024 unless config.working_size is set, results at 480p"
    )
    again = here("evaluate", "--dataset", "davis2017", "--root", davis, "--results", "run", "--csv", "csv")
    assert again.returncode == 0, again.stderr
    name = "global_results-val.csv"
    assert (tmp_path / "csv" / name).read_bytes() == (tmp_path / "run" / name).read_bytes()


def test_480p_can_be_chosen_and_is_said(davis: Path, sampt: Cli, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fast.yaml").write_text(FAST)
    arguments = ("--dataset", "davis2017", "--root", davis, "--config", "fast.yaml", "--output", "run")
    done = sampt("vos", *arguments, "-d", "resolution=480p")
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "SAM-PT's published results" in line]
    assert "480p" in line and "full resolution" in line
    frames = sorted((davis / "JPEGImages/480p/tin-large").iterdir())
    with Image.open(davis / "Annotations/480p/tin-large/00000.png") as image:
        labels = np.array(image)
    check_equal(saved_by(tmp_path / "run/tin-large", frames), by_hand(frames, labels, SMALL, SMALL))
    assert json.loads((tmp_path / "run/run.json").read_text())["dataset"]["input"] == "480p"


def test_a_run_on_480p_does_not_resume_on_full_resolution(
    davis: Path, here: Cli, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "fast.yaml").write_text(FAST)
    root = Path(shutil.copytree(davis, tmp_path / "davis"))
    (root / "JPEGImages/Full-Resolution").rename(tmp_path / "later")
    arguments = ("--dataset", "davis2017", "--root", "davis", "--config", "fast.yaml", "--output", "run")
    done = here("vos", *arguments)
    assert done.returncode == 0, done.stderr
    assert "(JPEGImages/Full-Resolution is missing)" in caplog.text
    (tmp_path / "later").rename(root / "JPEGImages/Full-Resolution")
    refused = here("vos", *arguments)
    assert refused.returncode == 2
    assert "is 480p there and Full-Resolution here" in refused.stderr
    assert here("vos", *arguments, "-d", "resolution=480p").returncode == 0


def test_annotators_work_at_the_working_size(davis: Path, tmp_path: Path) -> None:
    (tmp_path / "fast.yaml").write_text(FAST)
    choice = DatasetChoice("davis2017", davis)
    worker = InteractiveWorker(choice, Rules(budget=1), {"": load_config(tmp_path / "fast.yaml")})
    assert worker(SequenceTask("tin-large", 0)).record.size == (576, 1024)
    sequence = choice.open(open_dataset)["tin-large"]
    with Image.open(davis / "Annotations/Full-Resolution/tin-large/00003.png") as image:
        expected = nearest(np.array(image), (576, 1024)) == 2
    assert np.array_equal(object_truth(sequence, 2, (576, 1024))[3], expected)


@pytest.mark.skipif(not REAL.is_dir(), reason="the six sequences of DAVIS are not here")
def test_a_working_size_on_frames_of_the_real_davis(here: Cli, tmp_path: Path) -> None:
    (tmp_path / "fast.yaml").write_text(FAST)
    for kind in ("JPEGImages", "Annotations"):
        folder = tmp_path / "davis" / kind / "480p" / "car-shadow"
        folder.mkdir(parents=True)
        for file in sorted((REAL / kind / "480p" / "car-shadow").iterdir())[:5]:
            shutil.copy(file, folder)
    (tmp_path / "davis/ImageSets/480p").mkdir(parents=True)
    (tmp_path / "davis/ImageSets/480p/val.txt").write_text("car-shadow\n")
    arguments = ("--dataset", "davis2016", "--root", "davis", "--config", "fast.yaml", "--output", "run")
    done = here("vos", *arguments, "-o", "working_size.longest_side=1024")
    assert done.returncode == 0, done.stderr
    frames = sorted((tmp_path / "davis/JPEGImages/480p/car-shadow").iterdir())
    with Image.open(tmp_path / "davis/Annotations/480p/car-shadow/00000.png") as image:
        labels = (np.array(image) > 0).astype(np.uint8)
    assert labels.shape == (480, 854)
    ours = saved_by(tmp_path / "run/car-shadow", frames)
    check_equal(ours, by_hand(frames, labels, (576, 1024), (480, 854)))
    assert not np.array_equal(ours[0], labels), "it is what the method saw, not what was given"
