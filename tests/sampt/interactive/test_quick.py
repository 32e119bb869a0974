"""Sessions with the embedded models, on scenes whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from sampt import QueryPoints, SamPt, SyntheticScene
from sampt.interactive.session import InteractiveSession
from tests.sampt.runs import results_of

FRAMES = 10


@pytest.fixture(scope="module")
def scene() -> SyntheticScene:
    return SyntheticScene(FRAMES, 120, 214, objects=2, seed=2, leaving=False)


@pytest.fixture(scope="module")
def quick() -> SamPt:
    return SamPt.from_config("quick")


def middle(mask: np.ndarray) -> tuple[int, int]:
    """A pixel well inside a mask."""
    y, x = np.nonzero(mask)
    nearest = np.hypot(x - x.mean(), y - y.mean()).argmin()
    return int(x[nearest]), int(y[nearest])


def ious(session: InteractiveSession, scene: SyntheticScene) -> np.ndarray:
    """(T, K) of each object in each frame."""
    pairs = [(r.masks, scene.masks(r.index)) for r in results_of(session)]
    return np.array([(a & b).sum((1, 2)) / (a | b).sum((1, 2)) for a, b in pairs])


def test_a_click_each_does_as_well_as_the_method_by_itself(scene, quick):
    session = InteractiveSession(quick, scene)
    for k in range(2):
        session.add_point(session.add_object(), 4, middle(scene.masks(4)[k]))
    list(session.run())
    ours = ious(session, scene)
    masks = [r.masks for r in quick.stream(scene, QueryPoints(session.queries().objects))]
    truth = [scene.masks(t) for t in range(FRAMES)]
    theirs = np.array([(a & b).sum((1, 2)) / (a | b).sum((1, 2)) for a, b in zip(masks, truth, strict=True)])
    assert ours.mean() > 0.85
    assert ours.mean() > theirs.mean() - 0.02


def test_a_mistake_is_mended_from_a_later_frame_on(scene, quick):
    session = InteractiveSession(quick, scene)
    wrong, right = scene.masks(0)[1], scene.masks(6)[0]
    mistake = session.add_point(session.add_object(), 0, middle(wrong))
    list(session.run())
    before = [r.masks[0].copy() for r in results_of(session)]
    session.remove_point(mistake, 6)
    session.add_point(1, 6, middle(right))
    seen = session.frame(6).masks[0]
    assert (seen & right).sum() / (seen | right).sum() > 0.8
    assert session.pending()[0] in (6, 7)
    list(session.run())
    after = [r.masks[0] for r in results_of(session)]
    np.testing.assert_array_equal(after[:6], before[:6])
    for t in range(6, FRAMES):
        truth = scene.masks(t)[0]
        assert (after[t] & truth).sum() / (after[t] | truth).sum() > 0.8


def test_a_positive_in_a_missed_part_brings_it_in(quick):
    """Two parts of one colour: a click on the one finds it, a later one on the other adds it."""
    rng = np.random.default_rng(0)
    clip = np.full((6, 96, 160, 3), (40, 60, 40), np.uint8)
    for t in range(6):
        clip[t, 20:50, 10 + t : 40 + t] = (200, 60, 50)
        clip[t, 40:80, 100 + t : 140 + t] = (200, 60, 50)
    clip += rng.integers(0, 12, clip.shape, np.uint8)
    session = InteractiveSession(quick, clip)
    session.add_point(session.add_object(), 0, (25, 35))
    list(session.run())
    assert not session.frame(3).masks[0][45:75, 108:138].any()
    session.add_point(1, 3, (122, 60))
    assert session.frame(3).masks[0][45:75, 108:138].mean() > 0.9
    assert session.frame(3).masks[0][22:48, 16:40].mean() > 0.9
