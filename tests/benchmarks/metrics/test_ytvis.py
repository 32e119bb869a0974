"""AP and AR of masklets: against their definition, and in cases that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampt.benchmarks.metrics.ytvis import ABSENT, AREAS, MEASURES, MOST, Curves, Masklet, match, video_iou

from .tubes import Tube, box, masklet, plain_iou, plain_measures

SIZE = (40, 60)


@st.composite
def tubes(draw: st.DrawFn, frames: int = 3) -> Tube:
    """A rectangle at a place of its own in every frame, absent from some."""
    tube = np.zeros((frames, *SIZE), bool)
    width, height = draw(st.integers(3, 12)), draw(st.integers(3, 12))
    x, y = draw(st.integers(0, 12)), draw(st.integers(0, 12))
    for t in range(frames):
        if draw(st.integers(0, 5)):
            tube[t, y + t : y + t + height, x : x + width] = True
    return tube


@st.composite
def videos(draw: st.DrawFn) -> list[tuple[list[tuple[Tube, Masklet]], list[tuple[Tube, Masklet]]]]:
    """Two videos with some predictions near their objects, all scores different; areas are made up."""
    areas = st.sampled_from([100.0, 128.0**2, 30000.0, 65536.0, 1e6])
    scores = iter(draw(st.permutations(range(100))))
    found = []
    for _ in range(2):
        truths = [(tube, draw(st.booleans()), draw(areas)) for tube in draw(st.lists(tubes(), max_size=4))]
        objects = [(t, masklet(t, crowd=crowd, mean_area=area)) for t, crowd, area in truths]
        shapes = [np.roll(t, draw(st.integers(-2, 2)), 2) for t, _, _ in truths for _ in range(2)]
        shapes += draw(st.lists(tubes(), max_size=2))
        predictions = [(t, masklet(t, next(scores) / 100, mean_area=draw(areas))) for t in shapes]
        found.append((predictions, objects))
    return found


@settings(max_examples=60, deadline=None)
@given(videos())
def test_measures_are_those_of_the_definition(case) -> None:
    matches = [match([m for _, m in ours], [m for _, m in truth], SIZE) for ours, truth in case]
    measures = Curves.of([matches]).measures
    for area in AREAS:
        expected = plain_measures(case, area, 100)
        assert (measures[f"AP{area}"], measures[f"AR{area or 100}"]) == pytest.approx(expected, abs=1e-9)
    for most in MOST:
        assert measures[f"AR{most}"] == pytest.approx(plain_measures(case, "", most)[1], abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.lists(tubes(), min_size=1, max_size=3), st.lists(tubes(), min_size=1, max_size=3))
def test_video_iou_is_that_of_all_pixels(ours: list[Tube], truths: list[Tube]) -> None:
    iou = video_iou([masklet(t) for t in ours], [masklet(t) for t in truths], SIZE)
    np.testing.assert_allclose(iou, [[plain_iou(o, t) for t in truths] for o in ours], atol=1e-12)


def measures_of(predictions: list[Masklet], objects: list[Masklet]) -> dict[str, float]:
    return Curves.of([[match(predictions, objects, SIZE)]]).measures


def test_the_object_itself_scores_one_and_what_is_not_there_is_absent() -> None:
    tube = box(2, 5, 5, 10, 10)
    measures = measures_of([masklet(tube)], [masklet(tube)])
    assert measures == {name: ABSENT if name[-1] in "ml" else 1.0 for name in MEASURES}


def test_iou_over_the_whole_video_decides_not_that_of_single_frames() -> None:
    tube = box(4, 5, 5, 10, 10)
    half = tube.copy()
    half[2:] = False  # IoU 1 in two frames, 0 in two: 0.5 in all
    assert measures_of([masklet(half)], [masklet(tube)])["AP50"] == 1
    half[1] = False
    assert measures_of([masklet(half)], [masklet(tube)])["AP50"] == 0


def test_a_second_prediction_of_an_object_is_a_mistake() -> None:
    tube = box(2, 5, 5, 10, 10)
    other = masklet(box(2, 30, 5, 10, 10), 0.1)
    twice = [masklet(tube, 0.9), masklet(tube, 0.8), other]
    # Precision is 1 up to a recall of 0.5, of which there are 51 points, and 2/3 beyond.
    assert measures_of(twice, [masklet(tube), other])["AP"] == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_a_crowd_is_no_mistake_however_often_it_is_found() -> None:
    tube, crowd = box(2, 5, 5, 10, 10), box(2, 30, 5, 10, 10)
    predictions = [masklet(crowd, 0.9), masklet(crowd, 0.8), masklet(tube, 0.7)]
    assert measures_of(predictions, [masklet(crowd, crowd=True), masklet(tube)])["AP"] == 1


def test_ar_1_looks_at_the_surest_prediction_of_a_video() -> None:
    one, other = box(2, 5, 5, 10, 10), box(2, 30, 5, 10, 10)
    measures = measures_of([masklet(one, 0.5), masklet(other, 0.6)], [masklet(one), masklet(other)])
    assert (measures["AR1"], measures["AR10"]) == (0.5, 1.0)


def test_no_more_than_a_hundred_predictions_count() -> None:
    tube, elsewhere = box(2, 5, 5, 10, 10), box(2, 30, 5, 10, 10)
    wrong = [masklet(elsewhere, 0.9)] * 100
    assert measures_of([*wrong, masklet(tube, 0.1)], [masklet(tube)])["AR100"] == 0
    assert measures_of([*wrong[1:], masklet(tube, 0.1)], [masklet(tube)])["AR100"] == 1


def test_means_are_over_categories_that_have_objects() -> None:
    tube = box(2, 5, 5, 10, 10)
    perfect, missed = match([masklet(tube)], [masklet(tube)], SIZE), match([], [masklet(tube)], SIZE)
    empty = match([masklet(tube)], [], SIZE)
    assert Curves.of([[perfect], [missed], [empty], []]).measures["AP"] == 0.5
