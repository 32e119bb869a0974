"""AP and AR of masklets against numbers recorded from the evaluation that SAM-PT uses for UVO."""

import json
from pathlib import Path

import pytest

from sampt.benchmarks.metrics.ytvis import AREAS, MEASURES, MOST
from sampt.benchmarks.vis.annotations import read_annotations
from sampt.benchmarks.vis.evaluation import evaluate_vis


@pytest.mark.parametrize("class_agnostic", [False, True])  # there is only one category
def test_the_twelve_measures(golden_dir: Path, class_agnostic: bool) -> None:
    recorded = json.loads((golden_dir / "ytvis_expected.json").read_text())
    annotations = read_annotations(golden_dir / "ytvis_gt.json")
    evaluation = evaluate_vis(golden_dir / "ytvis_dt.json", annotations, class_agnostic=class_agnostic)
    assert list(evaluation.measures) == recorded["names"]
    assert list(evaluation.measures.values()) == pytest.approx(recorded["stats"], abs=1e-6)


def test_what_is_small_medium_and_large(golden_dir: Path) -> None:
    recorded = json.loads((golden_dir / "ytvis_expected.json").read_text())
    assert [list(area) for area in AREAS.values()] == recorded["areaRng"]
    assert list(MOST) == recorded["maxDets"]
    assert list(MEASURES) == recorded["names"]
