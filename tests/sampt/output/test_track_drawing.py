from __future__ import annotations

import numpy as np
import pytest

from sampt.methods.results import FrameResult
from sampt.output.drawing import colour
from sampt.output.track_drawing import TrackPainter
from sampt.trackers.base import Visibility

GREY = 100
SIZE = (60, 90)


def result(
    points: list[tuple[float, float]],
    visible: bool | list[bool] = True,
    positive: bool = True,
    owners: list[int] | None = None,
) -> FrameResult:
    """Points of one object, or of those in ``owners``, without masks."""
    owners = owners or [0] * len(points)
    objects = max(owners, default=0) + 1
    seen = np.broadcast_to(visible, len(points))
    return FrameResult(
        index=0,
        object_ids=tuple(range(1, objects + 1)),
        masks=np.zeros((objects, *SIZE), bool),
        logits=np.full((objects, *SIZE), -np.inf, np.float32),
        scores=np.full(objects, np.nan, np.float32),
        points=np.float32(points).reshape(-1, 2),
        visibility=np.where(seen, Visibility.VISIBLE, Visibility.INVISIBLE).astype(np.int8),
        positive=np.full(len(points), positive),
        owners=np.array(owners, int),
    )


def painted(*results: FrameResult, tail: int = 24, size: tuple[int, int] = SIZE) -> np.ndarray:
    """The last of some frames in a row, (H, W, 3) int."""
    painter = TrackPainter(["a", "b"], tail)
    for each in results:
        scene = painter(np.full((*size, 3), GREY, np.uint8), each)
    return scene.astype(int)


def drawn(scene: np.ndarray) -> np.ndarray:
    return (scene != GREY).any(2)


def strength(scene: np.ndarray, k: int = 0) -> np.ndarray:
    """How much of the k-th object's colour each pixel has, (H, W), 0 to 1."""
    direction = np.array(colour(k)) - GREY
    return (scene - GREY) @ direction / (direction @ direction)


def test_a_moving_point_draws_a_tail_where_it_has_been():
    scene = painted(result([(20, 45)]), result([(50, 45)]), result([(80, 45)]))
    assert strength(scene)[45, 22:75].min() > 0.9
    assert not drawn(scene)[52:, :].any()


def test_the_tail_is_as_long_as_it_is_asked_to_be():
    frames = [result([(x, 45)]) for x in (20, 40, 60, 80)]
    assert not drawn(painted(*frames, tail=1))[45, :56].any()
    assert drawn(painted(*frames, tail=1))[45, 62:76].all()
    assert not drawn(painted(*frames, tail=0))[45, :70].any()


def test_the_tail_is_dimmed_where_the_point_was_not_visible():
    scene = painted(
        result([(10, 45)]), result([(35, 45)], visible=False), result([(60, 45)]), result([(80, 45)])
    )
    part = strength(scene)[45]
    assert part[14:56].max() < 0.5
    assert part[14:56].min() > 0.3
    assert part[62:75].min() > 0.9


def test_a_point_that_is_not_visible_is_a_dimmed_ring():
    seen, hidden = painted(result([(60, 40)])), painted(result([(60, 40)], visible=False))
    np.testing.assert_array_equal(seen[40, 60], colour(0))
    assert not drawn(hidden)[40, 60]
    assert 0.2 < strength(hidden)[40, 63] < 0.5


def test_each_object_has_its_colour():
    start = result([(10, 20), (10, 50)], owners=[0, 1])
    scene = painted(start, result([(40, 20), (40, 50)], owners=[0, 1]))
    np.testing.assert_array_equal(scene[20, 25], colour(0))
    np.testing.assert_array_equal(scene[50, 25], colour(1))


def test_negatives_are_crosses():
    scene = drawn(painted(result([(60, 40)], positive=False)))
    assert scene[38, 58] and scene[42, 62]
    assert not scene[40, 63]


def test_objects_are_named_where_they_are_visible():
    assert drawn(painted(result([(45, 50)])))[:44].any()
    assert not drawn(painted(result([(45, 50)], visible=False)))[:44].any()


def test_tails_begin_anew_when_the_points_are_other_ones():
    scene = painted(result([(20, 45)]), result([(50, 45), (80, 45)]))
    np.testing.assert_array_equal(scene, painted(result([(50, 45), (80, 45)])))


def test_slow_points_draw_smooth_lines_between_pixels():
    frames = [result([(10 + 3.0 * t, 45 + 0.1 * t)]) for t in range(24)]
    centre = (strength(painted(*frames))[40:54, 12:70] * np.arange(40, 54)[:, None]).sum(0)
    centre /= strength(painted(*frames))[40:54, 12:70].sum(0)
    slope = np.polyfit(np.arange(12, 70), centre, 1)
    assert np.abs(np.polyval(slope, np.arange(12, 70)) - centre).max() < 0.4


@pytest.mark.parametrize("where", [(1e9, 5), (np.nan, 3), (np.inf, 3)])
@pytest.mark.parametrize("visible", [True, False])
def test_points_far_outside_or_undefined_are_not_drawn(where, visible):
    still = (20, 45)
    scene = painted(result([still, where], [True, visible]), result([still, (60, 45)], [True, False]))
    np.testing.assert_array_equal(scene, painted(result([still, (60, 45)], [True, False])))
    scene = painted(result([still, where], [True, visible]))
    np.testing.assert_array_equal(scene, painted(result([still])))


def test_the_frame_itself_is_not_drawn_on():
    frame = np.full((*SIZE, 3), GREY, np.uint8)
    TrackPainter(["a"])(frame, result([(60, 40)]))
    assert (frame == GREY).all()


def test_a_frame_without_points_stays_as_it_is():
    assert not drawn(painted(result([]), result([]))).any()


def test_frames_of_one_row_can_be_drawn_on():
    assert painted(result([(40, 0)]), result([(50, 0)]), size=(1, 90)).shape == (1, 90, 3)


def test_a_negative_tail_is_refused():
    with pytest.raises(ValueError, match=r"tail .*-1"):
        TrackPainter(["a"], tail=-1)
