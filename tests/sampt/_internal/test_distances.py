"""Distances are exact, and the same every time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from sampt._internal.distances import distance_to_zero


@given(arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30)), elements=st.integers(0, 1)))
def test_they_are_euclidean(pixels):
    pixels[0, 0] = 0
    np.testing.assert_allclose(distance_to_zero(pixels), distance_transform_edt(pixels), atol=1e-4)


def test_they_are_the_same_every_time_wherever_they_are_put_in_memory():
    rng = np.random.default_rng(0)
    pixels = np.ones((96, 160), np.uint8)
    pixels[rng.integers(0, 96, 4), rng.integers(0, 160, 4)] = 0
    kept = [distance_to_zero(pixels) for _ in range(40)]  # kept, so that each gets memory of its own
    assert len({distances.tobytes() for distances in kept}) == 1
