from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampt.trackers.base import Visibility
from sampt.trackers.clip import Clip
from sampt.trackers.flow import ChainingOptions, Dis, DisFlow, DisOptions, FlowTracker, sample_bilinear

SIZE = (32, 40)


def numbered_frames(count: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Frames whose pixels are all the frame's number, so that a made-up flow knows which it was given."""
    return np.stack([np.full((*size, 3), t, np.uint8) for t in range(count)])


class MadeUpFlow:
    """The same uniform motion at every step between two frames, (dx, dy) px at the given working size."""

    def __init__(
        self, steps: dict[tuple[int, int], tuple[float, float]], size: tuple[int, int] = SIZE
    ) -> None:
        self.steps = steps
        self.size = size
        self.asked: list[tuple[int, int]] = []
        self.prepared: list[int] = []

    def prepare(self, frame):
        self.prepared.append(int(frame[0, 0, 0]))
        return self.prepared[-1]

    def __call__(self, first, second):
        self.asked.append((first, second))
        return np.full((*self.size, 2), self.steps[first, second], np.float32)


def consistent(steps: list[tuple[float, float]]) -> dict[tuple[int, int], tuple[float, float]]:
    """Flow for each step and exactly the opposite on the way back."""
    forth = {(t, t + 1): step for t, step in enumerate(steps)}
    return forth | {(t + 1, t): (-dx, -dy) for t, (dx, dy) in enumerate(steps)}


def states(flow, queries, frames, **options):
    tracks = FlowTracker(flow, ChainingOptions(**options)).track(numbered_frames(frames), queries)
    return tracks.xy[:, 0].tolist(), tracks.visibility[:, 0].tolist()


class Zoom:
    """Magnifies about the outer corner of the first pixel, at a working resolution of its own."""

    def __init__(self, size: tuple[int, int]) -> None:
        y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
        self.out = 0.02 * np.stack([x + 0.5, y + 0.5], axis=-1)
        self.back = (1 / 1.02 - 1) * np.stack([x + 0.5, y + 0.5], axis=-1)

    def prepare(self, frame):
        return int(frame[0, 0, 0])

    def __call__(self, first, second):
        return self.out if first < second else self.back


@given(
    size=st.tuples(st.integers(8, 64), st.integers(8, 64)),
    x=st.floats(3, 30),
    y=st.floats(3, 24),
)
@settings(max_examples=50, deadline=None)
def test_a_zoom_is_followed_exactly_whatever_the_working_resolution(size, x, y):
    # Half a working pixel at the border is outside the grid that bilinear sampling can be exact on.
    x, y = max(x, 20 / size[1]), max(y, 16 / size[0])
    tracks = FlowTracker(Zoom(size)).track(numbered_frames(3), [[0, x, y]])
    expected = (np.array([[x, y]]) + 0.5) * 1.02 ** np.arange(3)[:, None] - 0.5
    still_on_grid = (expected < [40 - 20 / size[1] - 0.5, 32 - 16 / size[0] - 0.5]).all(1)
    np.testing.assert_allclose(tracks.xy[still_on_grid, 0], expected[still_on_grid], atol=1e-3)


@pytest.mark.parametrize(
    ("back", "expected"),
    [
        pytest.param(-6.0, Visibility.VISIBLE, id="no error"),
        pytest.param(-4.58, Visibility.VISIBLE, id="error 1.42 of 1.529 allowed"),
        pytest.param(-4.4, Visibility.INVISIBLE, id="error 1.6 of 1.52 allowed"),
        pytest.param(-7.7, Visibility.INVISIBLE, id="error 1.7 of 1.685 allowed"),
    ],
)
def test_the_allowed_error_grows_with_the_motion(back, expected):
    flow = MadeUpFlow({(0, 1): (6.0, 0.0), (1, 0): (back, 0.0)})
    _, seen = states(flow, [[0, 10, 10]], 2)
    assert seen == [Visibility.VISIBLE, expected]


def test_the_allowed_error_is_counted_at_the_working_resolution():
    # The error of 0.9 working px is 1.8 px of the frame.
    flow = MadeUpFlow({(0, 1): (0.9, 0.0), (1, 0): (0.0, 0.0)}, size=(16, 20))
    assert states(flow, [[0, 10, 10]], 2) == ([[10, 10], [pytest.approx(11.8), 10]], [1, 1])


def test_a_point_advances_through_failed_steps_and_is_seen_again_afterwards():
    steps = consistent([(1, 0)] * 4)
    steps[2, 1] = steps[3, 2] = (5.0, 0.0)
    xy, seen = states(MadeUpFlow(steps), [[0, 10, 10]], 5)
    assert xy == [[10, 10], [11, 10], [12, 10], [13, 10], [14, 10]]
    assert seen == [1, 1, 0, 0, 1]


def test_a_point_that_failed_three_times_in_a_row_is_lost():
    steps = consistent([(1, 0)] * 6)
    steps[2, 1] = steps[3, 2] = steps[4, 3] = (5.0, 0.0)
    xy, seen = states(MadeUpFlow(steps), [[0, 10, 10]], 7)
    assert xy[4:] == [[14, 10]] * 3
    assert seen == [1, 1, 0, 0, 0, 0, 0]


def test_patience_is_an_option():
    steps = consistent([(1, 0)] * 3)
    steps[1, 0] = (5.0, 0.0)
    assert states(MadeUpFlow(steps), [[0, 10, 10]], 4, patience=1) == (
        [[10, 10], [11, 10], [11, 10], [11, 10]],
        [1, 0, 0, 0],
    )


def test_a_point_just_outside_may_come_back():
    flow = MadeUpFlow(consistent([(-15, 0), (15, 0)]))
    assert states(flow, [[0, 10, 10]], 3) == ([[10, 10], [-5, 10], [10, 10]], [1, 0, 1])


def test_a_point_far_outside_is_lost_at_once():
    flow = MadeUpFlow(consistent([(-31, 0), (31, 0)]))
    assert states(flow, [[0, 10, 10]], 3) == ([[10, 10], [-21, 10], [-21, 10]], [1, 0, 0])


def test_the_margin_is_counted_at_the_working_resolution():
    # 11 working px to the left is 22 px of the frame, 16 px outside it but only 7 at the working resolution.
    flow = MadeUpFlow(consistent([(-11, 0), (11, 0)]), size=(16, 20))
    _, seen = states(flow, [[0, 5, 10]], 3, margin=10)
    assert seen == [1, 0, 1]


def test_without_occlusion_a_point_is_visible_exactly_while_it_is_inside():
    steps = {(t, t + 1): (dx, 0.0) for t, dx in enumerate([1, -15, 0, 0, 0, 15, 1])}
    flow = MadeUpFlow(steps)
    xy, seen = states(flow, [[0, 10, 10]], 8, occlusion=False)
    assert [x for x, _ in xy] == [10, 11, -4, -4, -4, -4, 11, 12]
    assert seen == [1, 1, 0, 0, 0, 0, 1, 1]
    assert all(first < second for first, second in flow.asked), "the way back is not needed"


def test_points_before_and_after_their_query_need_each_pair_of_frames_once():
    flow = MadeUpFlow(consistent([(1, 0)] * 3))
    FlowTracker(flow).track(numbered_frames(4), [[0, 10, 10], [3, 20, 10]])
    assert sorted(flow.asked) == [(0, 1), (1, 0), (1, 2), (2, 1), (2, 3), (3, 2)]


def test_runs_in_lockstep_share_flows_and_frames():
    flow = MadeUpFlow(consistent([(1, 0)] * 11))
    tracker, clip = FlowTracker(flow), Clip.of(numbered_frames(12))
    streams = [tracker.stream(clip, np.float32([[0, x, 10]])) for x in (5, 15, 25)]
    for steps in zip(*streams, strict=True):
        assert len(steps) == 3
    assert len(flow.asked) == 22
    assert flow.prepared == list(range(12))


@pytest.mark.parametrize(("pairs", "asked_again"), [(20, 0), (19, 40)])
def test_a_later_run_uses_the_flows_of_an_earlier_one_if_all_fit_into_spare_memory(pairs, asked_again):
    flow, frames = MadeUpFlow(consistent([(1.0, 0.0)] * 20)), numbered_frames(21)
    tracker = FlowTracker(flow)
    tracker.spare_bytes = pairs * 2 * np.zeros((*SIZE, 2), np.float32).nbytes
    first = tracker.track(frames, [[0, 5, 5]])
    assert len(flow.asked) == 40
    second = tracker.track(frames, [[0, 5, 5]])
    assert len(flow.asked) == 40 + asked_again
    assert (first.xy == second.xy).all()


def test_frames_before_the_first_query_cost_nothing():
    flow = MadeUpFlow(consistent([(1, 0)] * 11))
    for _ in FlowTracker(flow).stream(Clip.of(numbered_frames(12)), np.float32([[10, 5, 10]])):
        pass
    assert flow.asked == [(10, 11), (11, 10)]


@given(
    a=st.floats(-3, 3),
    b=st.floats(-3, 3),
    x=st.floats(-10, 30),
    y=st.floats(-10, 30),
)
def test_bilinear_sampling_reproduces_a_plane_and_repeats_the_edge(a, b, x, y):
    rows, columns = np.mgrid[:12, :20].astype(np.float32)
    plane = (a * columns + b * rows)[..., None]
    value = sample_bilinear(plane, np.float32([[x, y]]))[0, 0]
    assert value == pytest.approx(a * np.clip(x, 0, 19) + b * np.clip(y, 0, 11), abs=1e-4)


@pytest.mark.parametrize(
    ("frame", "working"),
    [((480, 854), (240, 427)), ((854, 480), (427, 240)), ((100, 120), (100, 120)), ((1, 4270), (1, 427))],
)
def test_dis_works_on_frames_of_at_most_427_px(frame, working):
    grey = DisFlow(DisOptions()).prepare(np.zeros((*frame, 3), np.uint8))
    assert grey.shape == working
    assert DisFlow(DisOptions())(grey, grey).shape == (*working, 2)


def test_dis_does_not_remember_earlier_frames(make_translating):
    flow = DisFlow(DisOptions())
    pair = [flow.prepare(frame) for frame in make_translating(frames=2)]
    before = flow(*pair)
    other = [flow.prepare(frame) for frame in make_translating(frames=2, height=70, width=50, seed=4)]
    flow(*other)
    np.testing.assert_array_equal(flow(*pair), before)


@pytest.mark.parametrize("finest_scale", [0, 2, 3])
def test_dis_keeps_its_scales_on_tiny_frames(make_translating, finest_scale):
    used, fresh = (DisFlow(DisOptions(finest_scale=finest_scale)) for _ in range(2))
    tiny = [used.prepare(frame) for frame in make_translating(frames=2, height=9, width=9)]
    used(*tiny)
    pair = [used.prepare(frame) for frame in make_translating(frames=2)]
    np.testing.assert_array_equal(used(*pair), fresh(*pair))


def test_dis_follows_motion_at_full_resolution_from_shrunken_frames(make_translating):
    clip = make_translating(frames=5, height=240, width=320, velocity=(4.0, 2.0))
    tracks = Dis(DisOptions(max_side=160)).track(clip, [[0, 150, 120], [0, 60, 80]])
    np.testing.assert_allclose(tracks.xy[4], [[166, 128], [76, 88]], atol=0.75)


def test_dis_sees_points_disappear_when_they_are_covered(occluded_clip):
    # The bar reaches x = 75 in frame 8.
    y = np.linspace(20, 75, 12)
    covered = Dis().track(occluded_clip[:9], np.column_stack([0 * y, 0 * y + 75, y]))
    assert covered.visible[:7].all()
    assert covered.visible[8].mean() < 0.2
    aside = Dis().track(occluded_clip[:9], np.column_stack([0 * y, 0 * y + 130, y]))
    assert aside.visible.all()


def test_dis_follows_the_cover(occluded_clip):
    tracks = Dis().track(occluded_clip[6:13], [[0, 40, 48]])
    np.testing.assert_allclose(tracks.xy[6, 0], [100, 48], atol=0.5)
    assert tracks.visible.all()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("max_side", 0),
        ("finest_scale", -1),
        ("tolerance", -0.1),
        ("relative_tolerance", -0.1),
        ("patience", 0),
        ("margin", -1),
    ],
)
def test_options_out_of_range_are_named(option, value):
    with pytest.raises(ValueError, match=rf"\b{option}\b"):
        DisOptions(**{option: value})


def test_an_unknown_preset_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'best'.*fast, medium, ultrafast"):
        DisOptions(preset="best")
