"""When points are dropped and sampled again, on hand-made tables of mask areas (objects × frames)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sampt.config.schema import OnLoss, ReinitConfig
from sampt.errors import ConfigError
from sampt.methods.frame_points import FramePoints
from sampt.methods.sam_pt.reinitialisation import (
    STRATEGIES,
    AtHorizon,
    MedianArea,
    SimilarArea,
    SimilarAreaSync,
    filled_up,
    make_strategy,
    renewed,
)
from sampt.trackers.base import Visibility

HORIZON_STRATEGIES = [AtHorizon, MedianArea, SimilarArea, SimilarAreaSync]


def table(*rows: list[int]) -> np.ndarray:
    return np.array(rows, np.int64)


class TestAtHorizon:
    def test_the_last_frame_of_the_stretch(self):
        assert AtHorizon(5, 5).restarts(table([90, 80, 70, 60, 50]), None) == [4]

    def test_earlier_where_another_object_starts(self):
        assert AtHorizon(5, 5).restarts(table([90] * 5, [70] * 5), other_start=2) == [2, 2]

    def test_a_later_start_of_another_object_changes_nothing(self):
        assert AtHorizon(5, 5).restarts(table([90] * 5), other_start=4) == [4]
        assert AtHorizon(5, 5).restarts(table([90] * 5), other_start=40) == [4]

    def test_an_object_without_a_mask_there_is_lost(self):
        areas = table([90, 80, 70, 60, 0], [90, 0, 0, 0, 1])
        assert AtHorizon(5, 5).restarts(areas, None) == [None, 4]


class TestMedianArea:
    """With a horizon of 5, the first candidate (frame 1) does not count."""

    def test_the_middle_one_of_an_odd_number(self):
        assert MedianArea(5, 5).restarts(table([500, 150, 300, 100, 200]), None) == [4]

    def test_the_lower_one_of_the_two_in_the_middle(self):
        assert MedianArea(6, 6).restarts(table([500, 150, 400, 100, 200, 300]), None) == [4]

    def test_small_masks_do_not_count(self):
        assert MedianArea(5, 5).restarts(table([500, 26, 25, 26, 0]), None) == [3]

    def test_a_quarter_of_the_horizon_is_skipped(self):
        areas = [500, 100, 100, 300, 301, 302, 303, 304]
        assert MedianArea(8, 8).restarts(table(areas), None) == [5]
        assert MedianArea(3, 3).restarts(table([500, 100, 300]), None) == [1]

    def test_no_valid_mask_is_a_loss(self):
        assert MedianArea(5, 5).restarts(table([500, 400, 25, 0, 1]), None) == [None]

    def test_every_object_has_its_own_frame(self):
        areas = table([0, 0, 100, 200, 300], [0, 0, 300, 100, 200])
        assert MedianArea(5, 5).restarts(areas, None) == [3, 4]


class TestSimilarArea:
    def test_the_area_nearest_to_the_first(self):
        assert SimilarArea(5, 5).restarts(table([200, 200, 100, 230, 150]), None) == [3]

    def test_the_earlier_of_two_equally_near_ones(self):
        assert SimilarArea(5, 5).restarts(table([200, 0, 100, 210, 190]), None) == [3]

    def test_a_valid_mask_after_an_empty_first_one(self):
        assert SimilarArea(5, 5).restarts(table([0, 0, 100, 50, 70]), None) == [3]

    def test_no_valid_mask_is_a_loss(self):
        assert SimilarArea(5, 5).restarts(table([20, 400, 25, 20, 21]), None) == [None]


class TestSimilarAreaSync:
    def test_the_least_sum_of_relative_differences(self):
        # Relative differences: frame 2: 0 + 1, frame 3: 0.1 + 0.1, frame 4: 0.5 + 0.
        areas = table([100, 100, 100, 110, 150], [1000, 1000, 2000, 1100, 1000])
        assert SimilarAreaSync(5, 5).restarts(areas, None) == [3, 3]

    def test_an_object_without_a_mask_weighs_more_than_any_difference(self):
        # Frame 2 misses the second object; in frame 3 both are there, but a hundred times too large.
        areas = table([100, 0, 100, 10_000, 0], [100, 0, 0, 10_000, 0])
        assert SimilarAreaSync(5, 5).restarts(areas, None) == [3, 3]

    def test_objects_without_a_mask_in_the_common_frame_are_lost(self):
        areas = table([100, 0, 100, 100, 100], [100, 0, 0, 0, 0])
        assert SimilarAreaSync(5, 5).restarts(areas, None) == [2, None]

    def test_the_frame_where_another_object_starts_is_preferred(self):
        areas = table([100, 100, 100, 100, 3_600])  # off by 35 times its area: just less than the bonus
        assert SimilarAreaSync(5, 5).restarts(areas, other_start=4) == [4]
        assert SimilarAreaSync(5, 5).restarts(areas, other_start=None) == [2]
        areas[0, 4] = 3_800
        assert SimilarAreaSync(5, 5).restarts(areas, other_start=4) == [2]

    def test_a_start_beyond_the_stretch_changes_nothing(self):
        assert SimilarAreaSync(5, 5).restarts(table([100, 100, 130, 100, 120]), other_start=5) == [3]

    def test_an_empty_first_mask_counts_the_same_in_every_frame(self):
        areas = table([0, 0, 100, 100, 100], [100, 0, 150, 90, 150])
        assert SimilarAreaSync(5, 5).restarts(areas, None) == [3, 3]

    def test_a_first_mask_of_one_pixel_is_compared_like_any_other(self):
        assert SimilarAreaSync(5, 5).restarts(table([1, 0, 400, 300, 100]), None) == [4]

    def test_no_valid_mask_anywhere_loses_all(self):
        assert SimilarAreaSync(5, 5).restarts(table([9, 9, 9, 9, 9], [0] * 5), None) == [None, None]


class TestAsReference:
    """The reference implementation restarts from any mask; these are the frames that its arithmetic gives."""

    def test_a_from_an_empty_mask(self):
        assert AtHorizon(5, 5, reference=True).restarts(table([90, 80, 70, 60, 0]), None) == [4]
        assert AtHorizon(5, 5, reference=True).restarts(table([90, 80, 0, 60, 0]), other_start=2) == [2]

    @pytest.mark.parametrize(("horizon", "frame"), [(2, 1), (3, 1), (4, 1), (5, 3), (6, 3), (8, 6), (12, 9)])
    def test_b_without_a_valid_mask(self, horizon, frame):
        """Among equals, torch's median takes the one that its partial sort happens to put there."""
        areas = table([500, *[25] * (horizon - 1)], [500, *[0] * (horizon - 1)])
        assert MedianArea(horizon, horizon, reference=True).restarts(areas, None) == [frame, frame]

    def test_b_of_equal_masks(self):
        equal = table([500, 100, 100, 100, 100, 100, 100, 100])
        assert MedianArea(8, 8, reference=True).restarts(equal, None) != [3]
        assert MedianArea(8, 8).restarts(equal, None) == [5]
        theirs = torch.tensor([[torch.nan] * 2 + [100.0] * 5]).nanmedian(1).indices.item() + 1
        assert MedianArea(8, 8, reference=True).restarts(equal, None) == [theirs]

    def test_c_without_a_valid_mask_at_the_first_frame(self):
        assert SimilarArea(5, 5, reference=True).restarts(table([20, 400, 25, 20, 21]), None) == [1]

    def test_d_without_a_valid_mask_at_the_first_frame_or_in_step(self):
        empty = table([9, 9, 9, 9, 9], [0] * 5)
        assert SimilarAreaSync(5, 5, reference=True).restarts(empty, None) == [1, 1]
        assert SimilarAreaSync(5, 5, reference=True).restarts(empty, other_start=3) == [3, 3]

    def test_d_keeps_an_object_without_a_mask_in_the_common_frame(self):
        areas = table([100, 0, 100, 100, 100], [100, 0, 0, 0, 0])
        assert SimilarAreaSync(5, 5, reference=True).restarts(areas, None) == [2, 2]

    def test_d_avoids_frames_with_a_mask_of_an_object_that_had_none_first(self):
        areas = table([0, 0, 100, 0, 100], [100, 0, 100, 400, 100])
        assert SimilarAreaSync(5, 5, reference=True).restarts(areas, None) == [3, 3]
        assert SimilarAreaSync(5, 5).restarts(areas, None) == [2, 2]

    def test_d_with_infinite_costs_only_takes_the_first_frame_unless_it_is_skipped(self):
        areas = table([0, 100, 100, 100])
        assert SimilarAreaSync(3, 3, reference=True).restarts(areas[:, :3], None) == [1]
        assert SimilarAreaSync(4, 4, reference=True).restarts(areas, None) == [1]

    @pytest.mark.parametrize("strategy", HORIZON_STRATEGIES)
    @given(data=st.data())
    def test_where_ours_restarts_all_objects_the_frames_are_the_same(self, strategy, data):
        horizon = data.draw(st.integers(2, 10))
        area = st.integers(26, 26 * 700)  # from 721 times the first area on, D prefers a frame without a mask
        row = st.lists(area, min_size=horizon, max_size=horizon, unique=True)
        areas = np.array(data.draw(st.lists(row, min_size=1, max_size=4)), np.int64)
        other_start = data.draw(st.none() | st.integers(1, 20))
        ours, theirs = strategy(horizon, horizon), strategy(horizon, horizon, reference=True)
        assert ours.restarts(areas, other_start) == theirs.restarts(areas, other_start)

    @pytest.mark.parametrize("strategy", HORIZON_STRATEGIES)
    @given(data=st.data())
    def test_no_object_is_ever_lost(self, strategy, data):
        horizon = data.draw(st.integers(2, 10))
        area = st.sampled_from([0, 1, 25, 26, 5_000])
        row = st.lists(area, min_size=horizon, max_size=horizon)
        areas = np.array(data.draw(st.lists(row, min_size=1, max_size=4)), np.int64)
        other_start = data.draw(st.none() | st.integers(1, 20))
        offsets = strategy(horizon, horizon, reference=True).restarts(areas, other_start)
        assert len(offsets) == len(areas)
        assert all(type(o) is int and 1 <= o <= horizon - 1 for o in offsets)


@pytest.mark.parametrize("strategy", HORIZON_STRATEGIES)
@given(data=st.data())
def test_restarts_lie_within_the_stretch_and_have_a_mask(strategy, data):
    horizon = data.draw(st.integers(2, 12))
    area = st.sampled_from([0, 1, 24, 25, 26, 100, 5_000]) | st.integers(0, 10_000)
    row = st.lists(area, min_size=horizon, max_size=horizon)
    areas = np.array(data.draw(st.lists(row, min_size=1, max_size=4)), np.int64)
    other_start = data.draw(st.none() | st.integers(1, 20))

    offsets = strategy(horizon, horizon).restarts(areas.copy(), other_start)

    assert len(offsets) == len(areas)
    skipped = 0 if strategy is AtHorizon else horizon // 4
    least = 1 if strategy is AtHorizon else 26
    for offset, row in zip(offsets, areas, strict=True):
        if offset is not None:
            assert isinstance(offset, int)
            assert skipped + 1 <= offset <= horizon - 1
            assert row[offset] >= least
        elif strategy in (MedianArea, SimilarArea):
            assert (row[skipped + 1 :] < least).all()
    if strategy is SimilarAreaSync:
        assert len(set(offsets) - {None}) <= 1


@pytest.mark.parametrize("strategy", HORIZON_STRATEGIES)
@pytest.mark.parametrize("horizons", [(1, 5), (0, 0), (8, 7), (-3, 8)])
def test_horizons_that_make_no_sense(strategy, horizons):
    with pytest.raises(ValueError, match="2 <= horizon <= tracker_horizon"):
        strategy(*horizons)


def test_every_strategy_has_a_name():
    assert set(STRATEGIES.values()) == {*HORIZON_STRATEGIES, OnLoss}


class TestByName:
    @pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "on-loss"])
    def test_a_strategy_gets_the_horizons_of_the_configuration(self, name):
        made = make_strategy(ReinitConfig(strategy=name, horizon=5, tracker_horizon=6))
        assert made == STRATEGIES[name](5, 6)

    @pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "on-loss"])
    def test_as_the_reference_does_it(self, name):
        made = make_strategy(ReinitConfig(strategy=name, horizon=5), reference=True)
        assert made == STRATEGIES[name](5, 5, reference=True)

    def test_the_tracker_looks_no_farther_by_default(self):
        made = make_strategy(ReinitConfig(strategy="horizon", horizon=5))
        assert made == AtHorizon(5, 5)

    def test_on_loss_is_the_configurations_own(self):
        settings = OnLoss(0.5, 4, 3, 30)
        assert make_strategy(ReinitConfig(strategy="on-loss", on_loss=settings)) == settings

    def test_none_is_asked_for(self):
        assert make_strategy(ReinitConfig(strategy=None)) is None

    def test_an_unknown_one(self):
        with pytest.raises(ConfigError, match="'horizont'; did you mean 'horizon'"):
            make_strategy(ReinitConfig(strategy="horizont"))

    def test_horizons_that_make_no_sense(self):
        with pytest.raises(ConfigError, match="horizon"):
            make_strategy(ReinitConfig(strategy="horizon", horizon=1))


def test_fresh_points_are_taken_where_no_visible_one_is_near():
    tracked = FramePoints.at_query(np.float32([(0, 0), (100, 0), (60, 0)]), np.float32([(5, 5)]))
    tracked.visibility[2] = Visibility.INVISIBLE
    fresh = FramePoints.at_query(np.float32([(0, 1), (50, 0), (100, 1)]), np.float32([(9, 9)]))
    filled = filled_up(tracked, fresh)
    assert filled.visible_positives.tolist() == [[0, 0], [100, 0], [50, 0]]
    assert filled.visible_negatives.tolist() == [[9, 9]]


def is_due(strategy: OnLoss, points: FramePoints, frames: int) -> bool:
    mask, fresh = np.ones((20, 20), bool), FramePoints.none()
    return renewed(strategy, points, frames, lambda: mask, lambda seen: fresh) is not None


class TestOnLoss:
    def seen(self, visible: int, total: int = 10, negatives: int = 5) -> FramePoints:
        points = FramePoints.at_query(np.zeros((total, 2), np.float32), np.zeros((negatives, 2), np.float32))
        points.visibility[visible:total] = Visibility.INVISIBLE
        return points

    @pytest.fixture
    def strategy(self) -> OnLoss:
        return OnLoss(visible_share=0.6, least_visible=3, patience=2)

    @pytest.mark.parametrize(("visible", "due"), [(10, False), (6, False), (5, True), (3, True), (2, False)])
    def test_few_are_visible_but_not_too_few(self, strategy, visible, due):
        assert is_due(strategy, self.seen(visible), 5) is due

    @pytest.mark.parametrize(("frames", "due"), [(0, False), (1, False), (2, True)])
    def test_not_too_soon_after_the_last_time(self, strategy, frames, due):
        assert is_due(strategy, self.seen(4), frames) is due

    def test_negatives_do_not_count(self, strategy):
        points = self.seen(5)
        points.visibility[10:] = Visibility.INVISIBLE
        assert is_due(strategy, points, 5)
        assert not is_due(strategy, self.seen(6, negatives=50), 5)
