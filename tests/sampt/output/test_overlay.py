from __future__ import annotations

import numpy as np

from sampt.methods.results import FrameResult
from sampt.output.drawing import colour
from sampt.output.overlay import INVISIBLE, OverlayPainter
from sampt.trackers.base import Visibility


def result(points: list[tuple[float, float]], visible: bool = True, positive: bool = True) -> FrameResult:
    """Object 1 covers the left third of a 60×90 frame; the points are given."""
    mask = np.zeros((1, 60, 90), bool)
    mask[0, :, :30] = True
    state = Visibility.VISIBLE if visible else Visibility.INVISIBLE
    return FrameResult(
        index=0,
        object_ids=(1,),
        masks=mask,
        logits=np.where(mask, 1.0, -1.0).astype(np.float32),
        scores=np.float32([1]),
        points=np.float32(points).reshape(-1, 2),
        visibility=np.full(len(points), state, np.int8),
        positive=np.full(len(points), positive),
        owners=np.zeros(len(points), int),
    )


def painted(what: FrameResult) -> np.ndarray:
    return OverlayPainter(["it"], colours=[0], points=True)(np.full((60, 90, 3), 100, np.uint8), what)


def test_the_mask_is_tinted_in_the_objects_colour_and_the_rest_is_left_alone() -> None:
    scene = painted(result([]))
    tint = scene[50, 5].astype(int) - 100
    assert np.argmax(tint) == np.argmax(colour(0))
    assert (scene[50, 60:] == 100).all()


def test_the_frame_itself_is_not_drawn_on() -> None:
    frame = np.full((60, 90, 3), 100, np.uint8)
    OverlayPainter(["it"])(frame, result([(60, 40)]))
    assert (frame == 100).all()


def test_a_visible_point_has_the_objects_colour() -> None:
    np.testing.assert_array_equal(painted(result([(60, 40)]))[40, 60], colour(0))


def test_an_invisible_point_is_red() -> None:
    np.testing.assert_array_equal(painted(result([(60, 40)], visible=False))[40, 60], INVISIBLE)


def test_negatives_are_crosses() -> None:
    circle = (painted(result([(60, 40)])) != 100).any(2)
    cross = (painted(result([(60, 40)], positive=False)) != 100).any(2)
    assert circle[40, 62]
    assert not cross[40, 62]
    assert cross[42, 62]


def test_points_far_outside_or_undefined_are_not_drawn() -> None:
    np.testing.assert_array_equal(painted(result([(1e9, 5), (np.nan, 3)])), painted(result([])))
