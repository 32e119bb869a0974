from __future__ import annotations

import numpy as np
import pytest

from sampt import ObjectQuery, QueryPoints, SamPt, SyntheticScene
from sampt.output.first_look import first_looks, judged
from tests.sampt.parts import ColourSegmenter


def rectangle(width: int, height: int) -> np.ndarray:
    mask = np.zeros((480, 854), bool)
    mask[100 : 100 + height, 200 : 200 + width] = True
    return mask


def test_a_mask_as_large_as_its_clicks_suggest() -> None:
    query = ObjectQuery(1, 0, [(220, 120), (330, 180)])
    misfit, doubt = judged(query, rectangle(150, 100))
    assert misfit < 0.3
    assert doubt is None


@pytest.mark.parametrize("clicks", [[(220, 120)], [(220, 120), (240, 130)]])
def test_a_mask_far_larger_than_its_clicks_suggest(clicks: list[tuple[float, float]]) -> None:
    misfit, doubt = judged(ObjectQuery(1, 0, clicks), rectangle(500, 300))
    assert misfit > 0.6
    assert doubt == "its first mask is far larger than its clicks suggest"


def test_a_mask_that_leaves_its_box_empty() -> None:
    query = ObjectQuery(1, 0, box=[100, 50, 600, 400])
    assert judged(query, rectangle(100, 100))[1] == "its first mask fills less than a tenth of its box"
    assert judged(query, rectangle(300, 200))[1] is None


def test_a_scattered_mask_leaves_the_box_around_it_empty() -> None:
    mask = rectangle(10, 10)
    mask[300:310, 400:410] = True
    query = ObjectQuery(1, 0, [(205, 105), (405, 305)])
    assert judged(query, mask)[1] == "its first mask fills less than a tenth of its box"


def test_a_mask_without_one_of_its_clicks() -> None:
    query = ObjectQuery(1, 0, [(220, 120), (500, 120)])
    assert judged(query, rectangle(150, 100))[1] == "its first mask leaves out a click on it"


def test_no_mask_at_all() -> None:
    assert judged(ObjectQuery(1, 0, [(5, 5)]), rectangle(0, 0)) == (1, "nothing was found at its points")


@pytest.fixture(scope="module")
def scene() -> SyntheticScene:
    return SyntheticScene(frames=2, height=120, width=214, objects=1, seed=1)


def test_a_good_box_is_stable_and_a_given_mask_is_not_doubted(scene: SyntheticScene) -> None:
    mask = scene.masks(0)[0]
    y, x = np.nonzero(mask)
    objects = (
        ObjectQuery(1, 0, mask=mask),
        ObjectQuery(2, 0, box=[x.min(), y.min(), x.max(), y.max()]),
    )
    with SamPt.from_config("quick").stream(scene, QueryPoints(objects)) as run:
        looks = first_looks(run)
    assert (looks[1].guessed, looks[1].unstable, looks[1].misfit) == (False, 0, 0)
    assert looks[2].guessed
    assert looks[2].unstable < 0.2
    assert looks[1].doubt is looks[2].doubt is None


def test_a_mask_that_depends_on_the_exact_place_of_the_click_is_doubtful() -> None:
    """The click is on a thin bar: a little to either side of it is another thing."""
    frame = np.full((120, 214, 3), (30, 60, 200), np.uint8)
    frame[:, 100:102] = (220, 30, 30)
    model = SamPt.from_config("quick", segmenter=ColourSegmenter())
    with model.stream([frame], QueryPoints((ObjectQuery(1, 0, [(101, 60), (101, 20), (100, 100)]),))) as run:
        look = first_looks(run)[1]
    assert look.unstable == 1
    assert look.doubt == "its first mask is another one when its points or box move by a few pixels"
