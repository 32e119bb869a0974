"""Query points that make no sense in a video, here one of 100 frames of 64×48 pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sampt.errors import PromptError
from sampt.prompts.query_points import ObjectQuery, QueryPoints

DOG = ObjectQuery(1, 0, positives=[(20, 10)])


def check(*objects: ObjectQuery, frames: range | list[int] = range(100)) -> None:
    QueryPoints(objects, "points.json").validate(frames, (48, 64))


def full(value: bool = True) -> np.ndarray:
    return np.full((48, 64), value)


@pytest.mark.parametrize(
    "query",
    [
        DOG,
        ObjectQuery(255, 99, positives=[(-0.5, -0.5), (63.4, 47.4)], negatives=[(0, 0)]),
        ObjectQuery(1, 0, box=[0, 0, 64, 48]),
        ObjectQuery(1, 0, mask=full()),
        replace(DOG, span=(50, 900)),
        replace(DOG, span=(99, 99)),
    ],
    ids=["point", "corners", "box", "mask", "query frame before a long span", "one frame"],
)
def test_what_makes_sense_passes(query):
    check(query)


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ([], "objects"),
        ([ObjectQuery(i, 0, positives=[(1, 1)]) for i in range(256)], "256 objects.* 255"),
        ([DOG, ObjectQuery(2, 0, positives=[(1, 1)]), DOG], "object 1 .*twice"),
        ([replace(DOG, id=0)], "object 0 .*1 to 255"),
        ([replace(DOG, id=256)], "object 256 .*1 to 255"),
        ([replace(DOG, positives=[(64, 10)])], "point 64,10 .*64×48"),
        ([replace(DOG, positives=[(20, 10), (63.5, 10)])], "point 63.5,10 "),
        ([replace(DOG, negatives=[(10, -1)])], "point 10,-1 "),
        ([replace(DOG, negatives=[(10, 47.5)])], "point 10,47.5 "),
        ([ObjectQuery(1, 0, negatives=[(1, 1)])], "object 1 .*positive"),
        ([ObjectQuery(1, 0)], "object 1 .*positive"),
        ([replace(DOG, frame=100)], "frame 100 .*0 to 99.* 99$"),
        ([replace(DOG, frame=-1)], "frame -1 "),
        ([replace(DOG, span=(5, 4))], "span 5 to 4 "),
        ([replace(DOG, span=(100, 120))], "span 100 to 120 .*0 to 99"),
        ([ObjectQuery(1, 0, mask=full(False))], "object 1.* mask .*empty"),
        ([ObjectQuery(1, 0, mask=full().T)], "object 1.* mask .*48×64 .*64×48"),
        ([ObjectQuery(1, 0, box=[5, 6, 5, 9])], "box 5,6,5,9 .*area"),
        ([ObjectQuery(1, 0, box=[5, 9, 8, 6])], "box 5,9,8,6 .*area"),
        ([ObjectQuery(1, 0, box=[5, 6, 70, 9])], "box 5,6,70,9 .*64×48"),
        ([ObjectQuery(1, 0, box=[-5, 6, 7, 9])], "box -5,6,7,9 .*64×48"),
        ([ObjectQuery(1, 0, box=[5, 6, 7, 49])], "box 5,6,7,49 .*64×48"),
        ([ObjectQuery(1, 0, box=[5, -1, 7, 9])], "box 5,-1,7,9 .*64×48"),
    ],
)
def test_what_makes_no_sense_is_an_error_that_names_its_source(objects, message):
    with pytest.raises(PromptError, match=message) as caught:
        check(*objects)
    assert str(caught.value).startswith("points.json: ")


def test_a_query_frame_between_strides_names_the_nearest_used_one():
    with pytest.raises(PromptError, match=r"frame 12 .*18 frames.* 10$"):
        check(replace(DOG, frame=12), frames=range(10, 100, 5))


def test_a_span_between_strides_holds_no_frame():
    with pytest.raises(PromptError, match="span 11 to 14 "):
        check(replace(DOG, frame=10, span=(11, 14)), frames=range(10, 100, 5))


def test_the_frames_in_use_may_be_any_list():
    check(replace(DOG, frame=7), frames=[2, 7, 31])


def test_a_video_without_frames_is_an_error():
    with pytest.raises(PromptError, match="frames"):
        check(DOG, frames=range(0))


@pytest.mark.parametrize("key", ["positives", "negatives"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_points_that_are_no_numbers_are_refused_at_once(key, bad):
    with pytest.raises(PromptError, match=f"object 3: .*{key}"):
        ObjectQuery(3, 0, **{key: [(1, bad)]})


def test_a_box_that_is_no_number_is_refused_at_once():
    with pytest.raises(PromptError, match=r"object 3: .*box"):
        ObjectQuery(3, 0, box=[1, 2, float("nan"), 4])


@pytest.mark.parametrize(
    "values", [{"positives": [1, 2]}, {"negatives": [(1, 2, 3)]}, {"box": [(1, 2), (3, 4)]}]
)
def test_arrays_of_another_shape_are_refused_at_once(values):
    with pytest.raises(PromptError, match=f"object 3: {next(iter(values))} .*shape"):
        ObjectQuery(3, 0, **values)


def test_errors_after_reading_a_file_name_the_file(tmp_path):
    path = tmp_path / "clicks.json"
    path.write_text('{"objects": [{"id": 1, "positive": [[900, 5]]}]}')
    with pytest.raises(PromptError, match=r"clicks\.json: object 1: .*900,5"):
        QueryPoints.read(path).validate(range(10), (48, 64))
