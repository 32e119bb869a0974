from __future__ import annotations

import numpy as np

from sampt.methods.results import FrameResult
from sampt.output.review import Stretch, doubts, stretches
from sampt.trackers.base import Visibility


def result(visible: list[bool], *, seen: bool = True, lost: bool = False) -> FrameResult:
    """One object with as many positives as ``visible`` is long, and a mask if ``seen``."""
    return FrameResult(
        index=0,
        object_ids=(7,),
        masks=np.full((1, 4, 4), seen),
        logits=np.zeros((1, 4, 4), np.float32),
        scores=np.float32([0.9]),
        points=np.zeros((len(visible), 2), np.float32),
        visibility=np.where(visible, Visibility.VISIBLE, Visibility.INVISIBLE).astype(np.int8),
        positive=np.ones(len(visible), bool),
        owners=np.zeros(len(visible), int),
        lost=(7,) if lost else (),
    )


def test_a_frame_with_most_points_visible_and_a_mask_is_not_doubtful() -> None:
    assert doubts(result([True, True, False])) == [""]


def test_most_points_lost() -> None:
    assert doubts(result([True, False, False])) == ["most points lost"]


def test_no_point_visible() -> None:
    assert doubts(result([False, False], seen=False)) == ["no point visible"]


def test_no_mask_despite_points() -> None:
    assert doubts(result([True, True], seen=False)) == ["no mask despite visible points"]


def test_a_lost_object() -> None:
    assert doubts(result([False], seen=False, lost=True)) == ["lost, reinitialisation failed"]


def test_an_object_that_is_not_wanted_here_is_not_doubtful() -> None:
    assert doubts(result([], seen=False)) == [""]


def test_runs_of_the_same_doubt_become_stretches_of_frame_numbers() -> None:
    reasons = ["", "a", "a", "a", "b", "b", "b", "b", ""]
    assert stretches(7, range(10, 100, 10), reasons) == [
        Stretch(7, 20, 40, "a"),
        Stretch(7, 50, 80, "b"),
    ]


def test_short_runs_are_not_worth_a_look() -> None:
    assert stretches(7, range(5), ["", "a", "a", "", "a"]) == []


def test_a_stretch_reads_as_a_sentence() -> None:
    assert str(Stretch(2, 310, 345, "most points lost")) == "object 2: frames 310–345, most points lost"
