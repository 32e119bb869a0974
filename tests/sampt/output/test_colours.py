from __future__ import annotations

import numpy as np
import pytest

from sampt.methods.results import FrameResult
from sampt.output.colours import ChosenColours, differences
from sampt.output.drawing import COLOURS
from sampt.output.overlay import OverlayPainter


def side_by_side(*colours: tuple[int, int, int]) -> tuple[np.ndarray, FrameResult]:
    """A frame of stripes, each of them an object."""
    frame = np.concatenate([np.full((20, 10, 3), c, np.uint8) for c in colours], axis=1)
    masks = np.zeros((len(colours), 20, 10 * len(colours)), bool)
    for k in range(len(colours)):
        masks[k, :, 10 * k : 10 * k + 10] = True
    ids = tuple(range(1, len(colours) + 1))
    logits = np.where(masks, 1, -1).astype(np.float32)
    return frame, FrameResult(0, ids, masks, logits, np.ones(len(ids), np.float32))


@pytest.mark.parametrize("colour", COLOURS)
def test_an_object_never_gets_its_own_colour(colour: tuple[int, int, int]) -> None:
    (number,) = ChosenColours(1)(*side_by_side(colour))
    assert differences(np.array([colour], np.uint8))[number] > 60


def test_objects_that_look_alike_get_colours_that_differ() -> None:
    numbers = ChosenColours(6)(*side_by_side(*[(90, 140, 60)] * 6))
    assert len(set(numbers)) == 6
    gap = differences(np.array([COLOURS[numbers[0]]], np.uint8))[numbers[1]]
    assert gap > 60


def test_more_objects_than_colours_share_them_evenly() -> None:
    numbers = ChosenColours(20)(*side_by_side(*[(90, 140, 60)] * 20))
    assert np.bincount(numbers).max() == 3


def test_colours_are_kept_when_the_scene_changes() -> None:
    choose = ChosenColours(2)
    first = choose(*side_by_side((250, 240, 20), (20, 20, 20)))
    assert choose(*side_by_side((20, 20, 250), (200, 30, 200))) == first


def test_an_object_that_comes_later_is_judged_when_it_comes() -> None:
    frame, result = side_by_side((30, 120, 255), (30, 120, 255))
    late = FrameResult(0, (1, 2), result.masks & [[[True]], [[False]]], result.logits, result.scores)
    choose = ChosenColours(2)
    choose(frame, late)
    numbers = choose(*side_by_side((30, 120, 255), (255, 160, 30)))
    assert differences(np.array([(255, 160, 30)], np.uint8))[numbers[1]] > 60


def test_the_overlay_has_outlines_and_no_points_unless_asked() -> None:
    frame, result = side_by_side((90, 140, 60), (20, 20, 20))
    pointed = FrameResult(
        0, (1, 2), result.masks, result.logits, result.scores,
        np.float32([(5, 10)]), np.int8([0]), np.array([True]), np.array([0]),
    )  # fmt: skip
    plain, shown = OverlayPainter(["", ""]), OverlayPainter(["", ""], points=True)
    np.testing.assert_array_equal(plain(frame, pointed), plain(frame, result))
    assert (shown(frame, pointed) != plain(frame, result)).any()
    ink, picture = np.array(COLOURS[ChosenColours(2)(frame, result)[0]]), plain(frame, result).astype(int)
    assert np.abs(picture[19, 5] - ink).max() < 40 < np.abs(picture[8, 5] - ink).max()
