from __future__ import annotations

import numpy as np

from sampt.output.drawing import COLOURS, colour, colour_table, outline, stacked, tinted, write_names

GREY = 100


def canvas(height: int = 60, width: int = 90) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def test_colours_are_easy_to_tell_apart() -> None:
    colours = np.array(COLOURS, int)
    distances = np.linalg.norm(colours[:, None] - colours, axis=-1)
    assert distances[~np.eye(len(colours), dtype=bool)].min() > 50


def test_labels_are_tinted_in_their_colours_and_the_rest_stays() -> None:
    labels = np.zeros((60, 90), np.uint8)
    labels[:20], labels[40:] = 1, 255
    scene = tinted(canvas(), labels, colour_table(), 0.25)
    np.testing.assert_allclose(scene[10, 10], 0.75 * GREY + 0.25 * np.array(colour(0)), atol=1)
    np.testing.assert_allclose(scene[50, 10], 0.75 * GREY + 0.25 * np.array(colour(254)), atol=1)
    assert (scene[20:40] == GREY).all()


def test_smaller_masks_lie_on_larger_ones() -> None:
    masks = np.zeros((2, 8, 8), bool)
    masks[0, 2:4, 2:4], masks[1, 1:6, 1:6] = True, True
    labels = stacked(masks, [1, 2])
    assert labels[3, 3] == 1
    assert labels[5, 5] == 2
    assert labels[7, 7] == 0


def test_an_outline_is_drawn_on_the_border_alone() -> None:
    mask, scene = np.zeros((60, 90), bool), canvas()
    mask[10:40, 10:60] = True
    outline(scene, mask, (255, 0, 0), 1)
    assert scene[10, 30, 0] > 200 > GREY > scene[10, 30, 1]
    assert (scene[25, 30] == GREY).all()
    assert (scene[:8] == GREY).all()


def boxes_of(scene: np.ndarray, inks: list[tuple[int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Where there is each ink: x0, y0, x1, y1."""
    found = []
    for ink in inks:
        y, x = np.nonzero((scene == ink).all(-1))
        found.append((x.min(), y.min(), x.max(), y.max()))
    return found


def test_a_name_stands_above_the_middle_of_its_object() -> None:
    scene = canvas(200, 300)
    write_names(scene, np.array([[100.0, 100, 160, 150]]), ["dog"], [colour(0)])
    ((x0, y0, x1, y1),) = boxes_of(scene, [colour(0)])
    assert abs((x0 + x1) / 2 - 130) <= 1
    assert 75 < y0 < y1 < 100
    assert (scene[y0:y1, x0:x1] < 40).all(-1).sum() > 20  # black letters


def test_names_stay_inside_the_frame_and_do_not_cover_each_other() -> None:
    scene, inks = canvas(200, 300), [colour(k) for k in range(3)]
    write_names(
        scene,
        np.array([[-50.0, -9, 0, 20], [0, 0, 20, 20], [290, 190, 300, 200]]),
        ["one", "two", "three"],
        inks,
    )
    first, second, third = boxes_of(scene, inks)
    assert first[0] == 0 and first[1] == 0
    assert second[1] > first[3]
    assert third[2] == 299 and third[3] <= 199


def test_a_frame_smaller_than_a_name_can_be_drawn_on() -> None:
    scene = canvas(1, 5)
    write_names(scene, np.array([[0.0, 0, 4, 0]]), ["a very long name"], [colour(0)])
    assert scene.shape == (1, 5, 3)


def test_larger_frames_get_larger_letters() -> None:
    heights = []
    for size in (400, 4000):
        scene = canvas(size, size)
        write_names(scene, np.array([[100.0, 200, 160, 300]]), ["dog"], [colour(0)])
        ((_, top, _, bottom),) = boxes_of(scene, [colour(0)])
        heights.append(bottom - top)
    assert heights[1] > 2 * heights[0]
