"""Prompts, and the extent of masks."""

from __future__ import annotations

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given

from sampt.segmenters.base import Prompts, mask_extent


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9)))
def test_mask_extent(masks):
    boxes, areas = mask_extent(torch.from_numpy(masks))
    assert boxes.dtype == torch.float32
    np.testing.assert_array_equal(areas, masks.sum((1, 2)))
    for box, mask in zip(boxes.tolist(), masks, strict=True):
        if mask.any():
            rows, columns = np.nonzero(mask)
            assert box == [columns.min(), rows.min(), columns.max(), rows.max()]


def test_points_and_labels_must_match():
    with pytest.raises(ValueError, match=r"\(B, P, 2\)"):
        Prompts(torch.zeros(2, 3, 2), torch.zeros(2, 4))
