"""Points in any frames: which are part of the query, and the edits that they are in a session."""

from __future__ import annotations

import numpy as np
import pytest

from sampt.errors import PromptError
from sampt.prompts.edits import AddObject, AddPoint
from sampt.prompts.prompts import Prompts, moved_in_time
from sampt.prompts.query_points import QueryPoints

MASK = QueryPoints.from_masks(np.eye(8, dtype=np.uint8), frame=2)


def homes(prompts: Prompts) -> dict[int, int]:
    return {query.id: query.frame for query in prompts.queries.objects}


def test_the_first_point_says_the_query_frame() -> None:
    prompts = Prompts.from_options(["2:9:1,1", "1:5:1,2", "1:0:3,4:-", "1:5:5,6:-"], [])
    assert homes(prompts) == {2: 9, 1: 5}
    assert prompts.corrections == (AddPoint(1, 0, 3.0, 4.0, False),)
    assert prompts.queries.objects[1].negatives.tolist() == [[5, 6]]


def test_a_box_or_a_mask_says_it_whatever_comes_first() -> None:
    assert homes(Prompts.from_options(["1:5:1,2"], ["1:3:0,0,4,4"])) == {1: 3}
    prompts = Prompts.from_options(["1:5:1,2", "1:2:1,1", "7:4:2,2"], [], MASK)
    assert homes(prompts) == {1: 2, 7: 4}
    assert prompts.queries.objects[0].mask is not None
    assert prompts.queries.objects[0].positives.tolist() == [[1, 1]]
    assert [click.frame for click in prompts.corrections] == [5]


def test_a_box_in_another_frame_than_the_mask_is_refused() -> None:
    with pytest.raises(PromptError, match="one query frame"):
        Prompts.from_options([], ["1:3:0,0,4,4"], MASK)


def test_clicks_become_edits_in_their_order() -> None:
    texts = ["1:5:0.1,2:-", "2:0:3,4", "1:5:5,6", "1:7:1,1"]
    edits = Prompts.from_options(texts, []).edits(QueryPoints(()))
    assert edits[:2] == [AddObject(1), AddObject(2)]
    assert [(e.object_id, e.frame, e.x, e.positive) for e in edits[2:]] == [
        (1, 5, 0.1, False),
        (2, 0, 3.0, True),
        (1, 5, 5.0, True),
        (1, 7, 1.0, True),
    ]


def test_sampled_points_take_the_place_of_a_mask() -> None:
    prompts = Prompts.from_options(["1:2:1,1", "1:5:2,2:-"], [], MASK)
    sampled = QueryPoints.click(1, 2, (1, 1)) + QueryPoints.click(1, 2, (6, 6))
    edits = prompts.edits(sampled)
    assert [(e.frame, e.x) for e in edits[1:]] == [(2, 1.0), (2, 6.0), (5, 2.0)]


def test_frames_become_positions() -> None:
    prompts = moved_in_time(Prompts.from_options(["1:4:1,1", "1:8:1,1"], []), {4: 0, 6: 1, 8: 2})
    assert homes(prompts) == {1: 0}
    assert [click.frame for click in prompts.clicks] == [0, 2]


def test_a_camera_s_frames_are_not_counted_for_a_message() -> None:
    import sys

    with pytest.raises(PromptError, match="the nearest is 5"):
        Prompts.from_options(["1:0:1,1"], []).validate(range(5, sys.maxsize), (8, 8))


def test_equal_requests_are_equal_as_plain_values() -> None:
    first, again = (Prompts.from_options(["1:5:2,2:-"], [], MASK).to_json() for _ in range(2))
    other = QueryPoints.from_masks(np.eye(8, dtype=np.uint8)[::-1].copy(), frame=2)
    assert first == again
    assert first != Prompts.from_options(["1:5:2,2:-"], [], other).to_json()
    assert first != Prompts.from_options(["1:5:2,3:-"], [], MASK).to_json()
