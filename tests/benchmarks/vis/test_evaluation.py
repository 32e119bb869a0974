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
    with pytest.raises(DatasetError, match="frame 0 has a polygon"):
        scored(tmp_path, [entry(LEFT, score=0.5)], [entry(LEFT) | {"segmentations": [polygons, None]}])


def test_the_areas_that_are_given_decide_what_is_small(tmp_path: Path) -> None:
    annotated = entry(LEFT, areas=[None, 20000.0])
    measures = scored(tmp_path, [entry(LEFT, score=0.5)], [annotated]).measures
    assert (measures["ARs"], measures["ARm"]) == (-1, 1)


GOOD = entry(LEFT, score=0.5)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({"video_id": 3}, "prediction 1: video_id 3 is none of the 2 videos"),
        ({"video_id": None}, "prediction 1: video_id None"),
        ({"category_id": 2}, "prediction 1: category_id 2 is no category .* --class-agnostic"),
        ({"category_id": "cat"}, "prediction 1: category_id is 'cat'"),
        ({"score": float("nan")}, "prediction 1: the score is nan"),
        ({"score": "high"}, "prediction 1: the score is 'high'"),
        (
            {"segmentations": GOOD["segmentations"][:1]},
            "prediction 1: segmentations has 1 masks, .* 2 frames",
        ),
        ({"segmentations": None}, "prediction 1: segmentations has no list of masks"),
        ({"segmentations": [None, {"size": [60, 40], "counts": "o1"}]}, "the mask of frame 1 has the size"),
        ({"segmentations": [None, {"size": [40, 60], "counts": "o1"}]}, "the mask of frame 1 covers 63 pix"),
        ({"segmentations": [None, {"size": [40, 60], "counts": "é"}]}, "the mask of frame 1 is no run-len"),
        (
            {"segmentations": [None, {"size": [40, 60], "counts": [-5, 2405]}]},
            "the mask of frame 1 has a run",
        ),
        ({"segmentations": [None, {"counts": "o1"}]}, "the mask of frame 1 is no run-length"),
        ({"segmentations": [None, 5]}, "the mask of frame 1 is no run-length"),
    ],
)
def test_a_prediction_that_makes_no_sense_is_named(
    tmp_path: Path, broken: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(EvaluationError, match=rf"results\.json, .*{sentence}"):
        scored(tmp_path, [GOOD, GOOD | broken], [entry(LEFT)])


@pytest.mark.parametrize("key", GOOD)
def test_a_key_that_is_missing_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(EvaluationError, match=f"results.json, prediction 0: it lacks {key}"):
        scored(tmp_path, [{k: v for k, v in GOOD.items() if k != key}], [entry(LEFT)])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds no list"),
        ('{"annotations": []}', "holds no list"),
        ("[1", "no valid JSON after entry 0"),
        ('[{"a": 1} {"b": 2}]', "no valid JSON after entry 0"),
        ('[{"a": 1}, {"b": ', "no valid JSON in entry 1"),
        ("[{]", "no valid JSON in entry 0"),
        ('[{"a": 1}][{"b": 2}]', "goes on after the end of its list"),
        ("[] garbage", "goes on after the end of its list"),
        ("[]]", "goes on after the end of its list"),
    ],
)
def test_results_that_are_no_list(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(EvaluationError, match=rf"results\.json .*{sentence}"):
        list(read_entries(tmp_path / "results.json"))


def test_a_prediction_that_is_no_object(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"results\.json, prediction 0: it is no object"):
        scored(tmp_path, [5], [entry(LEFT)])


def test_missing_results(tmp_path: Path) -> None:
    annotations = read_annotations(truth(tmp_path, [entry(LEFT)]))
    with pytest.raises(EvaluationError, match=r"nothing\.json .*check the path"):
        evaluate_vis(tmp_path / "nothing.json", annotations)


def test_a_list_is_read_in_pieces_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = [{"a": [1, "],["]}, {}, {"b": {"c": None}}]
    path = results(tmp_path, content)
    for size in range(1, 12):
        monkeypatch.setattr(json_entries, "_CHUNK", size)
        assert list(read_entries(path)) == content


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"annotations": [entry(LEFT, video=5)]}, "truth.json, annotation 0: video_id 5"),
        ({"annotations": None}, "truth.json has no annotations"),
        ({"annotations": {"1": 2}}, "'annotations' is no list"),
        ({"videos": None}, "no list of videos"),
        ({"videos": [{"id": 1, "width": 60}]}, "video 0: it needs an id"),
        ({"videos": [{"id": 1, "width": 60, "height": 40, "length": 2}] * 2}, "the id 1 is given twice"),
        ({"categories": [{"id": 1}]}, "every category needs"),
    ],
)
def test_annotations_that_make_no_sense(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    path = truth(tmp_path, [entry(LEFT)], **change)
    with pytest.raises(DatasetError, match=sentence):
        evaluate_vis(results(tmp_path, [GOOD]), read_annotations(path))


def test_annotations_that_are_no_json(tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_text("{")
    with pytest.raises(DatasetError, match=r"truth\.json is no JSON"):
        read_annotations(tmp_path / "truth.json")
