from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampt.trackers.base import OnlineTracker, PointTracker, Trajectories, Visibility, check_queries
from sampt.trackers.clip import Clip
from sampt.trackers.filters import PatchFilter, filtered_steps, lab_patches, mark_outside, swapped_lab
from sampt.trackers.flow import Dis
from sampt.trackers.lucas_kanade import LucasKanade

V, HIDDEN, OUT = Visibility.VISIBLE, Visibility.INVISIBLE, Visibility.OUTSIDE_FRAME
UNLIKE, REJECTED = Visibility.PATCH_NOT_SIMILAR, Visibility.REJECTED


class Still(OnlineTracker):
    """Says that points never move and are visible, except in the frames numbered in ``hidden``."""

    name = "still"

    def __init__(self, hidden: tuple[int, ...] = ()) -> None:
        self.hidden = hidden

    def stream(self, clip, queries):
        for t, number in enumerate(clip.indices):
            seen = (queries[:, 0] <= t) & ((number not in self.hidden) | (queries[:, 0] == t))
            yield queries[:, 1:].copy(), np.where(seen, V, HIDDEN).astype(np.int8)


class Whole(PointTracker):
    """Another tracker's results, all at once."""

    name = "whole"

    def __init__(self, tracker: PointTracker) -> None:
        self.tracker = tracker
        self.calls = 0

    def track(self, frames, queries):
        self.calls += 1
        return self.tracker.track(frames, check_queries(queries, frames))


def painted(*colours: str) -> np.ndarray:
    """One 20x20 frame for each letter: white, black or grey."""
    levels = {"w": 255, "b": 0, "g": 240}
    return np.stack([np.full((20, 20, 3), levels[colour], np.uint8) for colour in colours])


def visibilities(*args, **kwargs) -> list[list[int]]:
    """One list of codes for each point."""
    return np.stack([visibility for _, visibility in filtered_steps(*args, **kwargs)], axis=1).tolist()


@pytest.mark.parametrize(
    ("point", "outside"),
    [
        ((100, 50), False),
        ((2, 50), False),
        ((1.9, 50), True),
        ((198, 50), False),
        ((198.1, 50), True),
        ((100, 1), False),
        ((100, 0.9), True),
        ((100, 99), False),
        ((100, 99.1), True),
        ((-40, 50), True),
    ],
)
def test_the_outer_one_percent_of_a_200x100_frame_is_outside(point, outside):
    codes = mark_outside(np.float32([point]), np.int8([V]), (100, 200))
    assert codes.tolist() == [OUT if outside else V]


def test_outside_overrides_every_other_state_and_inside_changes_none():
    before = np.int8(list(Visibility))
    apart = np.zeros((len(before), 2), np.float32)
    assert (mark_outside(apart, before, (100, 200)) == OUT).all()
    np.testing.assert_array_equal(mark_outside(apart + 50, before, (100, 200)), before)
    np.testing.assert_array_equal(before, np.int8(list(Visibility)))


def test_whole_trajectories_are_marked_as_well_as_single_frames():
    xy = np.float32([[[50, 50], [-3, 4]], [[0, 50], [20, 20]]])
    assert mark_outside(xy, np.ones((2, 2), np.int8), (100, 100)).tolist() == [[V, OUT], [OUT, V]]


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((0, 0, 255), (53.24, 80.09, 67.20)),  # the values of red
        ((255, 0, 0), (32.30, 79.19, -107.86)),  # the values of blue
    ],
)
def test_colours_have_the_textbook_lab_values_of_red_and_blue_exchanged(rgb, lab):
    np.testing.assert_allclose(swapped_lab(np.uint8(rgb)), lab, atol=0.2)


@given(x=st.integers(-3, 14), y=st.integers(-3, 11), size=st.sampled_from([1, 3, 5]))
def test_a_patch_at_a_pixel_is_that_part_of_the_zero_padded_lab_image(x, y, size):
    frame = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    lab = cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    padded = np.pad(lab, ((9, 9), (9, 9), (0, 0)))
    top, left = y + 9 - size // 2, x + 9 - size // 2
    patch = lab_patches(frame, np.float32([[x, y]]), size)[0]
    np.testing.assert_allclose(patch, padded[top : top + size, left : left + size], atol=1e-3)


@given(x=st.floats(-2, 13), y=st.floats(-2, 10))
def test_between_pixels_a_patch_is_interpolated_bilinearly(x, y):
    frame = np.random.default_rng(1).integers(0, 256, (9, 12, 3), np.uint8)
    left, top = np.floor([x, y])
    corners = lab_patches(
        frame, np.float32([(left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)]), 3
    )
    fx, fy = np.float32(x) - left, np.float32(y) - top
    weights = [(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy]
    expected = np.tensordot(weights, corners, 1)
    np.testing.assert_allclose(lab_patches(frame, np.float32([[x, y]]), 3)[0], expected, atol=1e-2)


def test_similarity_is_the_papers_formula():
    a = np.zeros((2, 3, 3, 3), np.float32)
    b = a.copy()
    b[1, 0, 0] = [18, 24, 0]  # a distance of 30
    np.testing.assert_allclose(PatchFilter(3).similarity(a, b), [1, np.exp(-30 / 18)], rtol=1e-6)


def test_after_the_first_dissimilar_patch_a_point_is_rejected():
    codes = visibilities(Still(), painted(*"wwbwww"), [[0, 10, 10]], PatchFilter())
    assert codes == [[V, V, UNLIKE, REJECTED, REJECTED, REJECTED]]


def test_a_slightly_changed_patch_passes():
    assert visibilities(Still(), painted(*"wgw"), [[0, 10, 10]], PatchFilter()) == [[V, V, V]]


def test_the_threshold_itself_fails():
    # White to grey of 240 is a lightness difference of d in each of 9 pixels.
    lightness = swapped_lab(np.uint8([[255, 255, 255], [240, 240, 240]]))
    similarity = float(np.exp(-3 * np.linalg.norm(lightness[0] - lightness[1]) / 18))
    for threshold, code in [(similarity - 1e-3, V), (similarity + 1e-3, UNLIKE)]:
        assert visibilities(Still(), painted(*"wg"), [[0, 10, 10]], PatchFilter(3, threshold)) == [[V, code]]


def test_an_invisible_point_is_not_compared():
    codes = visibilities(Still(hidden=(1, 3)), painted(*"wbwbb"), [[0, 10, 10]], PatchFilter())
    assert codes == [[V, HIDDEN, V, HIDDEN, UNLIKE]]


def test_each_direction_in_time_is_rejected_on_its_own():
    codes = visibilities(Still(), painted(*"wbwwwb"), [[3, 10, 10]], PatchFilter())
    assert codes == [[REJECTED, UNLIKE, V, V, V, UNLIKE]]


def test_each_point_is_compared_with_its_own_query():
    codes = visibilities(Still(), painted(*"wwbb"), [[0, 10, 10], [3, 10, 10]], PatchFilter())
    assert codes == [[V, V, UNLIKE, REJECTED], [REJECTED, UNLIKE, V, V]]


def test_outside_the_frame_overrides_everything_at_the_query_frame_too():
    codes = visibilities(Still(), painted(*"wbb"), [[0, 0, 10], [0, 10, 10]], PatchFilter())
    assert codes == [[OUT, OUT, OUT], [V, UNLIKE, REJECTED]]


def test_without_backward_points_wait_where_they_were_given():
    steps = list(filtered_steps(Still(), painted(*"wwww"), [[2, 10, 10]], backward=False))
    assert [xy.tolist() for xy, _ in steps] == [[[10, 10]]] * 4
    assert [visibility.tolist() for _, visibility in steps] == [[HIDDEN], [HIDDEN], [V], [V]]


@pytest.mark.parametrize("backward", [True, False])
@pytest.mark.parametrize("patch_filter", [None, PatchFilter(3, 0.3)], ids=["unfiltered", "filtered"])
def test_an_offline_tracker_is_filtered_as_an_online_one(occluded_clip, patch_filter, backward):
    queries = np.float32([[0, 75, 48], [11, 74, 48], [19, 120, 30], [6, 0, 0]])
    part = Clip.of(occluded_clip)[:20]
    whole = Whole(Dis())
    online = Trajectories.from_steps(filtered_steps(Dis(), part, queries, patch_filter, backward))
    offline = Trajectories.from_steps(filtered_steps(whole, part, queries, patch_filter, backward))
    np.testing.assert_array_equal(offline.xy, online.xy)
    np.testing.assert_array_equal(offline.visibility, online.visibility)
    assert whole.calls == 1
    assert (UNLIKE in online.visibility) == (patch_filter is not None)


def test_a_reversed_clip_of_an_offline_tracker_is_filtered_in_its_own_order():
    frames = Clip.of(painted(*"bwwb")).reversed()[1:]
    codes = visibilities(Whole(Still()), frames, [[0, 10, 10]], PatchFilter())
    assert codes == [[V, V, UNLIKE]]


def test_only_frames_up_to_the_current_one_are_read(make_translating, watched):
    source = watched(make_translating())
    steps = filtered_steps(LucasKanade(), source, [[0, 60, 40]], PatchFilter())
    assert not source.reads
    for t, _ in enumerate(steps):
        assert max(source.reads) == t


def test_no_points_give_empty_steps():
    steps = list(filtered_steps(Still(), painted(*"ww"), np.zeros((0, 3)), PatchFilter()))
    assert [(xy.shape, visibility.shape) for xy, visibility in steps] == [((0, 2), (0,))] * 2


def test_impossible_queries_are_refused_before_the_first_step():
    with pytest.raises(ValueError, match=r"query frames.* 0 to 1"):
        filtered_steps(Still(), painted(*"ww"), [[2, 10, 10]])


@pytest.mark.parametrize(("options", "message"), [({"size": 4}, "size"), ({"threshold": 1.5}, "threshold")])
def test_options_out_of_range_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        PatchFilter(**options)
