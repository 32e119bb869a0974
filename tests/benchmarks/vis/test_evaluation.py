"""Result and annotation files: what is understood, and what is said of those that make no sense."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sampt.benchmarks.vis import json_entries
from sampt.benchmarks.vis.annotations import read_annotations
from sampt.benchmarks.vis.evaluation import VisEvaluation, evaluate_vis
from sampt.benchmarks.vis.json_entries import json_entries as read_entries
from sampt.benchmarks.vis.worker import written_score
from sampt.errors import DatasetError, EvaluationError
from tests.benchmarks.metrics.tubes import box, rle

FRAMES, SIZE = 2, (40, 60)
LEFT, RIGHT = box(FRAMES, 5, 5, 10, 10), box(FRAMES, 30, 5, 10, 10)


def entry(tube: np.ndarray, video: int = 1, category: int = 1, **more: Any) -> dict[str, Any]:
    masks = [rle(mask) if mask.any() else None for mask in tube]
    return {"video_id": video, "category_id": category, "segmentations": masks, **more}


def truth(folder: Path, objects: list[dict[str, Any]], **more: Any) -> Path:
    videos = [{"id": v, "height": SIZE[0], "width": SIZE[1], "length": FRAMES} for v in (1, 2)]
    categories = [{"id": 1, "name": "cat"}, {"id": 7, "name": "dog"}]
    listed = [{"id": n, "iscrowd": 0, **each} for n, each in enumerate(objects, start=1)]
    path = folder / "truth.json"
    content = {"videos": videos, "categories": categories, "annotations": listed}
    path.write_text(json.dumps({**content, **more}))
    return path


def results(folder: Path, predictions: Any) -> Path:
    path = folder / "results.json"
    path.write_text(json.dumps(predictions))
    return path


def scored(folder: Path, predictions: Any, objects: list[dict[str, Any]], **options: Any) -> VisEvaluation:
    return evaluate_vis(results(folder, predictions), read_annotations(truth(folder, objects)), **options)


def test_a_prediction_counts_in_its_own_video_and_category(tmp_path: Path) -> None:
    objects = [entry(LEFT), entry(RIGHT, category=7), entry(LEFT, video=2)]
    predictions = [
        entry(LEFT, score=0.9),
        entry(RIGHT, category=1, score=0.8),
        entry(RIGHT, video=2, score=0.7),
    ]
    evaluation = scored(tmp_path, predictions, objects)
    assert evaluation.categories["cat"]["AR100"] == 0.5
    assert evaluation.categories["dog"]["AR100"] == 0
    assert evaluation.measures["AR100"] == 0.25
    assert evaluation.recalls == {1: 0.5, 2: 0.0}


def test_without_regard_to_categories(tmp_path: Path) -> None:
    evaluation = scored(
        tmp_path, [entry(RIGHT, category=99, score=0.8)], [entry(RIGHT, category=7)], class_agnostic=True
    )
    assert evaluation.measures["AP"] == 1
    assert evaluation.categories == {}


def test_only_some_videos(tmp_path: Path) -> None:
    objects = [entry(LEFT), entry(LEFT, video=2)]
    evaluation = scored(tmp_path, [entry(LEFT, score=0.5)], objects, videos=[1], class_agnostic=True)
    assert evaluation.measures["AR100"] == 1
    assert list(evaluation.recalls) == [1]


def plain(mask: np.ndarray) -> list[int]:
    pixels = mask.ravel(order="F").astype(int)
    edges = np.flatnonzero(np.diff(pixels)) + 1
    return np.diff([0, *edges, pixels.size]).tolist()


def as_polygons(mask: np.ndarray) -> list[list[float]]:
    y, x = np.nonzero(mask)
    x0, y0, x1, y1 = (float(v) for v in (x.min(), y.min(), x.max() + 1, y.max() + 1))
    return [[x0, y0, x1, y0, x1, y1, x0, y1]]


@pytest.mark.parametrize(
    "written", [lambda m: {"size": list(SIZE), "counts": plain(m)}, as_polygons], ids=["numbers", "polygons"]
)
def test_annotations_may_be_plain_run_lengths_or_polygons(
    tmp_path: Path, written: Callable[[np.ndarray], Any]
) -> None:
    annotated = entry(LEFT) | {"segmentations": [written(mask) for mask in LEFT]}
    evaluation = scored(tmp_path, [entry(LEFT, score=0.5)], [annotated])
    assert evaluation.measures["AP"] == 1


@pytest.mark.parametrize(
    "polygons", [[[1, 2]], [[]], [[1, 2, 3, 4, 5]], [[1e8, 0, 9, 0, 9, 9]], [[float("nan"), 0, 9, 0, 9, 9]]]
)
def test_a_polygon_that_is_none_is_named(tmp_path: Path, polygons: list[list[float]]) -> None:
    with pytest.raises(DatasetError, match=r"truth\.json.*frame 0.*polygon"):
        scored(tmp_path, [entry(LEFT, score=0.5)], [entry(LEFT) | {"segmentations": [polygons, None]}])


def test_the_areas_that_are_given_decide_what_is_small(tmp_path: Path) -> None:
    annotated = entry(LEFT, areas=[None, 20000.0])
    measures = scored(tmp_path, [entry(LEFT, score=0.5)], [annotated]).measures
    assert (measures["ARs"], measures["ARm"]) == (-1, 1)


NOWHERE = box(FRAMES, 45, 25, 10, 10)


def ranked(*scores: float) -> list[dict[str, Any]]:
    """Predictions in this order: nothing, an object, and another one, which is in the second video."""
    return [
        entry(tube, video, score=score)
        for (tube, video), score in zip(((NOWHERE, 1), (LEFT, 1), (RIGHT, 2)), scores, strict=True)
    ]


def test_the_lowest_score_ranks_below_all_others_and_ties_keep_their_order(tmp_path: Path) -> None:
    objects = [entry(LEFT), entry(RIGHT, video=2)]
    # Right, wrong, right: precision is 1 up to a recall of 0.5 (51 of 101 recalls), and then 2/3.
    expected = (51 + 50 * 2 / 3) / 101
    in_theory = scored(tmp_path, ranked(-np.inf, -0.1, -np.inf), objects, class_agnostic=True)
    assert in_theory.measures["AP"] == pytest.approx(expected)
    assert (in_theory.measures["AR1"], in_theory.measures["AR10"]) == (1, 1)
    written = [written_score(score) for score in (-np.inf, -0.1, -np.inf)]
    text = results(tmp_path, ranked(*written)).read_text()
    assert json.loads(text, parse_constant=pytest.fail)[0]["score"] < -1e29  # it is no constant, as NaN is
    as_written = scored(tmp_path, ranked(*written), objects, class_agnostic=True)
    assert as_written == in_theory
    assert scored(tmp_path, ranked(0.0, -0.1, 0.0), objects, class_agnostic=True) != in_theory


@pytest.mark.parametrize("seed", range(5))
def test_lowest_scores_change_none_of_the_twelve_measures(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    tubes = [box(FRAMES, x, y, 8, 9) for x in (2, 20, 40) for y in (3, 22)]
    objects = [entry(tube, video) for tube in tubes for video in (1, 2) if rng.uniform() < 0.7]
    shifted = [np.roll(tube, rng.integers(-2, 3, 2), (1, 2)) for tube in tubes for _ in range(3)]
    scores = np.where(rng.uniform(size=18) < 0.5, -np.inf, rng.normal(0.3, 0.3, 18))

    def measures(values: list[float]) -> VisEvaluation:
        pairs = zip(shifted, values, strict=True)
        predictions = [entry(tube, 1 + n % 2, score=score) for n, (tube, score) in enumerate(pairs)]
        return scored(tmp_path, predictions, objects, class_agnostic=True)

    assert measures([written_score(s) for s in scores]) == measures(scores.tolist())


def test_a_written_score_keeps_apart_what_differs_in_float32() -> None:
    score = np.float32(0.9)
    above = np.nextafter(score, np.float32(1))
    assert written_score(float(score)) < written_score(float(above))
    assert written_score(float(score)) == pytest.approx(0.9, abs=1e-7)


GOOD = entry(LEFT, score=0.5)


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ({"video_id": 3}, "video_id 3"),
        ({"video_id": None}, "video_id None"),
        ({"category_id": 2}, "category_id 2.*--class-agnostic"),
        ({"category_id": "cat"}, "category_id.*'cat'"),
        ({"score": float("nan")}, "score.*nan"),
        ({"score": float("inf")}, "score.*inf"),
        ({"score": "high"}, "score.*'high'"),
        ({"segmentations": GOOD["segmentations"][:1]}, r"segmentations.*\b1 mask.*\b2 frames"),
        ({"segmentations": None}, "segmentations.*list"),
        ({"segmentations": [None, {"size": [60, 40], "counts": "o1"}]}, "frame 1.*size"),
        ({"segmentations": [None, {"size": [40, 60], "counts": "o1"}]}, "frame 1.*63 pixels"),
        ({"segmentations": [None, {"size": [40, 60], "counts": "é"}]}, "frame 1.*size and counts"),
        ({"segmentations": [None, {"size": [40, 60], "counts": [-5, 2405]}]}, r"frame 1.*\brun\b"),
        ({"segmentations": [None, {"counts": "o1"}]}, "frame 1.*size and counts"),
        ({"segmentations": [None, 5]}, "frame 1.*size and counts"),
    ],
)
def test_a_prediction_that_makes_no_sense_is_named(
    tmp_path: Path, broken: dict[str, Any], named: str
) -> None:
    with pytest.raises(EvaluationError, match=rf"results\.json, prediction 1.*{named}"):
        scored(tmp_path, [GOOD, GOOD | broken], [entry(LEFT)])


@pytest.mark.parametrize("key", GOOD)
def test_a_key_that_is_missing_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(EvaluationError, match=rf"results\.json, prediction 0.*{key}"):
        scored(tmp_path, [{k: v for k, v in GOOD.items() if k != key}], [entry(LEFT)])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "no list"),
        ('{"annotations": []}', "no list"),
        ("[1", "after entry 0"),
        ('[{"a": 1} {"b": 2}]', "after entry 0"),
        ('[{"a": 1}, {"b": ', "in entry 1"),
        ("[{]", "in entry 0"),
        ('[{"a": 1}][{"b": 2}]', "after the end"),
        ("[] garbage", "after the end"),
        ("[]]", "after the end"),
    ],
)
def test_results_that_are_no_list(tmp_path: Path, text: str, place: str) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(EvaluationError, match=rf"results\.json .*{place}"):
        list(read_entries(tmp_path / "results.json"))


def test_a_prediction_that_is_no_object(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"results\.json, prediction 0"):
        scored(tmp_path, [5], [entry(LEFT)])


def test_missing_results(tmp_path: Path) -> None:
    annotations = read_annotations(truth(tmp_path, [entry(LEFT)]))
    with pytest.raises(EvaluationError, match=r"nothing\.json"):
        evaluate_vis(tmp_path / "nothing.json", annotations)


def test_a_list_is_read_in_pieces_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = [{"a": [1, "],["]}, {}, {"b": {"c": None}}]
    path = results(tmp_path, content)
    for size in range(1, 12):
        monkeypatch.setattr(json_entries, "_CHUNK", size)
        assert list(read_entries(path)) == content


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"annotations": [entry(LEFT, video=5)]}, "annotation 0.*video_id 5"),
        ({"annotations": None}, "annotations"),
        ({"annotations": {"1": 2}}, "'annotations'"),
        ({"videos": None}, "videos"),
        ({"videos": [{"id": 1, "width": 60}]}, "video 0"),
        ({"videos": [{"id": 1, "width": 60, "height": 40, "length": 2}] * 2}, "video 1.*id 1"),
        ({"categories": [{"id": 1}]}, "category.*name"),
    ],
)
def test_annotations_that_make_no_sense(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    path = truth(tmp_path, [entry(LEFT)], **change)
    with pytest.raises(DatasetError, match=rf"truth\.json.*{named}"):
        evaluate_vis(results(tmp_path, [GOOD]), read_annotations(path))


def test_annotations_that_are_no_json(tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_text("{")
    with pytest.raises(DatasetError, match=r"truth\.json"):
        read_annotations(tmp_path / "truth.json")
