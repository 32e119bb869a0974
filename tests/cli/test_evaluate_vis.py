"""``sampt evaluate-vis``, on the files that the parity tests use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sampt.benchmarks.metrics.ytvis import MEASURES
from sampt.benchmarks.vis.datasets import open_vis_dataset
from sampt.benchmarks.vis.miniature import write_vis_miniature
from sampt.cli.evaluate_vis import command
from sampt.errors import DatasetError, EvaluationError, OutputError

GOLDEN = Path(__file__).parents[1] / "parity" / "golden"
RESULTS, ANNOTATIONS = GOLDEN / "ytvis_dt.json", GOLDEN / "ytvis_gt.json"


def evaluate(results: Path, annotations: Path, *options: object) -> Result:
    arguments = ["--results", results, "--annotations", annotations, *options]
    return CliRunner().invoke(command, list(map(str, arguments)))


def test_the_measures_as_a_table_and_as_json(tmp_path: Path) -> None:
    done = evaluate(RESULTS, ANNOTATIONS, "--json", tmp_path / "scores.json")
    assert done.exit_code == 0, done.output
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert list(scores) == list(MEASURES)
    recorded = json.loads((GOLDEN / "ytvis_expected.json").read_text())["stats"]
    assert list(scores.values()) == pytest.approx(recorded, abs=1e-6)
    (row,) = (line.split() for line in done.output.splitlines() if line.split()[:1] == ["all"])
    assert row[1:] == [f"{100 * value:.1f}" for value in recorded]


@pytest.fixture
def train(tmp_path: Path) -> tuple[Path, Path]:
    """The annotations of a training set of three categories, and as results what they say."""
    write_vis_miniature("ytvis2019", tmp_path / "ytvis", frames=4)
    dataset = open_vis_dataset("ytvis2019", tmp_path / "ytvis", "train")
    size = {"size": [96, 160]}
    predictions = [
        {
            "video_id": video,
            "category_id": masklet.category,
            "score": 0.5,
            "segmentations": [None if m is None else {**size, "counts": m.decode()} for m in masklet.masks],
        }
        for video, masklets in dataset.annotations.masklets.items()
        for masklet in masklets
    ]
    results = tmp_path / "results.json"
    results.write_text(json.dumps(predictions))
    return results, dataset.annotations.path


def test_the_annotations_themselves_are_perfect_in_every_category(train: tuple[Path, Path]) -> None:
    done = evaluate(*train)
    assert done.exit_code == 0, done.output
    for label in ("person", "giant_panda", "lizard", "mean"):
        (row,) = (line.split() for line in done.output.splitlines() if line.split()[:1] == [label])
        assert row[1:5] == ["100.0", "100.0", "100.0", "100.0"]
        assert row[5:7] == ["–", "–"]  # none is medium or large


def test_classes_can_be_left_out_of_account(train: tuple[Path, Path], tmp_path: Path) -> None:
    results, annotations = train
    results.write_text(results.read_text().replace('"category_id": 3', '"category_id": 1'))
    for option, expected in (([], 2 / 3), (["--class-agnostic"], 1)):
        evaluate(results, annotations, "--json", tmp_path / "scores.json", *option)
        assert json.loads((tmp_path / "scores.json").read_text())["AR100"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("results", "annotations", "options", "error", "sentence"),
    [
        ("nothing.json", ANNOTATIONS, (), EvaluationError, "nothing.json"),
        (RESULTS, "nothing.json", (), DatasetError, "nothing.json"),
        (ANNOTATIONS, ANNOTATIONS, (), EvaluationError, "no list"),
        (RESULTS, RESULTS, (), DatasetError, "no list of videos"),
        (RESULTS, ANNOTATIONS, ("--json", "no/where.json"), OutputError, "no/where.json"),
        (RESULTS, ANNOTATIONS, ("--json", "."), OutputError, "it is a folder"),
    ],
)
def test_files_that_will_not_do(
    results: Path, annotations: Path, options: tuple[str, ...], error: type[Exception], sentence: str
) -> None:
    refused = evaluate(results, annotations, *options)
    assert isinstance(refused.exception, error)
    assert sentence in str(refused.exception)
