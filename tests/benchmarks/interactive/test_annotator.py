"""The annotator's rules, on masks drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sampt.benchmarks.interactive.annotator import (
    SMALLEST_CLUSTER,
    Addition,
    Removal,
    cluster_reach,
    largest_cluster,
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


class TestPlacing:
    def test_in_the_middle_of_a_compact_area(self):
        x, y = place_point(box(30, 40, 51, 61), np.random.default_rng(0))
        assert (abs(x - 40), abs(y - 50)) <= (10, 10)
        assert box(30, 40, 51, 61)[int(y), int(x)]

    def test_in_the_larger_of_two_clusters(self):
        area = box(10, 10, 25, 25) | box(100, 60, 150, 100)
        assert place_point(area, np.random.default_rng(0))[0] >= 100

    def test_in_the_whole_area_if_all_clusters_are_small(self):
        dots = NOTHING.copy()
        dots[10:110:20, 10:190:20] = True
        x, y = place_point(dots, np.random.default_rng(0))
        assert dots[int(y), int(x)]

    def test_not_at_the_border_where_no_point_counts(self):
        x, _ = place_point(box(0, 20, 4, 100), np.random.default_rng(0))
        assert x == 2 or x == 3
        assert place_point(box(0, 20, 1, 100), np.random.default_rng(0))[0] == 0

    def test_a_single_pixel(self):
        assert place_point(box(7, 9, 8, 10), np.random.default_rng(0)) == (7, 9)

    def test_the_reach_at_480p(self):
        assert cluster_reach((480, 854)) == pytest.approx(54.66, abs=0.01)


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


def test_a_cluster_of_180_wrong_pixels_is_looked_at_alone() -> None:
    """SAM-PT, supplement: points are added while a cluster of wrong pixels has at least so many."""
    assert SMALLEST_CLUSTER == 180
    cluster, elsewhere = box(20, 20, 38, 30), box(150, 80, 160, 90)

    def placed(area: np.ndarray) -> tuple[float, float]:
        return place_point(area, np.random.default_rng(0))

    assert placed(cluster | elsewhere) == placed(cluster)
    cluster[20, 20] = False
    assert placed(cluster | elsewhere) != placed(cluster)
