"""Areas of run-length encoded masks, and strings that are no masks of such frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from sampt.benchmarks.metrics.run_lengths import RunLengthError, mask_areas


def encoded(mask: np.ndarray) -> bytes:
    return bytes(coco.encode(np.asfortranarray(mask, np.uint8))["counts"])


@given(st.lists(arrays(bool, (7, 9)) | st.none(), max_size=6))
def test_areas_are_counts_of_pixels(masks: list[np.ndarray | None]) -> None:
    areas = mask_areas([None if mask is None else encoded(mask) for mask in masks], 63)
    assert areas.tolist() == [0 if mask is None else mask.sum() for mask in masks]


def test_long_runs() -> None:
    mask = np.zeros((3000, 4000), bool)
    mask[:, 1000:3999] = True
    assert mask_areas([encoded(mask)], mask.size).tolist() == [mask.sum()]


@given(arrays(bool, (7, 9)), arrays(bool, (6, 9)))
def test_a_mask_of_another_size_is_found_among_others(good: np.ndarray, other: np.ndarray) -> None:
    with pytest.raises(RunLengthError, match=r"\b54\b.*\b63\b") as refused:
        mask_areas([encoded(good), None, encoded(other), encoded(good)], 63)
    assert refused.value.index == 2


@given(st.binary(max_size=12))
def test_any_bytes_are_a_mask_or_refused(text: bytes) -> None:
    try:
        (area,) = mask_areas([text], 63)
    except RunLengthError as error:
        assert error.index == 0
    else:
        assert area == coco.area({"size": [7, 9], "counts": text})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "0 pixels"),
        (b"o1 ", "character"),
        (b"o1\xff", "character"),
        (b"o1o", "breaks off"),
        (b"oooooooo1", "too large"),
        (b"@_2", "negative length"),
    ],
)
def test_what_is_wrong_is_said(text: bytes, problem: str) -> None:
    with pytest.raises(RunLengthError, match=problem):
        mask_areas([text], 63)
