"""What CoTracker's trackers promise beyond the conformance suite; with random weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sampt.trackers.base import Visibility
from sampt.trackers.clip import Clip

from .case import MAKERS, make_cotracker

ONLINE = ["cotracker3", "cotracker2", "cotracker1"]

ROUNDING = 2e-3
"""Pixels. Batches of other sizes round differently, and random weights amplify that to some 1e-4; what points
really do to each other is 0.05 and more."""


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Such small work is slower in threads that wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def clip(make_translating) -> np.ndarray:
    return make_translating(frames=12, height=48, width=64)


@pytest.mark.parametrize("name", MAKERS)
class TestEveryTracker:
    def test_features_are_computed_once_for_both_directions_and_later_runs(self, name, clip, monkeypatch):
        tracker = make_cotracker(name)
        encoded, encode = [], tracker.model.encode
        monkeypatch.setattr(tracker.model, "encode", lambda image: encoded.append(1) or encode(image))
        tracker.track(clip, [[6, 30, 20]])
        tracker.track(clip, [[3, 10, 20], [11, 40, 20]])
        tracker.track(Clip.of(clip)[2:9], [[2, 30, 20]])
        assert len(encoded) == 12

    def test_few_frames_kept_change_nothing(self, name, clip):
        queries = [[5, 30, 20], [0, 20, 30]]
        forgetful = make_cotracker(name, frames_kept=1).track(clip, queries)
        np.testing.assert_array_equal(forgetful.xy, make_cotracker(name).track(clip, queries).xy)

    def test_points_that_are_tracked_together_support_each_other(self, name, clip):
        tracker = make_cotracker(name, calm=1.0)
        alone = tracker.track(clip, [[0, 30, 20]])
        together = tracker.track(clip, [[0, 30, 20], [0, 34, 22], [0, 28, 18]])
        assert np.abs(alone.xy[:, 0] - together.xy[:, 0]).max() > 1e-4

    def test_the_support_grid_supports(self, name, clip):
        with_grid = make_cotracker(name, calm=1.0).track(clip, [[0, 30, 20]])
        without = make_cotracker(name, calm=1.0, support_grid=0).track(clip, [[0, 30, 20]])
        assert np.abs(with_grid.xy - without.xy).max() > 1e-4

    def test_groups_of_points_are_tracked_as_if_alone(self, name, clip):
        queries = np.float32([[6, 30, 20], [0, 20, 30], [6, 40, 10], [0, 10, 10]])
        grouped = make_cotracker(name, calm=1.0, points_per_batch=2).track(clip, queries)
        tracker = make_cotracker(name, calm=1.0)
        for pair in ([1, 3], [0, 2]):
            alone = tracker.track(clip, queries[pair])
            np.testing.assert_allclose(grouped.xy[:, pair], alone.xy, atol=1e-5)

    def test_at_the_highest_threshold_only_queries_are_visible(self, name, clip):
        tracks = make_cotracker(name, visibility_threshold=1.0).track(clip, [[0, 30, 20], [7, 20, 30]])
        assert np.argwhere(tracks.visible).tolist() == [[0, 0], [7, 1]]

    def test_at_the_lowest_everything_inside_the_frame_is(self, name, clip):
        tracks = make_cotracker(name, visibility_threshold=0.0).track(clip, [[0, 30, 20], [7, -9, 30]])
        assert tracks.visible[:, 0].all()
        assert np.flatnonzero(tracks.visible[:, 1]).tolist() == [7]

    def test_along_a_single_row_points_stay_on_it(self, name):
        clip = np.random.default_rng(0).integers(0, 256, (3, 1, 50, 3), np.uint8)
        assert not make_cotracker(name, calm=1.0).track(clip, [[0, 20, 0]]).xy[:, :, 1].any()

    def test_bfloat16_is_close_to_float32(self, name, clip):
        queries = [[0, 30, 20], [5, 20, 30]]
        full = make_cotracker(name, calm=0.1).track(clip, queries)
        mixed = make_cotracker(name, calm=0.1, dtype=torch.bfloat16).track(clip, queries)
        assert 0 < np.abs(mixed.xy - full.xy).max() < 0.5

    @pytest.mark.parametrize(
        "option",
        [
            {"iterations": 0},
            {"visibility_threshold": 1.5},
            {"support_grid": -1},
            {"support_grid_every": 0},
            {"points_per_batch": 0},
            {"frames_kept": 0},
            {"size": (100, 130)},
            {"size": (32, 96)},
            {"size": (96,)},
            {"dtype": torch.float64},
        ],
        ids=str,
    )
    def test_impossible_options_are_refused_by_name(self, name, option):
        with pytest.raises(ValueError, match=next(iter(option))):
            make_cotracker(name, **option)


@pytest.mark.parametrize("name", ONLINE)
class TestSliding:
    def test_frames_before_the_first_query_are_not_read_for_nothing(self, name, make_translating, watched):
        clip = make_translating(frames=60, height=48, width=64, velocity=(0.1, 0.0))
        tracker, queries = make_cotracker(name, calm=1.0), np.float32([[50, 30, 20]])
        source = watched(clip)
        late = list(tracker.stream(Clip.of(source), queries))
        assert min(source.reads) > 50 - tracker.model.window
        # Whole windows left out are no different from frames that are not there.
        without = list(tracker.stream(Clip.of(clip[32:].copy()), queries - np.float32([32, 0, 0])))
        for step, same in zip(late[32:], without, strict=True):
            np.testing.assert_allclose(step[0], same[0], atol=ROUNDING)

    def test_old_grids_make_room_for_new_ones(self, name, make_translating, monkeypatch):
        clip = make_translating(frames=64, height=48, width=64, velocity=(0.1, 0.0))
        tracker = make_cotracker(name, support_grid=2, support_grid_every=2)
        together, refine = [], tracker.model.refine
        monkeypatch.setattr(
            tracker.model, "refine", lambda *args: together.append(len(args[2])) or refine(*args)
        )
        tracker.track(clip, [[0, 30, 20]])
        assert together[-1] == max(together) == 1 + 8 * 4

    def test_a_window_takes_over_what_the_one_before_found(self, name, make_translating):
        clip = make_translating(frames=20, height=48, width=64)
        tracker = make_cotracker(name, calm=1.0)
        window, query = tracker.model.window, np.float32([[0, 30, 20]])
        of_whole = np.stack([xy for xy, _ in tracker.stream(Clip.of(clip), query)])
        of_first = np.stack([xy for xy, _ in tracker.stream(Clip.of(clip)[:window], query)])
        final = window // 2
        np.testing.assert_array_equal(of_whole[:final], of_first[:final])
        assert (of_whole[final:window] != of_first[final:]).any()


@pytest.mark.parametrize("name", ["cotracker2", "cotracker1"])
def test_points_do_not_feel_queries_to_come(name, make_translating):
    clip = make_translating(frames=16, height=48, width=64)
    tracker = make_cotracker(name, calm=1.0, support_grid=0)
    alone = list(tracker.stream(Clip.of(clip), np.float32([[0, 30, 20]])))
    both = list(tracker.stream(Clip.of(clip), np.float32([[0, 30, 20], [12, 32, 22]])))
    for t in range(8):
        np.testing.assert_allclose(both[t][0][0], alone[t][0][0], atol=ROUNDING)
        assert both[t][1][1] == Visibility.INVISIBLE
    assert np.abs(both[15][0][0] - alone[15][0][0]).max() > 10 * ROUNDING


def test_cotracker2_works_no_larger_than_its_position_embedding():
    with pytest.raises(ValueError, match=r"size.*\(96, 96\)"):
        make_cotracker("cotracker2", size=(96, 96))


def test_cotracker1_orders_points_by_their_query_frames(clip):
    queries = np.float32([[6, 30, 20], [0, 20, 30], [3, 40, 10], [0, 10, 10]])
    tracker = make_cotracker("cotracker1", calm=1.0, support_grid=0)
    given = tracker.track(clip, queries)
    for order, same in (([1, 3, 2, 0], True), ([3, 1, 2, 0], False)):
        ordered = tracker.track(clip, queries[order])
        assert np.allclose(ordered.xy, given.xy[:, order], atol=ROUNDING) == same


@pytest.mark.parametrize(
    ("name", "frames", "count"),
    [("cotracker1", 10, False), ("cotracker1", 5, True), ("cotracker2", 10, True)],
    ids=lambda value: str(value),
)
def test_whether_points_are_tracked_in_frames_that_fill_up_a_window(
    name, frames, count, make_translating, monkeypatch
):
    tracker = make_cotracker(name, support_grid=0)
    fresh, refine = [], tracker.model.refine
    monkeypatch.setattr(tracker.model, "refine", lambda *args: fresh.append(args[4]) or refine(*args))
    list(
        tracker.stream(Clip.of(make_translating(frames=frames, height=48, width=64)), np.float32([[0, 9, 9]]))
    )
    given = frames - 4 * (len(fresh) - 1)
    assert fresh[-1].shape[1] == 8 > given
    assert fresh[-1][:, given - 1].all() and (fresh[-1][:, given:] == count).all()


def test_cotracker1_works_at_any_size(clip):
    tracks = make_cotracker("cotracker1", size=(96, 132)).track(clip, [[0, 30, 20]])
    np.testing.assert_allclose(tracks.xy[:, 0], [[30, 20]] * 12, atol=0.1)


class TestOffline:
    def test_the_past_of_a_point_is_the_future_of_the_reversed_clip(self, clip):
        tracker = make_cotracker("cotracker3-offline", calm=1.0)
        forth = tracker.track(clip, [[4, 30, 20]])
        back = tracker.track(clip[::-1].copy(), [[7, 30, 20]])
        np.testing.assert_allclose(back.xy[::-1], forth.xy, atol=1e-5)

    def test_every_frame_may_change_every_other(self, clip):
        tracker = make_cotracker("cotracker3-offline", calm=1.0)
        other_end = clip.copy()
        other_end[11] = 255 - other_end[11]
        first, second = (tracker.track(frames, [[0, 30, 20]]).xy[1] for frames in (clip, other_end))
        assert (first != second).any()

    def test_memory_grows_with_the_clip_and_its_features(self):
        tracker = make_cotracker("cotracker3-offline", size=(384, 512), frames_kept=10)
        hundred, thousand = (tracker.memory_needed(frames, 9) for frames in (100, 1000))
        features_of_a_frame = 96 * 128 * 16 * 4
        assert hundred > 100 * features_of_a_frame
        assert 5 * hundred > thousand - hundred > 900 * features_of_a_frame
        assert tracker.memory_needed(100, 500) > hundred
