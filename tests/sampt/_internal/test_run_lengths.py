"""Masks as run lengths and back."""

from __future__ import annotations

import warnings

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampt._internal.run_lengths import area, box, decode, encode, encode_each, from_plain_counts, iou
from sampt._internal.run_lengths import from_polygons as polygons

shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)


@given(hnp.arrays(bool, shapes))
def test_a_mask_comes_back(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(decode(encode(mask)), mask)


@given(hnp.arrays(bool, st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9))))
def test_several_masks_are_encoded_as_each_alone_is(masks: np.ndarray) -> None:
    assert encode_each(masks) == [encode(mask) for mask in masks]


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_may_go_either_way(order: str) -> None:
    mask = np.array(np.random.default_rng(0).random((7, 9)) > 0.5, order=order)
    np.testing.assert_array_equal(decode(encode(mask)), mask)
    np.testing.assert_array_equal(decode(encode(mask[:, ::2])), mask[:, ::2])


def test_area_and_box_are_in_pixels() -> None:
    mask = np.zeros((20, 30), bool)
    mask[4:9, 10:13] = True
    assert (area(encode(mask)), box(encode(mask))) == (15, [10, 4, 3, 5])
    assert (area(encode(mask & False)), box(encode(mask & False))) == (0, [0, 0, 0, 0])


def test_iou_is_of_all_pairs() -> None:
    left, right = np.zeros((2, 4, 4), bool)
    left[:, :2], right[:, 1:3] = True, True
    np.testing.assert_allclose(
        iou([encode(left)], [encode(left), encode(right), encode(~left)]), [[1, 1 / 3, 0]]
    )


def test_plain_run_lengths_are_compressed() -> None:
    mask = np.zeros((3, 2), bool)
    mask[1:, 0] = True
    np.testing.assert_array_equal(decode(from_plain_counts([1, 2, 3], (3, 2))), mask)


def test_polygons_of_one_object_are_joined() -> None:
    squares = [[0, 0, 4, 0, 4, 4, 0, 4], [10, 10, 14, 10, 14, 14, 10, 14]]
    mask = decode(polygons(squares, (20, 20)))
    assert mask[2, 2] and mask[12, 12] and not mask[7, 7]


def test_reading_a_mask_warns_of_nothing() -> None:
    with warnings.catch_warnings(record=True) as caught:
        decode(encode(np.eye(4, dtype=bool)))
    assert not caught
