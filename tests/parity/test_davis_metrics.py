"""J, F and their statistics against numbers recorded from the official evaluation of DAVIS 2017."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from sampt.benchmarks.datasets.annotation import read_single_object
from sampt.benchmarks.datasets.base import VosSequence
from sampt.benchmarks.metrics.protocols import summarise
from sampt.benchmarks.vos.evaluation import Evaluation, ObjectScores, evaluate
from sampt.benchmarks.vos.scoring import score_sequence

HERE = Path(__file__).parent
GOLDEN = Path(os.environ.get("SAMPT_GOLDEN_DIR", HERE / "golden")) / "davis_metrics_osvos_binary.json"
DAVIS = Path(os.environ.get("SAMPT_SHARED", HERE.parents[2] / "shared")) / "davis2016"
RECORDED = json.loads(GOLDEN.read_text())


def recorded_scores(name: str) -> ObjectScores:
    values = RECORDED["sequences"][name]
    frames = tuple(f"{k:05d}.png" for k in range(1, len(values["J_per_frame"]) + 1))
    return ObjectScores(name, 1, frames, np.array(values["J_per_frame"]), np.array(values["F_per_frame"]))


def assert_official(scores: ObjectScores) -> None:
    for measure in "JF":
        names = [f"{measure}-{kind}" for kind in ("Mean", "Recall", "Decay")]
        ours = [scores.measures[name] for name in names]
        assert ours == pytest.approx(RECORDED["sequences"][scores.sequence][measure], abs=1e-6)


@pytest.mark.parametrize("name", RECORDED["sequences"])
def test_statistics_of_the_recorded_frames(name: str) -> None:
    assert_official(recorded_scores(name))


def test_means_over_the_whole_set() -> None:
    means = Evaluation(tuple(recorded_scores(name) for name in RECORDED["sequences"])).means
    assert means["J&F-Mean"] == pytest.approx(RECORDED["global"]["J&F"], abs=1e-6)
    for measure in "JF":
        ours = [means[f"{measure}-{kind}"] for kind in ("Mean", "Recall", "Decay")]
        assert ours == pytest.approx(RECORDED["global"][measure], abs=1e-6)


MASKED = [
    name
    for name in RECORDED["sequences"]
    if all((DAVIS / part / name).is_dir() for part in ("osvos_predictions", "Annotations/480p"))
]
needs_masks = pytest.mark.skipif(
    not MASKED, reason=f"no masks in {DAVIS}; SAMPT_SHARED names the folder above davis2016"
)


def assert_official_frames(name: str, j: np.ndarray, f: np.ndarray) -> None:
    np.testing.assert_allclose(j, RECORDED["sequences"][name]["J_per_frame"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(f, RECORDED["sequences"][name]["F_per_frame"], rtol=0, atol=1e-6)


@needs_masks
@pytest.mark.parametrize("name", MASKED)
def test_frames_and_statistics_from_the_masks(name: str) -> None:
    (scores,) = evaluate(DAVIS / "osvos_predictions" / name, DAVIS / "Annotations/480p" / name).objects
    assert_official_frames(name, scores.j, scores.f)
    assert_official(scores)


def davis_sequence(name: str) -> VosSequence:
    """One of DAVIS 2016; its predictions are named as its annotations."""
    masks = tuple(sorted((DAVIS / "Annotations/480p" / name).glob("*.png")))
    return VosSequence(
        name, masks, {1: 0}, dict(enumerate(masks)), tuple(range(len(masks))), read_single_object
    )


@needs_masks
@pytest.mark.parametrize("name", MASKED)
def test_the_same_by_the_protocol_of_the_dataset(name: str) -> None:
    (scores,) = score_sequence(davis_sequence(name), DAVIS / "osvos_predictions" / name)
    assert_official_frames(name, scores.j[:-1], scores.f[:-1])
    (measures,) = summarise("davis", [scores]).table.to_dict("records")
    for measure in "JF":
        ours = [measures[f"{measure}-{kind}"] for kind in ("Mean", "Recall", "Decay")]
        assert ours == pytest.approx(RECORDED["sequences"][name][measure], abs=1e-6)
