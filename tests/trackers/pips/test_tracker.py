from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sampt.trackers.base import Visibility
from sampt.trackers.clip import Clip
from sampt.trackers.pips.options import PipsOptions
from sampt.trackers.pips.tracker import Pips, last_visible

from .case import Scripted, numbered


def scripted(longest_side: int | None = None, *, options: dict | None = None, **script) -> Pips:
    """The tracker at the frames' own resolution, with a stand-in that does as it is told."""
    return Pips(Scripted(**script), PipsOptions(longest_side=longest_side, **(options or {})))


def windows(tracker: Pips) -> list[list[int]]:
    """The frames of each window that the network was shown, by their marks."""
    return [marks for marks, _ in tracker.model.windows]


# Linking windows.


@pytest.mark.parametrize(
    ("visibility", "last"),
    [
        ([0.95, 0.95, 0.95], 2),
        ([0.95, 0.95, 0.5], 1),
        ([0.95, 0.1, 0.1], 0),
        ([0.9, 0.91, 0.9], 1),
        ([0.85, 0.87, 0.86], 1),  # at 0.86, which the last one does not exceed
        ([0.87, 0.89, 0.885], 2),  # at 0.88
        ([0.0, 0.0, 0.0], 2),
        ([1.0, 0.0, 0.0], 0),
        ([0.3], 0),
    ],
)
def test_the_next_window_begins_where_the_point_is_last_surely_seen(visibility, last):
    assert last_visible(np.float32(visibility)[:, None], 0.9).tolist() == [last]


# No multiples of 0.02, where rounding would decide.
SHARES = st.integers(0, 199).map(lambda n: np.float32((n + 0.5) / 200))


@settings(deadline=None)
@given(arrays(np.float32, (7, 3), elements=SHARES), st.sampled_from([0.5, 0.9, 1.0]))
def test_the_threshold_is_lowered_for_each_point_alone(visibility, threshold):
    def plainly(column: np.ndarray) -> int:
        level = threshold
        while not (column > level).any():
            level -= 0.02
        return int(np.flatnonzero(column > level)[-1])

    expected = [plainly(column) for column in visibility.T]
    assert last_visible(visibility, threshold).tolist() == expected


def test_windows_follow_each_other_at_their_last_frame_and_the_last_one_repeats_the_clips_end():
    tracker = scripted()
    tracker.track(numbered(12), [[0, 20, 20]])
    assert windows(tracker) == [[0, 1, 2, 3, 4, 5, 6, 7], [7, 8, 9, 10, 11, 11, 11, 11]]


def test_a_point_goes_on_from_where_and_how_far_it_was_surely_seen():
    until_third = torch.tensor([1, 0.95, 0.92, 0.6, 0.6, 0.6, 0.6, 0.6])
    tracker = scripted(velocity=(2.0, 0.0), visibility=lambda xy: until_third.expand(len(xy), -1))
    tracks = tracker.track(numbered(6), [[0, 20, 20]])
    assert [(marks[0], *points) for marks, points in tracker.model.windows] == [
        (0, [20, 20]),
        (2, [24, 20]),
        (4, [28, 20]),
    ]
    assert tracks.xy[:, 0].tolist() == [[20 + 2 * t, 20] for t in range(6)]


def test_points_due_at_the_same_frame_share_a_window_whatever_their_query_frames():
    tracker = scripted()
    list(tracker.stream(Clip.of(numbered(15)), np.float32([[0, 10, 10], [7, 20, 20], [3, 30, 30]])))
    shared = [(marks[0], len(points)) for marks, points in tracker.model.windows]
    assert shared == [(0, 1), (3, 1), (7, 2), (10, 1)]


def test_a_point_looks_as_in_its_query_frame_in_all_windows():
    looks = []

    class Noting(Scripted):
        def forward(self, feature_maps, xy, features, iterations=6):
            looks.extend(features[:, 0].tolist())
            return super().forward(feature_maps, xy, features, iterations)

    Pips(Noting(), PipsOptions(longest_side=None)).track(numbered(20), [[2, 20, 20]])
    assert looks == [2.0] * 4  # one window backward, three forward


# Visibility.


def test_a_point_is_visible_above_the_threshold_and_at_its_query_frame_whatever_the_model_says():
    half = torch.tensor([0, 0.4, 0.6, 0.45, 0.55, 0.3, 0.2, 0.1])
    clip, query = numbered(6), [[0, 20, 20]]
    told = scripted(visibility=lambda xy: half.expand(len(xy), -1), options={"link_threshold": 0.0})
    assert told.track(clip, query).visibility[:, 0].tolist() == [1, 0, 1, 0, 1, 0]
    told = scripted(
        visibility=lambda xy: half.expand(len(xy), -1),
        options={"link_threshold": 0.0, "visibility_threshold": 0.35},
    )
    assert told.track(clip, query).visibility[:, 0].tolist() == [1, 1, 1, 1, 1, 0]


def test_a_point_that_leaves_the_frame_is_not_visible_there():
    tracks = scripted(velocity=(10.0, 0.0)).track(numbered(4), [[0, 40, 20]])
    assert tracks.visibility[:, 0].tolist() == [Visibility.VISIBLE] * 2 + [Visibility.INVISIBLE] * 2


# Sizes.


@pytest.mark.parametrize(
    ("longest_side", "frame", "encoded"),
    [
        (None, (40, 60), (40, 60)),
        (120, (40, 60), (80, 120)),
        (48, (200, 300), (32, 48)),
        (64, (81, 50), (64, 40)),
        (64, (1, 64), (32, 64)),
        (None, (33, 7), (33, 32)),
    ],
    ids=str,
)
def test_frames_are_brought_to_the_longest_side_and_narrow_ones_padded(longest_side, frame, encoded):
    tracker = scripted(longest_side)
    tracker.track(numbered(2, *frame), [[0, 3, 0]])
    assert tracker.model.encoded == [encoded] * 2


@settings(max_examples=25, deadline=None)
@given(st.integers(16, 300))
def test_positions_are_scaled_back_from_the_working_resolution(longest_side):
    tracks = scripted(longest_side, velocity=(1.5, -0.5)).track(numbered(3, 40, 64), [[0, 20.25, 30.5]])
    resized = np.float32([longest_side, int(40 * longest_side / 64 + 0.5)])
    expected = [20.25, 30.5] + np.arange(3)[:, None] * [1.5, -0.5] * [64, 40] / resized
    np.testing.assert_allclose(tracks.xy[:, 0], expected, atol=1e-3)


# Work done once, and in portions.


def test_each_frame_is_encoded_once_for_all_windows_points_and_both_directions():
    often = torch.tensor([1.0, 1.0, 0, 0, 0, 0, 0, 0])  # a new window at every frame
    script = {"visibility": lambda xy: often.expand(len(xy), -1)}
    queries = [[0, 10, 10], [9, 20, 20], [19, 30, 30]]
    once, again = scripted(**script), scripted(**script, options={"reuse_features": False})
    clip = numbered(20)
    tracks = once.track(clip, queries)
    assert len(once.model.encoded) == 20
    once.track(clip, queries)
    assert len(once.model.encoded) == 20
    assert len(again.track(clip, queries).xy) == 20
    assert len(again.model.encoded) == sum(len(set(marks)) for marks in windows(again)) > 200
    np.testing.assert_array_equal(again.track(clip, queries).xy, tracks.xy)


def test_only_so_many_feature_maps_are_kept():
    tracker, clip = scripted(options={"frames_kept": 8}), numbered(30)
    tracker.track(clip, [[0, 20, 20]])
    assert len(tracker.model.encoded) == 30
    tracker.track(clip[:], [[0, 20, 20]])
    assert len(tracker.model.encoded) == 60


def test_ten_thousand_points_go_through_the_network_in_portions():
    rng = np.random.default_rng(0)
    queries = np.column_stack([np.zeros(10_000), rng.uniform(0, 59, 10_000), rng.uniform(0, 39, 10_000)])
    tracker = scripted(velocity=(0.5, 0.25))
    tracks = tracker.track(numbered(3), queries)
    assert max(len(points) for _, points in tracker.model.windows) <= 512
    np.testing.assert_allclose(tracks.xy[2], queries[:, 1:] + [1.0, 0.5], atol=1e-4)


def test_a_portion_of_points_does_not_depend_on_the_others(network, make_translating):
    rng = np.random.default_rng(1)
    queries = np.column_stack([np.zeros(520), rng.uniform(0, 47, 520), rng.uniform(0, 31, 520)])
    tracker, clip = Pips(network, PipsOptions(longest_side=None, iterations=1)), make_translating(2, 32, 48)
    together = tracker.track(clip, queries)
    for n in (0, 511, 512, 519):
        np.testing.assert_allclose(
            tracker.track(clip, queries[n : n + 1]).xy[:, 0], together.xy[:, n], atol=1e-3
        )


# Device and dtype, options.


def test_bfloat16_gives_about_the_same_tracks(network, make_translating):
    clip, queries = make_translating(9, 32, 48), [[0, 10, 20], [4, 30, 10]]
    full = Pips(network, PipsOptions(longest_side=None)).track(clip, queries)
    half = Pips(network, PipsOptions(longest_side=None), dtype=torch.bfloat16).track(clip, queries)
    assert half.xy.dtype == np.float32
    assert not np.array_equal(half.xy, full.xy)
    np.testing.assert_allclose(half.xy, full.xy, atol=0.5)


def test_a_query_however_far_outside_is_tracked_nowhere_and_harms_no_other(network, make_translating):
    clip = make_translating(3, 32, 48)
    tracker = Pips(network, PipsOptions(longest_side=None))
    far = tracker.track(clip, [[0, 1e30, -1e30], [0, 20, 10]])
    assert not far.visible[1:, 0].any()
    np.testing.assert_allclose(far.xy[:, 1:], tracker.track(clip, [[0, 20, 10]]).xy, atol=1e-3)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("longest_side", 0),
        ("iterations", 0),
        ("link_threshold", 1.1),
        ("visibility_threshold", -0.1),
        ("frames_kept", 7),
    ],
)
def test_options_out_of_range_are_named(option, value):
    with pytest.raises(ValueError, match=rf"\b{option}\b"):
        PipsOptions(**{option: value})


def test_other_precisions_are_refused(network):
    with pytest.raises(ValueError, match="dtype"):
        Pips(network, PipsOptions(), dtype=torch.float64)
