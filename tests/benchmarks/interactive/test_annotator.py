"""The annotator's rules, on masks drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sampt.benchmarks.interactive.annotator import (
    Addition,
    Removal,
    cluster_terms,
    largest_cluster,
    middle,
    next_action,
    place_point,
)
from sampt.interactive.session import Point, SeenPoint
from sampt.trackers.base import Visibility

SHAPE = (120, 200)
ON, OFF = (60, 50), (180, 100)


def box(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[y0:y1, x0:x1] = True
    return mask


TRUTH = box(40, 30, 100, 80)
NOTHING = np.zeros(SHAPE, bool)


def seen(
    id: int, xy: tuple[float, float], positive: bool, visibility: Visibility = Visibility.VISIBLE
) -> SeenPoint:
    return SeenPoint(Point(id, 1, 0, 0.0, 0.0, positive), np.array(xy, np.float32), visibility)


def act(mask: np.ndarray, *points: SeenPoint) -> Addition | Removal | None:
    return next_action(points, mask, TRUTH, np.random.default_rng(0))


class TestRemoving:
    def test_a_negative_on_the_object_before_a_positive_off_it(self):
        action = act(NOTHING, seen(1, OFF, True), seen(2, ON, False))
        assert isinstance(action, Removal)
        assert action.point.id == 2

    def test_a_positive_off_the_object_before_anything_is_added(self):
        action = act(NOTHING, seen(1, ON, True), seen(2, OFF, True))
        assert isinstance(action, Removal)
        assert action.point.id == 2

    @pytest.mark.parametrize(("positive", "xy"), [(True, OFF), (False, ON)])
    def test_the_oldest_of_several(self, positive, xy):
        action = act(NOTHING, seen(4, xy, positive), seen(7, xy, positive))
        assert isinstance(action, Removal)
        assert action.point.id == 4

    @pytest.mark.parametrize("state", [Visibility.INVISIBLE, Visibility.OUTSIDE_FRAME, Visibility.REJECTED])
    def test_never_a_point_that_is_not_seen(self, state):
        assert isinstance(act(NOTHING, seen(1, OFF, True, state), seen(2, ON, False, state)), Addition)

    def test_a_place_is_rounded_to_its_pixel(self):
        assert isinstance(act(NOTHING, seen(1, (99.4, 79.4), True)), Addition)
        assert isinstance(act(NOTHING, seen(1, (99.6, 79.4), True)), Removal)


class TestAdding:
    def test_a_positive_where_more_is_missed(self):
        action = act(box(70, 30, 110, 80))
        assert isinstance(action, Addition)
        assert action.positive
        assert 40 <= action.x < 70
        assert 30 <= action.y < 80

    @pytest.mark.parametrize("right", [130, 150])
    def test_a_negative_where_as_much_or_more_is_wrong(self, right):
        action = act(box(70, 30, right, 80))
        assert isinstance(action, Addition)
        assert not action.positive
        assert action.x >= 100

    def test_nothing_where_nothing_is_to_mend(self):
        assert act(TRUTH, seen(1, OFF, True)) is None


def empty(height: int, width: int) -> np.ndarray:
    return np.zeros((height, width), bool)


class TestPlacing:
    def test_in_the_middle_of_a_compact_area(self):
        x, y = place_point(box(30, 40, 51, 61), np.random.default_rng(0))
        assert (abs(x - 40), abs(y - 50)) <= (10, 10)
        assert box(30, 40, 51, 61)[int(y), int(x)]

    def test_in_the_larger_of_two_clusters(self):
        area = box(10, 10, 25, 25) | box(100, 60, 150, 100)
        assert place_point(area, np.random.default_rng(0))[0] >= 100

    def test_not_at_the_border_where_no_point_counts(self):
        x, _ = place_point(box(0, 20, 4, 100), np.random.default_rng(0))
        assert x == 2 or x == 3
        assert place_point(box(0, 20, 1, 100), np.random.default_rng(0))[0] == 0

    def test_a_single_pixel(self):
        assert place_point(box(7, 9, 8, 10), np.random.default_rng(0)) == (7, 9)

    def test_any_of_the_three_centres(self):
        """The simulator clicks the first one, not the one with the most pixels."""
        area = box(20, 50, 180, 60)
        places = [place_point(area, np.random.default_rng(seed))[0] for seed in range(30)]
        assert len([x for x in places if x < 73]) > 3
        assert len([x for x in places if 73 <= x < 127]) > 3
        assert len([x for x in places if x >= 127]) > 3

    def test_an_object_begins_with_its_middle(self):
        assert middle(box(30, 40, 51, 61), np.random.default_rng(0)) == (40, 50)


class TestPixelsOfTheSimulatorsFrames:
    """SAM-PT's simulator sees every frame at a length of 1024 px, whatever its own size."""

    def test_a_frame_of_that_size(self):
        terms = cluster_terms(empty(576, 1024))
        assert terms.reach == pytest.approx(2.4 * 576 * 1024 / 18000) == pytest.approx(78.6432)
        assert (terms.neighbours, terms.smallest) == (10, 180)

    @pytest.mark.parametrize(("height", "width"), [(480, 854), (1080, 1920), (1920, 1080), (2160, 3840)])
    def test_other_sizes_of_the_same_shape(self, height, width):
        terms, scale = cluster_terms(empty(height, width)), max(height, width) / 1024
        assert terms.reach == pytest.approx(78.6432 * scale, rel=0.001)
        assert terms.neighbours == round(10 * scale**2)
        assert terms.smallest == pytest.approx(180 * scale**2)

    def test_of_a_large_area_the_simulator_sees_18000_pixels(self):
        area = empty(576, 1024)
        area[:360, :100] = True  # 36,000 pixels
        assert (cluster_terms(area).neighbours, cluster_terms(area).smallest) == (20, 360)

    @pytest.mark.parametrize("scale", [1, 2])
    def test_clusters_join_over_78_pixels_of_1024(self, scale):
        def found(gap: int) -> int:
            area = empty(576 * scale, 1024 * scale)
            area[: 40 * scale, : 40 * scale] = True
            area[: 40 * scale, (40 + gap) * scale : (70 + gap) * scale] = True
            terms = cluster_terms(area)
            return np.count_nonzero(largest_cluster(area, terms.reach, terms.neighbours)) // scale**2

        assert found(75) == 40 * 40 + 30 * 40
        assert found(80) == 40 * 40

    @pytest.mark.parametrize("scale", [1, 2])
    def test_a_cluster_of_180_pixels_is_clicked_by_itself(self, scale):
        """Of a smaller one, the simulator would click the middle of everything."""

        def clicked(pixels: int) -> float:
            area = empty(576, 1024)
            area[300 : 300 + pixels // 10, 60:70] = True
            for x in range(700, 1000, 100):  # fewer pixels each, but more in all
                area[300:317, x : x + 10] = True
            area = np.kron(area, np.ones((scale, scale), bool))
            return float(np.mean([place_point(area, np.random.default_rng(s))[0] for s in range(9)])) / scale

        assert 60 <= clicked(180) < 70
        assert clicked(170) > 200


def dbscan(area: np.ndarray, reach: float, least: int) -> list[set[tuple[int, int]]]:
    """By the book, on all pixels: chains of cores, and whatever lies within reach of each."""
    pixels = np.argwhere(area)
    near = ((pixels[:, None] - pixels) ** 2).sum(2) <= reach * reach
    cores = near.sum(1) >= least
    clusters, left = [], set(np.flatnonzero(cores).tolist())
    while left:
        chain, edge = set(), {left.pop()}
        while edge:
            chain |= edge
            edge = {j for i in edge for j in np.flatnonzero(near[i] & cores).tolist()} - chain
        left -= chain
        members = np.flatnonzero(near[sorted(chain)].any(0))
        clusters.append({tuple(pixels[i].tolist()) for i in members})
    return clusters


@settings(max_examples=80, deadline=None)
@given(
    area=arrays.arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14))),
    reach=st.sampled_from([1.5, 2.0, 2.3, 3.0, 4.5]),
    least=st.integers(1, 8),
)
def test_the_largest_cluster_is_that_of_dbscan(area, reach, least):
    found = {tuple(p) for p in np.argwhere(largest_cluster(area, reach, least)).tolist()}
    clusters = dbscan(area, reach, least)
    assert len(found) == max(map(len, clusters), default=0)
    assert found in (clusters or [set()])


def test_a_reach_that_parts_neighbours_is_refused():
    with pytest.raises(ValueError, match=r"reach.*1\.0"):
        largest_cluster(TRUTH, 1.0, 3)
