"""Support grids, and points in groups."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sampt.trackers.clip import Clip
from sampt.trackers.cotracker.points import SupportGrid, groups_of_points


class TestSupportGrid:
    def test_by_default_there_is_one_at_each_query_frame(self):
        clip = Clip.of(np.zeros((30, 1, 1, 3), np.uint8))
        assert SupportGrid(6, None).frames(clip, np.array([7, 0, 7, 20])) == [0, 7, 20]

    def test_every_twelve_frames_are_the_same_frames_in_both_directions(self):
        clip = Clip.of(np.zeros((30, 1, 1, 3), np.uint8))
        forward = SupportGrid(2, 12).frames(clip, np.array([5]))
        backward = SupportGrid(2, 12).frames(clip.reversed(), np.array([24]))
        assert list(forward) == [0, 12, 24]
        assert [clip.reversed().indices[t] for t in backward] == [24, 12, 0]

    def test_no_points_no_grids(self):
        assert SupportGrid(0, 12).frames(Clip.of(np.zeros((30, 1, 1, 3), np.uint8)), np.array([5])) == []

    def test_points_are_row_by_row_a_64th_of_the_width_from_the_borders(self):
        points = SupportGrid(3, None).points((384, 512))
        assert points[[0, 1, 3, 8]].tolist() == [[8, 8], [256, 8], [8, 192], [504, 376]]

    def test_a_single_point_is_in_the_middle(self):
        assert SupportGrid(1, None).points((384, 512)).tolist() == [[256, 192]]


@settings(deadline=None)
@given(starts=st.lists(st.integers(0, 5), max_size=40), most=st.integers(1, 10))
def test_every_point_is_in_one_group(starts, most):
    groups = list(groups_of_points(np.array(starts, np.int64), most))
    assert sorted(n for group in groups for n in group) == list(range(len(starts)))
    assert all(0 < len(group) <= most for group in groups)
