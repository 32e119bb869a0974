from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sampt import SamPt
from sampt.benchmarks.measure.review import Examples, Quality, examples_of, fit, judge, with_predicted_iou
from sampt.benchmarks.measure.review_runs import HardScene, asked, kept_run
from sampt.output.review import RANKED, Reviewer
from sampt.output.signals import INDEX, SIGNALS


def examples(count: int = 400) -> Examples:
    """Colours tell wrong masks from right ones; jumps are the more frequent, the better the mask."""
    rng = np.random.default_rng(0)
    iou = rng.uniform(0, 1, count // 20).repeat(20)
    signals = np.zeros((count, len(SIGNALS)))
    signals[:, INDEX["colours"]] = 1 - iou + rng.normal(0, 0.1, count)
    signals[:, INDEX["drift"]] = iou
    scene = np.repeat(["a", "b"], count // 2)
    return Examples(scene, np.full(count, "mask"), signals, iou, np.arange(count) // 20)


def test_the_fit_finds_the_signal_that_tells_and_gives_no_negative_weight() -> None:
    model = fit(examples(), np.zeros(400, bool))
    assert model.weights["colours"].weight > 3
    assert "drift" not in model.weights
    quality = Quality.of(model, examples())
    assert min(quality.precision, quality.recall, quality.auroc) > 0.9


def test_quality_of_a_model_that_flags_everything() -> None:
    quality = Quality.of(replace(fit(examples(), np.zeros(400, bool)), threshold=0.0), examples())
    assert quality.recall == 1
    assert quality.precision == pytest.approx(quality.wrong)


def test_stand_in_scores_rise_with_the_iou() -> None:
    unsure = with_predicted_iou(examples()).signals[:, INDEX["unsure"]]
    assert np.corrcoef(unsure, examples().iou)[0, 1] < -0.5


def test_a_hard_scene_is_blurred_and_greyer_with_the_same_truth() -> None:
    sharp, hard = HardScene(1, 2, 2.0, 1, 0.0, frames=3), HardScene(1, 2, 2.0, 3, 0.9, frames=3)
    assert len(hard) == 3
    assert np.ptp(hard[1].astype(int), axis=-1).mean() < 0.3 * np.ptp(sharp[1].astype(int), axis=-1).mean()
    assert (hard.label_map(0) > 0).any()
    with pytest.raises(IndexError):
        hard[3]


def test_a_kept_run_gives_the_same_signals_as_the_run_itself(tmp_path: Path) -> None:
    scene, model = HardScene(1, 2, 1.0, 1, 0.3, frames=7), SamPt.from_config("quick")
    made = kept_run(tmp_path, model, scene, "box", 0)
    read = kept_run(tmp_path, model, scene, "box", 0)
    assert len(list(tmp_path.iterdir())) == 1
    np.testing.assert_array_equal(examples_of(made, scene).signals, examples_of(read, scene).signals)
    assert made.iou.shape == (7, 2)
    assert made.iou.mean() > 0.8

    reviewer = Reviewer(read.queries, True, read.looks)
    with model.stream(scene, asked(scene, "box", 0)) as run:
        for result in run:
            reviewer.see(scene[result.index], result)
    expected = np.concatenate([reviewer.probabilities(id) for id in (1, 2)])
    np.testing.assert_allclose(judge(RANKED, examples_of(read, scene)), expected, atol=1e-6)
