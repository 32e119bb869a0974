from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sampt.config.schema import WorkingSize
from sampt.video.frames import ImageStream
from sampt.video.resized import (
    moved_points,
    resized_frame,
    resized_labels,
    resized_mask,
    resized_source,
)

sides = st.integers(1, 60)


@given(height=sides, width=sides, new_height=sides, new_width=sides)
def test_label_maps_take_the_pixels_that_torch_takes(
    height: int, width: int, new_height: int, new_width: int
) -> None:
    labels = np.arange(height * width, dtype=np.int64).reshape(height, width)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(labels.astype(np.float64))[None, None], (new_height, new_width), mode="nearest"
    )
    assert np.array_equal(resized_labels(labels, (new_height, new_width)), expected[0, 0].numpy())


@given(row=st.integers(0, 89), column=st.integers(0, 159))
def test_a_mask_of_one_pixel_does_not_vanish(row: int, column: int) -> None:
    mask = np.zeros((90, 160), bool)
    mask[row, column] = True
    small = resized_mask(mask, (9, 16))
    assert small.sum() == 1
    assert small[row // 10, column // 10]


def test_a_frame_is_resized_as_pillow_does() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    expected = np.array(Image.fromarray(frame).resize((33, 22), Image.Resampling.BILINEAR))
    assert np.array_equal(resized_frame(frame, (22, 33)), expected)


def test_a_stream_without_a_length_stays_one() -> None:
    stream = ImageStream(iter(np.zeros((3, 20, 30, 3), np.uint8)))
    small = resized_source(stream, (10, 15))
    assert not hasattr(small, "__len__")
    assert small.has(2) and not small.has(3)
    assert small[1].shape == (10, 15, 3) and small.count == 3


@given(x=st.floats(-0.5, 159), y=st.floats(-0.5, 89))
def test_points_come_back_to_where_they_were(x: float, y: float) -> None:
    point = np.array([x, y], np.float32)
    there = moved_points(point, (90, 160), (333, 77))
    np.testing.assert_allclose(moved_points(there, (333, 77), (90, 160)), point, atol=1e-3)


@pytest.mark.parametrize(
    "working, size, expected",
    [
        (WorkingSize(longest_side=1024), (1080, 1920), (576, 1024)),
        (WorkingSize(longest_side=1024), (480, 854), (576, 1024)),
        (WorkingSize(longest_side=1024), (854, 480), (1024, 576)),
        (WorkingSize(shortest_side=360), (720, 1280), (360, 640)),
        (WorkingSize(shortest_side=360), (853, 480), (640, 360)),
        (WorkingSize(), (123, 457), (123, 457)),
    ],
)
def test_working_sizes_are_those_of_the_reference(
    working: WorkingSize, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert working.of(size) == expected
    assert working.of(expected) == expected


def test_two_sides_contradict_each_other() -> None:
    with pytest.raises(ValueError, match="longest_side"):
        WorkingSize(longest_side=1024, shortest_side=360)
