"""Each signal on masks made by hand: 0 where nothing is wrong, more where something is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from sampt import ObjectQuery, QueryPoints
from sampt.methods.results import FrameResult
from sampt.output.signal_stream import SignalStream
from sampt.output.signals import INDEX, LOOK_BACK, SIGNALS, FirstLook
from sampt.trackers.base import Visibility

SIZE = (120, 160)
GRID = np.array([(x, y) for y in (40, 50, 60) for x in (50, 60, 70)], np.float32)
"""Positives on the square."""


def square(x: int = 40, y: int = 30, side: int = 40) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[y : y + side, x : x + side] = True
    return mask


def picture(mask: np.ndarray, colour: tuple[int, int, int] = (200, 40, 40), seed: int = 0) -> np.ndarray:
    """A frame in which the mask has a colour, over a grey ground; both are textured."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 60, SIZE).astype(np.float32), (0, 0), 1.5)
    frame = np.where(mask[..., None], colour, (90, 90, 90)) + noise[..., None]
    return np.clip(frame, 0, 255).astype(np.uint8)


def result(mask: np.ndarray, index: int = 0, **changes: object) -> FrameResult:
    """Nine visible positives on one object with a confident mask."""
    made = FrameResult(
        index=index,
        object_ids=(1,),
        masks=mask[None],
        logits=np.where(mask, 1, -1).astype(np.float32)[None],
        scores=np.float32([1]),
        points=GRID,
        visibility=np.full(9, Visibility.VISIBLE, np.int8),
        positive=np.ones(9, bool),
        owners=np.zeros(9, int),
        placed=np.zeros(9, np.int64),
    )
    return replace(made, **changes)


def signals(
    results: Sequence[FrameResult],
    frames: Callable[[FrameResult], np.ndarray] = lambda r: picture(r.masks[0]),
    look: FirstLook | None = None,
    query_frame: int = 0,
) -> list[dict[str, float]]:
    """Signals of object 1, frame by frame."""
    queries = QueryPoints((ObjectQuery(1, query_frame, GRID),))
    stream = SignalStream(queries, {1: look} if look else {})
    measured = [m for r in results for m in stream.see(frames(r), r)] + list(stream.rest())
    assert [m.position for m in measured] == list(range(len(results)))
    return [dict(zip(SIGNALS, m.values.tolist(), strict=True)) for m in measured]


def last(*results: FrameResult, **options: object) -> dict[str, float]:
    return signals(results, **options)[-1]


RIGHT = result(square())


def test_nothing_is_wrong_with_a_compact_mask_that_holds_its_points() -> None:
    found = last(RIGHT, replace(RIGHT, index=1))
    assert {name: value for name, value in found.items() if value > 0.05} == {
        "small": pytest.approx(np.log(0.1 / square().mean()), abs=0.01)
    }


def test_a_low_score() -> None:
    assert last(replace(RIGHT, scores=np.float32([0.3])))["unsure"] == pytest.approx(0.7)
    assert last(replace(RIGHT, scores=np.float32([np.nan])))["unsure"] == 1


def test_hidden_points() -> None:
    visibility = RIGHT.visibility.copy()
    visibility[:6] = Visibility.INVISIBLE
    found = last(RIGHT, replace(RIGHT, index=1, visibility=visibility))
    assert found["hidden"] == found["uprooted"] == pytest.approx(6 / 9)


def test_points_that_were_sampled_later_are_not_where_it_was_clicked() -> None:
    later = replace(RIGHT, index=5, placed=np.array([0, 0, 0, 4, 4, 4, 4, 4, 4]))
    found = last(RIGHT, later)
    assert found["uprooted"] == pytest.approx(6 / 9)
    assert found["restarts"] == pytest.approx(np.log(2))
    assert found["hidden"] == 0


def test_a_method_that_does_not_say_when_points_were_placed_is_believed() -> None:
    assert last(RIGHT, replace(RIGHT, index=1, placed=None))["uprooted"] == 0


def test_other_colours_than_at_first() -> None:
    frames = {0: picture(square()), 1: picture(square(), (40, 40, 200))}
    assert last(RIGHT, replace(RIGHT, index=1), frames=lambda r: frames[r.index])["colours"] > 0.9


def test_another_size_than_at_first() -> None:
    assert last(RIGHT, result(square(45, 35, 20), 1))["growth"] == pytest.approx(np.log(4), abs=0.01)


def test_a_mask_that_jumps_while_its_points_rest() -> None:
    jumped = result(square(80, 60), 1)
    assert last(RIGHT, jumped)["jump"] == 1
    moved = replace(jumped, points=GRID + np.float32([40, 30]))
    assert last(RIGHT, moved)["jump"] < 0.05


def test_a_fragment_without_points() -> None:
    fragment = square() | square(110, 80, 20)
    assert last(result(fragment))["stray"] == pytest.approx(400 / 2000, abs=0.03)
    held = replace(result(fragment), points=np.vstack([GRID[:8], [[120, 90]]]).astype(np.float32))
    assert last(held)["stray"] == 0


def test_a_frayed_mask() -> None:
    stripes = square()
    stripes[:, ::4] = stripes[:, 1::4] = False
    assert last(result(stripes))["frayed"] > 0.9


def test_an_outline_that_follows_no_edge() -> None:
    ground = picture(np.zeros(SIZE, bool))
    assert last(RIGHT, frames=lambda _: ground)["faint"] > 0.5
    assert last(RIGHT)["faint"] < 0.1


def test_points_that_contradict_the_mask() -> None:
    outside = replace(RIGHT, points=GRID + np.float32([0, 20]))
    assert last(outside)["contradicted"] == pytest.approx(2 / 3)
    negatives = replace(RIGHT, positive=np.arange(9) < 7)
    assert last(negatives)["contradicted"] == 1


def test_pixels_that_another_object_claims() -> None:
    both = np.stack([square(), square(60)])
    shared = FrameResult(0, (1, 2), both, np.where(both, 1, -1).astype(np.float32), np.ones(2, np.float32))
    stream = SignalStream(QueryPoints((ObjectQuery(1, 0, GRID), ObjectQuery(2, 0, GRID))), {})
    found = {m.row: m.values[INDEX["shared"]] for m in stream.see(picture(both.any(0)), shared)}
    assert found == {0: pytest.approx(0.5), 1: pytest.approx(0.5)}


def test_no_mask() -> None:
    found = last(RIGHT, result(np.zeros(SIZE, bool), 1))
    assert (found["gone"], found["colours"], found["growth"]) == (1, 1, 2)


def test_points_that_lead_elsewhere_when_followed_backward() -> None:
    """The object moves by 2 px per frame; points that stay behind are on the ground by the end."""
    masks = [square(30 + 2 * t) for t in range(LOOK_BACK + 1)]
    texture = picture(np.ones(SIZE, bool), seed=1)

    def frame(r: FrameResult) -> np.ndarray:
        shifted = np.roll(texture, 2 * r.index, 1)
        return np.where(r.masks[0][..., None], shifted, picture(np.zeros(SIZE, bool)))

    following = [result(m, t, points=GRID + np.float32([2 * t - 10, 0])) for t, m in enumerate(masks)]
    assert last(*following, frames=frame)["drift"] == 0
    running = [result(m, t, points=GRID + np.float32([6 * t - 10, 0])) for t, m in enumerate(masks)]
    assert last(*running, frames=frame)["drift"] > 0.8


def test_the_first_mask() -> None:
    found = last(result(square(side=12)), look=FirstLook(True, 0.6, 0.3))
    assert found["small"] == pytest.approx(np.log(0.1 / (144 / 19200)), abs=0.01)
    assert (found["guessed"], found["unstable"], found["misfit"]) == pytest.approx((1, 0.6, 0.3))


def test_frames_before_the_query_frame_are_compared_with_it_too() -> None:
    earlier = result(square(45, 35, 20), 0, placed=np.full(9, 2))
    found = signals([earlier, result(square(), 1), result(square(), 2)], query_frame=1)
    assert found[0]["growth"] == pytest.approx(np.log(4), abs=0.01)
    assert found[1]["growth"] == 0


def test_without_the_query_frame_nothing_is_compared() -> None:
    found = signals([result(square(side=20)), result(square(), 1)], query_frame=7)
    assert [f["growth"] for f in found] == [0, 0]
