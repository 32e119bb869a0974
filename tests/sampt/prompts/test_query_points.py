"""Query points in files and options, read and written."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampt.errors import OutputError, PromptError
from sampt.prompts.query_points import ObjectQuery, QueryPoints

SHARED = Path(os.environ.get("SAMPT_SHARED", Path(__file__).parents[4] / "shared"))
BEES = SHARED / "demo_bees" / "query_points__bees.txt"

DOG = ObjectQuery(1, 0, positives=[(20, 10)])


def save(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# JSON

EXAMPLE = {
    "version": 1,
    "objects": [
        {
            "id": 1,
            "name": "dog",
            "frame": 3,
            "positive": [[320, 240], [355.5, 228]],
            "negative": [[100, 60]],
            "span": [120, 400],
            "box": [200, 100, 440, 380],
        },
        {"id": 7, "positive": [[5, 6]]},
    ],
}


def test_json_says_all_there_is_to_say(tmp_path):
    dog, other = QueryPoints.read(save(tmp_path / "points.json", json.dumps(EXAMPLE))).objects
    assert (dog.id, dog.name, dog.frame, dog.span) == (1, "dog", 3, (120, 400))
    np.testing.assert_array_equal(dog.positives, [(320, 240), (355.5, 228)])
    np.testing.assert_array_equal(dog.negatives, [(100, 60)])
    np.testing.assert_array_equal(dog.box, [200, 100, 440, 380])
    assert dog.positives.dtype == dog.negatives.dtype == dog.box.dtype == np.float32
    assert (other.id, other.name, other.frame, other.span, other.box) == (7, None, 0, None, None)
    assert other.negatives.shape == (0, 2)


def test_the_documented_example_is_valid(tmp_path):
    text = (Path(__file__).parents[3] / "docs" / "points.md").read_text(encoding="utf-8")
    example = text.split('```json title="dog.json"\n')[1].split("```")[0]
    points = QueryPoints.read(save(tmp_path / "points.json", example))
    points.validate(range(500), (480, 640))
    assert [query.id for query in points.objects] == [1, 2]


coordinates = st.floats(-1e6, 1e6, width=32)
points_lists = st.lists(st.tuples(coordinates, coordinates), max_size=5)
queries = st.builds(
    ObjectQuery,
    id=st.integers(1, 255),
    frame=st.integers(0, 10**6),
    positives=st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=5),
    negatives=points_lists,
    name=st.none() | st.text(),
    span=st.none() | st.tuples(st.integers(0, 500), st.integers(0, 500)),
    box=st.none() | st.tuples(coordinates, coordinates, coordinates, coordinates),
)


@given(st.lists(queries, max_size=4))
def test_what_is_written_is_read_again(tmp_path_factory, objects):
    path = tmp_path_factory.getbasetemp() / "round trip.json"
    QueryPoints(tuple(objects)).write(path)
    again = QueryPoints.read(path).objects
    assert len(again) == len(objects)
    for query, copy in zip(objects, again, strict=True):
        assert (copy.id, copy.frame, copy.name, copy.span) == (query.id, query.frame, query.name, query.span)
        np.testing.assert_array_equal(copy.positives, query.positives)
        np.testing.assert_array_equal(copy.negatives, query.negatives)
        assert (copy.box is None) == (query.box is None)
        if query.box is not None:
            np.testing.assert_array_equal(copy.box, query.box)


def test_coordinates_are_written_as_short_as_they_were_given():
    query = ObjectQuery(1, 0, positives=[(0.1, 640)])
    assert query.to_json() == {"id": 1, "frame": 0, "positive": [[0.1, 640.0]]}


def test_masks_are_not_written_but_the_points_beside_them_are():
    query = replace(DOG, mask=np.ones((4, 4), bool))
    assert query.to_json() == DOG.to_json()


def test_an_object_that_is_nothing_but_a_mask_cannot_be_written(tmp_path):
    masks = QueryPoints.from_masks(np.eye(4, dtype=int))
    with pytest.raises(PromptError, match="object 1"):
        masks.write(tmp_path / "points.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["missing", "file"])
def test_a_folder_that_cannot_be_written_to_is_an_error(tmp_path, folder):
    save(tmp_path / "file", "")
    with pytest.raises(OutputError, match=r"points\.json"):
        QueryPoints((DOG,)).write(tmp_path / folder / "points.json")


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    (tmp_path / "points.json").mkdir()
    with pytest.raises(OutputError):
        QueryPoints((DOG,)).write(tmp_path / "points.json")
    assert [path.name for path in tmp_path.iterdir()] == ["points.json"]


def test_malformed_json_names_file_and_line(tmp_path):
    path = save(tmp_path / "points.json", '{"version": 1,\n "objects": [,]}')
    with pytest.raises(PromptError, match=r"points\.json, line 2, column 14"):
        QueryPoints.read(path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"version": ' + "1" * 5000 + "}"])
def test_json_that_breaks_the_parser_is_an_error(tmp_path, text):
    with pytest.raises(PromptError, match=r"points\.json"):
        QueryPoints.read(save(tmp_path / "points.json", text))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "points: .*version, objects"),
        ({"version": 1}, "'objects'"),
        ({"version": 2, "objects": []}, "version 2.* 1"),
        ({"object": []}, "'objects'"),
        (
            {"objects": [{"id": 1, "positives": []}]},
            "object 1: .*'positives'.*'positive'",
        ),
        ({"objects": [{"id": 1}, {"frame": 1}]}, "object 2: 'id'"),
        ({"objects": [{"id": "1"}]}, "'id'.*'1'"),
        ({"objects": [{"id": True}]}, "'id'.*True"),
        ({"objects": [{"id": 1, "frame": 0.5}]}, "'frame'.*0.5"),
        ({"objects": [{"id": 1, "name": 5}]}, "'name'.*5"),
        ({"objects": [{"id": 1, "positive": 5}]}, "'positive'.*5"),
        ({"objects": [{"id": 1, "positive": [5, 6]}]}, "5 in 'positive'"),
        ({"objects": [{"id": 1, "positive": [[5, 6, 7]]}]}, r"\[5, 6, 7\] in 'positive'"),
        ({"objects": [{"id": 1, "negative": [["5", "6"]]}]}, "in 'negative'"),
        ({"objects": [{"id": 1, "negative": [[float("nan"), 6]]}]}, "nan.* in 'negative'"),
        ({"objects": [{"id": 1, "negative": [[10**400, 6]]}]}, "in 'negative'"),
        ({"objects": [{"id": 1, "span": [3]}]}, r"'span'.*\[3\]"),
        ({"objects": [{"id": 1, "span": [3, None]}]}, "'span'.*None"),
        ({"objects": [{"id": 1, "box": [1, 2, 3]}]}, r"'box'.*\[1, 2, 3\]"),
    ],
)
def test_json_that_is_no_query_says_where_and_why(data, message):
    with pytest.raises(PromptError, match=message) as caught:
        QueryPoints.from_json(data, "points")
    assert str(caught.value).startswith("points")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PromptError, match=r"nowhere\.json"):
        QueryPoints.read(tmp_path / "nowhere.json")


def test_a_binary_file_is_no_points_file(tmp_path):
    (tmp_path / "points.json").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(PromptError, match=r"points\.json"):
        QueryPoints.read(tmp_path / "points.json")


# SAM-PT's text format


def test_the_official_demo_points_can_be_read():
    if not BEES.is_file():
        pytest.skip("the official demo's points are not there; set SAMPT_SHARED")
    points = QueryPoints.read(BEES)
    first, second = points.objects
    assert (first.id, second.id, first.frame, second.frame) == (1, 2, 0, 0)
    np.testing.assert_array_equal(first.positives, [(282.5, 241.25), (336.25, 240), (357.5, 276.25)])
    np.testing.assert_array_equal(second.negatives, [(1130, 272.5)])
    points.validate(range(277), (720, 1280))


def test_text_needs_no_negatives_and_forgives_blanks(tmp_path):
    path = save(tmp_path / "points.txt", "\ufeff 2 \n\n 12 ; 1,2  3.5,4 \n0;5,6 7,8 9,10 11,12\n\n")
    first, second = QueryPoints.read(path).objects
    assert (first.frame, first.positives.tolist(), first.negatives.shape) == (12, [[1, 2], [3.5, 4]], (0, 2))
    assert (second.frame, second.negatives.tolist()) == (0, [[9, 10], [11, 12]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "points.txt"),
        ("hello", "line 1: .*'hello'"),
        ("3\n0;1,2 3,4", "line 2: 2 points.* 3 "),
        ("1\n\n0 1,2", "line 3: .*'0 1,2'"),
        ("1\n-1;1,2", "line 2: .*'-1;1,2'"),
        ("1\n0;1,2\n0;1,b", "line 3: '1,b'"),
        ("1\n0;1,2,3", "line 2: '1,2,3'"),
        ("1\n0;nan,2", "line 2: 'nan,2'"),
    ],
)
def test_malformed_text_names_file_and_line(tmp_path, text, message):
    with pytest.raises(PromptError, match=message) as caught:
        QueryPoints.read(save(tmp_path / "points.txt", text))
    assert "points.txt" in str(caught.value)


# Options


def test_points_of_an_object_gather_whatever_their_order():
    points = QueryPoints.from_cli(["2:5:10,20:+", "1:0:1.5,2", "2:5:30,40:-", "2:5:50,60"])
    second, first = points.objects
    assert (second.id, second.frame, first.id, first.frame) == (2, 5, 1, 0)
    assert second.positives.tolist() == [[10, 20], [50, 60]]
    assert second.negatives.tolist() == [[30, 40]]
    assert first.positives.tolist() == [[1.5, 2]]


def test_a_box_may_stand_alone_or_beside_points():
    points = QueryPoints.from_cli(["1:0:10,20:-"], ["1:0:5,6,70,80", "2:3:1,2,3,4"])
    first, second = points.objects
    assert (first.box.tolist(), first.negatives.tolist()) == ([5, 6, 70, 80], [[10, 20]])
    assert (second.id, second.frame, second.box.tolist()) == (2, 3, [1, 2, 3, 4])


def test_a_span_belongs_to_its_object():
    first, second = QueryPoints.from_cli(["1:0:1,2", "2:0:3,4"], spans=["2:120-400"]).objects
    assert (first.span, second.span) == (None, (120, 400))


def test_spans_can_be_added_to_points_from_elsewhere():
    points = QueryPoints((DOG, ObjectQuery(2, 0, positives=[(1, 2)], span=(5, 6))))
    assert [query.span for query in points.with_spans(["1:0-3"]).objects] == [(0, 3), (5, 6)]


@pytest.mark.parametrize(
    "text", ["", "1:0", "1:0:5", "1:0:5,6,7", "1:0:5,6:*", "a:0:5,6", "1:-2:5,6", "1:0:nan,6"]
)
def test_a_malformed_point_option_shows_how_to_write_one(text):
    with pytest.raises(PromptError) as caught:
        QueryPoints.from_cli([text])
    assert str(caught.value).startswith(f"--point {text}: ") and "OBJ:T:X,Y" in str(caught.value)


@pytest.mark.parametrize("text", ["1:0:5,6", "1:0:5,6,7,8:+", "box", "1:0:1,2,3,inf"])
def test_a_malformed_box_option_shows_how_to_write_one(text):
    with pytest.raises(PromptError) as caught:
        QueryPoints.from_cli(boxes=[text])
    assert str(caught.value).startswith(f"--box {text}: ") and "OBJ:T:X0,Y0,X1,Y1" in str(caught.value)


@pytest.mark.parametrize("text", ["120-400", "1:120", "1:-5-7", "1:a-b"])
def test_a_malformed_span_option_shows_how_to_write_one(text):
    with pytest.raises(PromptError) as caught:
        QueryPoints.from_cli(["1:0:1,2"], spans=[text])
    assert str(caught.value).startswith(f"--span {text}: ") and "OBJ:FIRST-LAST" in str(caught.value)


@pytest.mark.parametrize(
    ("points", "boxes", "spans", "message"),
    [
        (["1:0:5,6", "1:4:5,6"], [], [], "--point 1:4:5,6: object 1 .*frame 0"),
        (["1:0:5,6"], ["1:4:5,6,7,8"], [], "--box 1:4:5,6,7,8: object 1 .*frame 0"),
        ([], ["1:4:5,6,7,8", "1:4:5,6,7,9"], [], "--box 1:4:5,6,7,9: object 1 .*box"),
        (["1:0:5,6"], [], ["2:0-5"], "--span 2:0-5: .*object 2"),
        (["1:0:5,6"], [], ["1:0-5", "1:7-9"], "--span 1:7-9: object 1 .*span"),
    ],
)
def test_options_that_contradict_one_another_are_an_error(points, boxes, spans, message):
    with pytest.raises(PromptError, match=message):
        QueryPoints.from_cli(points, boxes, spans)
