import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sampt.benchmarks.measure.metric_speed import by_scipy, plain_boundary, plain_contour_accuracy
from sampt.benchmarks.metrics.davis import boundary, contour_accuracy, region_similarity, statistics


def drawn(*rows: str) -> np.ndarray:
    return np.array([[pixel == "#" for pixel in row] for row in rows])


def box(shape: tuple[int, int], top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[top : top + height, left : left + width] = True
    return mask


sizes = st.tuples(st.integers(1, 24), st.integers(1, 24))


@st.composite
def pairs_of_masks(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Noise, and boxes that may touch or cover the whole frame."""
    shape = draw(sizes)

    def mask() -> np.ndarray:
        if draw(st.booleans()):
            return draw(arrays(bool, shape))
        edges = [sorted((draw(st.integers(0, n)), draw(st.integers(0, n)))) for n in shape]
        return box(shape, edges[0][0], edges[1][0], edges[0][1] - edges[0][0], edges[1][1] - edges[1][0])

    return mask(), mask()


def test_j_counts_pixels() -> None:
    prediction = drawn("##..", "##..")
    annotation = drawn(".##.", ".##.")
    assert region_similarity(prediction, annotation) == 2 / 6


def test_j_of_two_empty_masks_is_1() -> None:
    empty = np.zeros((3, 4), bool)
    assert region_similarity(empty, empty) == 1


def test_boundary_lies_on_the_pixels_that_differ_from_east_south_or_southeast() -> None:
    mask = drawn("......", "..##..", "..##..", "......", "......")
    assert (boundary(mask) == drawn(".###..", ".#.#..", ".###..", "......", "......")).all()


def test_boundary_in_the_last_row_looks_east_and_in_the_last_column_south() -> None:
    mask = drawn("....", "..##", "..##")
    assert (boundary(mask) == drawn(".###", ".#..", ".#..")).all()


def test_f_by_hand() -> None:
    # The boundaries are rings of 8 pixels, over the columns 1 to 3 and 3 to 5, and the tolerance is 1 pixel:
    # of the left ring, the 3 pixels of column 3 lie on the right one, and the 2 of column 2 beside it.
    left = box((9, 12), 3, 2, 2, 2)
    right = box((9, 12), 3, 4, 2, 2)
    assert boundary(left).sum() == boundary(right).sum() == 8
    assert contour_accuracy(left, right) == 5 / 8


def test_f_is_0_beyond_the_tolerance_and_1_within_it() -> None:
    shape = (96, 128)  # a diagonal of 160 pixels: the tolerance is 2
    mask = box(shape, 30, 30, 20, 20)
    assert contour_accuracy(mask, box(shape, 32, 30, 20, 20)) == 1
    assert contour_accuracy(mask, box(shape, 30, 28, 20, 20)) == 1
    assert contour_accuracy(mask, box(shape, 32, 31, 20, 20)) < 1, "the corner is more than 2 pixels away"
    assert contour_accuracy(mask, box(shape, 60, 60, 20, 20)) == 0


@pytest.mark.parametrize("other, expected", [("empty", 1), ("full", 1), ("box", 0)])
def test_f_where_a_mask_has_no_boundary(other: str, expected: float) -> None:
    masks = {
        "empty": box((8, 8), 0, 0, 0, 0),
        "full": box((8, 8), 0, 0, 8, 8),
        "box": box((8, 8), 2, 2, 3, 3),
    }
    assert contour_accuracy(masks["empty"], masks[other]) == expected
    assert contour_accuracy(masks[other], masks["full"]) == expected


@given(pairs_of_masks())
def test_boundary_is_the_definition(masks: tuple[np.ndarray, np.ndarray]) -> None:
    assert (boundary(masks[0]) == plain_boundary(masks[0])).all()


@settings(max_examples=300)
@given(pairs_of_masks(), st.sampled_from([0.008, 0.05, 0.1, 0.2, 0.3]))
def test_f_is_the_definition_at_any_tolerance(masks: tuple[np.ndarray, np.ndarray], tolerance: float) -> None:
    assert contour_accuracy(*masks, tolerance) == plain_contour_accuracy(*masks, tolerance, dilate=by_scipy)


@given(pairs_of_masks())
def test_both_measures_are_symmetric_and_within_0_and_1(masks: tuple[np.ndarray, np.ndarray]) -> None:
    for measure in (region_similarity, contour_accuracy):
        assert 0 <= measure(*masks) <= 1
        assert measure(*masks) == measure(*masks[::-1])


@given(pairs_of_masks())
def test_a_mask_agrees_with_itself(masks: tuple[np.ndarray, np.ndarray]) -> None:
    assert region_similarity(masks[0], masks[0]) == contour_accuracy(masks[0], masks[0]) == 1


@given(st.integers(-2, 2), st.integers(-2, 2))
def test_f_forgives_a_shift_exactly_up_to_the_tolerance(dx: int, dy: int) -> None:
    shape = (96, 128)  # the tolerance is 2
    moved = contour_accuracy(box(shape, 40, 40, 15, 25), box(shape, 40 + dy, 40 + dx, 15, 25))
    assert (moved == 1) == (dx**2 + dy**2 <= 4)


def test_the_masks_may_be_views() -> None:
    big = np.random.default_rng(0).random((40, 60)) > 0.5
    a, b = big[::2, ::2], big.T[:40:2, :60:2][:20, :20]
    assert contour_accuracy(a[:, :20], b) == contour_accuracy(a[:, :20].copy(), b.copy())


@pytest.mark.parametrize("measure", [region_similarity, contour_accuracy])
def test_masks_that_do_not_fit_are_refused(measure) -> None:
    mask = np.zeros((4, 5), bool)
    with pytest.raises(ValueError, match=r"\(4, 5\).*\(5, 4\)"):
        measure(mask, mask.T)
    with pytest.raises(ValueError, match=r"annotation.*uint8"):
        measure(mask, mask.astype(np.uint8))


def test_statistics_by_hand() -> None:
    # Eight values: the bins' borders are at 1, 2.75, 4.5, 6.25 and 8; the first holds 1..3, the last 6..8.
    values = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]
    mean, recall, decay = statistics(values)
    assert mean == pytest.approx(0.55)
    assert recall == 4 / 8, "0.5 itself is not recalled"
    assert decay == pytest.approx(0.8 - 0.3)


def test_a_border_on_a_half_is_rounded_up() -> None:
    # Seven values: borders at 1, 2.5, 4, 5.5 and 7; the first bin holds 1..3, the last 6..7.
    assert statistics([1, 1, 1, 0, 0, 0.5, 0.25]).decay == 1 - 0.375


def test_decay_of_a_long_clip_compares_its_ends() -> None:
    assert statistics(np.linspace(1, 0, 1001)).decay == pytest.approx(0.75, abs=1e-3)


def test_one_value_has_no_decay() -> None:
    assert statistics([0.7]) == (0.7, 1, 0)


@pytest.mark.parametrize("values", [[], [[0.5, 0.6]]])
def test_statistics_of_nothing_are_refused(values: list) -> None:
    with pytest.raises(ValueError, match=re.escape(str(np.shape(values)))):
        statistics(values)
