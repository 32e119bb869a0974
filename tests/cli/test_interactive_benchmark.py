"""``sampt interactive-benchmark`` from the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sampt.benchmarks.datasets.miniature import write_miniature
from sampt.cli.interactive_benchmark import command
from sampt.errors import DatasetError, EvaluationError

from .conftest import Cli

QUICKLY = ("--tracker", "lucas-kanade", "--segmenter", "grabcut")


@pytest.fixture
def davis(tmp_path: Path) -> Path:
    write_miniature("davis2017", tmp_path / "davis", frames=4)
    return tmp_path / "davis"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_miniature_from_start_to_end(here: Cli, davis: Path, tmp_path: Path):
    arguments = ("interactive-benchmark", "--dataset", "davis2017", "--root", davis, *QUICKLY, "-O", "run")
    first = here(
        *arguments, "--mode", "offline", "--target", "0.9", "--budget", "8", "-o", "cache.host_bytes=0"
    )
    assert first.returncode == 0, first.stderr
    assert "mean" in first.stdout
    run = tmp_path / "run"
    objects = rows(run / "metrics.csv")
    assert [(r["sequence"], r["object"]) for r in objects] == [
        ("tin-boat", "1"),
        ("tin-cars", "1"),
        ("tin-cars", "2"),
    ]
    assert all(float(r["iou"]) > 0.5 for r in objects)
    interactions = rows(run / "interactions.csv")
    assert len(interactions) == sum(int(r["interactions"]) for r in objects)
    assert float(rows(run / "curve.csv")[0]["iou"]) == 0
    assert (run / "curve.png").stat().st_size > 5000
    assert json.loads((run / "run.json").read_text())["config"]["annotator"]["budget"] == 8
    record = json.loads((run / "records/0/tin-cars.json").read_text())
    assert record["encoder"]["frames"] == record["frames"], "each is encoded once, with no memory for any"

    again = here(
        *arguments, "--mode", "offline", "--target", "0.9", "--budget", "8", "-o", "cache.host_bytes=0"
    )
    assert again.stdout == first.stdout
    assert again.stderr.startswith("Already finished: 3 objects; see run/curve.png; --overwrite")

    other = here(*arguments, "--budget", "9")
    assert other.returncode == 2
    assert "annotator" in other.stderr
    assert "Traceback" not in other.stderr

    figure = ("--no-tracking", "--actions", "1")
    anew = here(*arguments, *figure, "--overwrite", "--sequence", "tin-boat")
    assert anew.returncode == 0, anew.stderr
    assert [r["frame"] for r in rows(run / "interactions.csv")] == ["0", "1", "2", "3"]
    annotator = json.loads((run / "run.json").read_text())["config"]["annotator"]
    assert (annotator["target"], annotator["budget"]) == (1, "actions in every frame")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (("--split", "test-dev"), DatasetError, "annotated only where its objects appear"),
        (("--compare", "nowhere"), EvaluationError, "nowhere"),
    ],
)
def test_what_cannot_be_simulated_is_said_in_a_sentence(
    davis: Path, tmp_path: Path, options: tuple[str, ...], error: type[Exception], message: str
):
    arguments = ("--dataset", "davis2017", "--root", davis, *QUICKLY, "-O", tmp_path / "run", *options)
    done = CliRunner().invoke(command, [str(a) for a in arguments])
    assert isinstance(done.exception, error)
    assert message in str(done.exception)
