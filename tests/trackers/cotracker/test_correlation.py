"""Pyramids of CoTracker's features, and the neighbourhoods that are read from them."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F  # noqa: N812

from sampt.trackers.cotracker.correlation import Pyramid, blend, pyramid_of


def features(frames: int, height: int = 32, width: int = 40) -> Pyramid:
    values = torch.from_numpy(np.random.default_rng(0).random((frames, 3, height, width), np.float32))
    return Pyramid.stack([pyramid_of(frame) for frame in values])


class TestPyramid:
    @settings(deadline=None, max_examples=50)
    @given(
        xy=st.lists(st.tuples(st.floats(-60, 90, width=32), st.floats(-60, 90, width=32)), min_size=1),
        level=st.integers(0, 3),
    )
    def test_a_neighbourhood_is_sampled_bilinearly_with_the_edge_repeated(self, xy, level):
        pyramid = features(2)
        points = torch.tensor(xy)
        frame = torch.arange(len(points)) % 2
        found = blend(*pyramid.corners(level, frame, points))
        maps = pyramid.levels[level][frame].permute(0, 3, 1, 2)
        size = torch.tensor([maps.shape[3] - 1, maps.shape[2] - 1])
        reach = torch.arange(-3, 4)
        x_first = torch.stack(torch.meshgrid(reach, reach, indexing="ij"), dim=-1)
        grid = (points[:, None, None] / 2**level + x_first) * 2 / size - 1
        expected = F.grid_sample(maps, grid, align_corners=True, padding_mode="border").permute(0, 2, 3, 1)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)

    def test_the_last_frame_is_repeated_to_fill_a_window(self):
        frames = [pyramid_of(torch.full((3, 16, 16), float(t))) for t in range(3)]
        pyramid = Pyramid.stack(frames, length=5)
        found = blend(*pyramid.corners(0, torch.arange(5), torch.full((5, 2), 8.0)))
        assert found[:, 0, 0, 0].tolist() == [0, 1, 2, 2, 2]

    def test_reversed_is_last_to_first(self):
        pyramid, here = features(4), torch.full((4, 2), 8.0)
        forward = blend(*pyramid.corners(0, torch.arange(4), here))
        backward = blend(*pyramid.reversed().corners(0, torch.arange(4), here))
        torch.testing.assert_close(backward, forward.flip(0))

    def test_points_absurdly_far_outside_see_the_corner(self):
        pyramid = features(1)
        found = blend(*pyramid.corners(0, torch.zeros(1, dtype=torch.long), torch.tensor([[-1e30, 1e30]])))
        torch.testing.assert_close(found[0, 0, 0], pyramid.levels[0][0, -1, 0])
