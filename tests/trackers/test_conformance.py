"""What every point tracker promises. A new tracker is one more line in CASES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from sampt.trackers.base import OnlineTracker, PointTracker, Visibility
from sampt.trackers.clip import Clip
from sampt.trackers.filters import PatchFilter, filtered_steps
from sampt.trackers.flow import Dis
from sampt.trackers.lucas_kanade import LucasKanade
from sampt.trackers.registry import TRACKERS
from sampt.video.frames import ImageStream

from .cotracker.case import make_cotracker
from .pips.case import pips_case
from .raft.case import make_raft


@dataclass(frozen=True)
class Case:
    name: str
    make: Callable[[], PointTracker]
    follows: bool = True  # motion; not with random weights
    batch_independent: bool = True
    look_ahead: int = 1  # frames that a step may need beyond its own
    frames_held: int = 2  # frames that may be in use between two steps
    slow: bool = False  # its tests take more than ten seconds together


CASES = [
    Case("lucas-kanade", LucasKanade),
    Case("dis", Dis),
    Case("raft", make_raft, follows=False, slow=True),
    *(
        Case(name, partial(make_cotracker, name), batch_independent=False, follows=False, **memory)
        for name, memory in (
            ("cotracker1", {"look_ahead": 7, "frames_held": 8}),
            ("cotracker2", {"look_ahead": 7, "frames_held": 8}),
            ("cotracker3", {"look_ahead": 15, "frames_held": 16}),
            ("cotracker3-offline", {}),
        )
    ),
    Case("pips", pips_case, look_ahead=6, frames_held=8),
]


@pytest.fixture(
    params=[pytest.param(case, id=case.name, marks=[pytest.mark.slow] * case.slow) for case in CASES]
)
def case(request) -> Case:
    return request.param


@pytest.fixture
def tracker(case: Case) -> PointTracker:
    return case.make()


@pytest.fixture(scope="module")
def clip(make_translating) -> np.ndarray:
    return make_translating()


@pytest.fixture(scope="module")
def queries() -> np.ndarray:
    """Points all over the clip of 12 frames, 128x96, that start at its first, middle and last frames."""
    rng = np.random.default_rng(3)
    t = np.repeat([0, 5, 11], 10)
    return np.column_stack([t, rng.uniform(25, 100, 30), rng.uniform(20, 75, 30)]).astype(np.float32)


def test_every_registered_tracker_is_run_through_this_suite():
    assert {case.name for case in CASES} == set(TRACKERS)


def test_the_name_is_the_registered_one(case, tracker):
    assert tracker.name == case.name


def test_trajectories_are_float32_pixels_and_int8_visibility(tracker, clip, queries):
    tracks = tracker.track(clip, queries)
    assert tracks.xy.shape == (12, 30, 2) and tracks.xy.dtype == np.float32
    assert tracks.visibility.shape == (12, 30) and tracks.visibility.dtype == np.int8
    assert np.isfinite(tracks.xy).all()
    assert set(np.unique(tracks.visibility)) <= set(Visibility)


def test_a_point_is_where_it_was_given_and_visible_at_its_query_frame(tracker, clip, queries):
    tracks = tracker.track(clip, queries)
    starts = queries[:, 0].astype(int)
    np.testing.assert_array_equal(tracks.xy[starts, np.arange(30)], queries[:, 1:])
    assert (tracks.visibility[starts, np.arange(30)] == Visibility.VISIBLE).all()


def test_a_translation_is_followed_forward_and_backward(case, tracker, clip, queries):
    if not case.follows:
        pytest.skip("random weights follow nothing")
    tracks = tracker.track(clip, queries)
    elapsed = np.arange(12)[:, None] - queries[None, :, 0]
    truth = queries[None, :, 1:] + elapsed[..., None] * np.float32([1.5, -0.75])
    error = np.linalg.norm(tracks.xy - truth, axis=2)
    stays_inside = ((truth > 8) & (truth < [119, 87])).all(axis=(0, 2))
    assert stays_inside.sum() > 15
    assert np.median(error[:, stays_inside]) < 0.5
    assert tracks.visible[:, stays_inside].mean() > 0.9


def test_time_reversal_gives_the_same_tracks_reversed(tracker, clip, queries):
    tracks = tracker.track(clip, queries)
    flipped = queries.copy()
    flipped[:, 0] = 11 - queries[:, 0]
    of_reversed = tracker.track(Clip.of(clip).reversed(), flipped)
    np.testing.assert_allclose(of_reversed.xy[::-1], tracks.xy, atol=1e-4)
    np.testing.assert_array_equal(of_reversed.visibility[::-1], tracks.visibility)


def test_a_second_run_gives_the_same_tracks(case, tracker, clip, queries):
    first, again = tracker.track(clip, queries), tracker.track(clip, queries)
    fresh = case.make().track(clip.copy(), queries)
    for other in (again, fresh):
        np.testing.assert_array_equal(other.xy, first.xy)
        np.testing.assert_array_equal(other.visibility, first.visibility)


def test_another_video_with_the_same_frame_numbers_is_tracked_afresh(
    case, tracker, make_translating, queries
):
    other = make_translating(velocity=(-1.0, 0.5), seed=9)
    tracker.track(make_translating(), queries)
    after_another = tracker.track(other, queries)
    fresh = case.make().track(other, queries)
    np.testing.assert_array_equal(after_another.xy, fresh.xy)


def test_a_point_does_not_depend_on_the_others(case, tracker, clip, queries):
    if not case.batch_independent:
        pytest.skip("this tracker's points attend to each other by design")
    together = tracker.track(clip, queries)
    for n in (0, 14, 29):
        alone = tracker.track(clip, queries[n : n + 1])
        np.testing.assert_allclose(alone.xy[:, 0], together.xy[:, n], atol=1e-4)
        np.testing.assert_array_equal(alone.visibility[:, 0], together.visibility[:, n])


def test_frames_count_from_the_start_of_a_clip_that_is_part_of_a_video(tracker, clip, queries):
    part = Clip.of(clip)[4:10]
    tracks = tracker.track(part, [[0, 60, 50], [5, 64, 48]])
    same = tracker.track(clip[4:10].copy(), [[0, 60, 50], [5, 64, 48]])
    np.testing.assert_array_equal(tracks.xy, same.xy)


def test_a_clip_of_one_frame(tracker, clip):
    tracks = tracker.track(clip[:1], [[0, 10.25, 20.5]])
    assert tracks.xy.tolist() == [[[10.25, 20.5]]] and tracks.visible.all()


@pytest.mark.parametrize(
    "size", [(1, 64), (64, 1), (17, 33), (8, 8)], ids=lambda size: f"{size[0]}x{size[1]}"
)
def test_small_and_odd_frames(tracker, make_translating, size):
    height, width = size
    clip = make_translating(frames=4, height=height, width=width, velocity=(0.0, 0.0))
    x, y = (width - 1) / 2, (height - 1) / 2
    tracks = tracker.track(clip, [[1, x, y]])
    assert tracks.xy.shape == (4, 1, 2)
    np.testing.assert_allclose(tracks.xy[:, 0], np.float32([[x, y]] * 4), atol=0.1)


def test_4k_frames(tracker):
    tile = np.random.default_rng(0).integers(0, 256, (54, 96, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    still = np.tile(tile, (2, 5, 5, 1))
    assert still.shape == (2, 2160, 3840, 3)
    tracks = tracker.track(still, [[0, 3000.5, 1500.25], [1, 100, 100]])
    np.testing.assert_allclose(tracks.xy[1], [[3000.5, 1500.25], [100, 100]], atol=0.5)


def test_no_queries_give_empty_steps(tracker, clip):
    tracks = tracker.track(clip, np.zeros((0, 3), np.float32))
    assert tracks.xy.shape == (12, 0, 2) and tracks.visibility.shape == (12, 0)


@pytest.mark.slow
def test_ten_thousand_points_at_once(tracker, make_translating):
    rng = np.random.default_rng(5)
    queries = np.column_stack([np.zeros(10_000), rng.uniform(0, 127, 10_000), rng.uniform(0, 95, 10_000)])
    tracks = tracker.track(make_translating(frames=4), queries)
    assert tracks.xy.shape == (4, 10_000, 2)
    assert tracks.visible.mean() > 0.8


def test_a_query_beside_the_frame_is_returned_as_given_and_not_seen_later(tracker, clip):
    tracks = tracker.track(clip, [[0, -300, 40], [0, 60, 400]])
    assert tracks.xy[0].tolist() == [[-300, 40], [60, 400]]
    assert not tracks.visible[1:].any()


@pytest.mark.parametrize(
    "queries",
    [
        pytest.param([[12, 5, 5]], id="after the last frame"),
        pytest.param([[-1, 5, 5]], id="before the first frame"),
        pytest.param([[0.5, 5, 5]], id="between two frames"),
        pytest.param([[0, np.nan, 5]], id="NaN"),
        pytest.param([[0, 5, np.inf]], id="infinity"),
        pytest.param([[0, 5]], id="no time"),
        pytest.param([0, 5, 5], id="one-dimensional"),
    ],
)
def test_impossible_queries_are_refused(tracker, clip, queries):
    with pytest.raises(ValueError, match="quer"):
        tracker.track(clip, queries)


def test_the_frames_are_left_as_they_were(tracker, clip, queries):
    before, asked = clip.copy(), queries.copy()
    tracker.track(clip, queries)
    np.testing.assert_array_equal(clip, before)
    np.testing.assert_array_equal(queries, asked)


@pytest.fixture
def online(tracker) -> OnlineTracker:
    if not isinstance(tracker, OnlineTracker):
        pytest.skip("this tracker needs the whole clip")
    return tracker


def test_before_its_query_frame_a_streamed_point_waits_invisible(online, clip):
    for t, (xy, visibility) in enumerate(online.stream(Clip.of(clip), np.float32([[5, 60, 40]]))):
        if t < 5:
            assert xy.tolist() == [[60, 40]] and visibility.tolist() == [Visibility.INVISIBLE]


def test_steps_are_not_overwritten_by_later_ones(online, clip, queries):
    steps = list(online.stream(Clip.of(clip), queries))
    copies = [(xy.copy(), seen.copy()) for xy, seen in online.stream(Clip.of(clip), queries)]
    for (xy, seen), (xy_then, seen_then) in zip(steps, copies, strict=True):
        np.testing.assert_array_equal(xy, xy_then)
        np.testing.assert_array_equal(seen, seen_then)


def test_streaming_reads_only_a_bounded_stretch_ahead(case, online, clip, queries, watched):
    source = watched(clip)
    for t, _ in enumerate(online.stream(Clip.of(source), queries)):
        assert max(source.reads, default=0) <= t + case.look_ahead


def test_streaming_holds_a_bounded_number_of_frames(case, online, make_translating, watched):
    source = watched(make_translating(frames=30, velocity=(0.25, 0.0)))
    in_use = [source.frames_in_use() for _ in online.stream(Clip.of(source), np.float32([[0, 60, 40]]))]
    assert len(source.reads) == 30
    assert max(in_use) <= case.frames_held


class Camera:
    """Frames that come one after the other, of which only the two latest can be read."""

    def __init__(self, frames: np.ndarray) -> None:
        self._frames, self.count = frames, 0

    def has(self, index: int) -> bool:
        self.count = min(max(self.count, index + 1), len(self._frames))
        return index < self.count

    def __getitem__(self, index: int) -> np.ndarray:
        assert self.has(index) and index >= self.count - 2, f"frame {index} has passed"
        return self._frames[index]


class TestFramesThatComeOneAfterTheOther:
    @pytest.fixture
    def frames(self, make_translating) -> np.ndarray:
        """More than any window, and not a whole number of half windows."""
        return make_translating(frames=37, velocity=(0.5, -0.25))

    @pytest.fixture
    def from_the_first(self, queries) -> np.ndarray:
        return queries * np.float32([0, 1, 1])

    @staticmethod
    def assert_equal(steps, expected) -> None:
        for (xy, seen), (expected_xy, expected_seen) in zip(steps, expected, strict=True):
            np.testing.assert_array_equal(xy, expected_xy)
            np.testing.assert_array_equal(seen, expected_seen)

    @pytest.mark.parametrize("length", [37, 32, 5, 1])
    def test_are_tracked_as_those_of_an_array(self, case, online, frames, from_the_first, length):
        endless = online.stream(Clip(ImageStream(iter(frames[:length]))), from_the_first)
        self.assert_equal(endless, case.make().stream(Clip(frames[:length]), from_the_first))

    def test_need_not_be_kept_longer_than_to_the_next_one(self, case, online, frames, from_the_first):
        endless = online.stream(Clip(Camera(frames)), from_the_first)
        self.assert_equal(endless, case.make().stream(Clip(frames), from_the_first))

    def test_are_filtered_as_those_of_an_array(self, case, online, frames, from_the_first):
        patches = PatchFilter(3, 0.1)
        stream = Clip(ImageStream(iter(frames)))
        endless = filtered_steps(online, stream, from_the_first, patches, backward=False)
        array = filtered_steps(case.make(), frames, from_the_first, patches, backward=False)
        self.assert_equal(endless, array)

    def test_are_read_no_farther_ahead_than_those_of_an_array(self, case, online, frames, from_the_first):
        source = ImageStream(iter(frames))
        for t, _ in enumerate(online.stream(Clip(source), from_the_first)):
            assert source.count <= t + 1 + case.look_ahead

    def test_give_empty_steps_without_queries(self, online, frames):
        steps = list(online.stream(Clip(ImageStream(iter(frames))), np.zeros((0, 3), np.float32)))
        assert [xy.shape for xy, _ in steps] == [(0, 2)] * 37

    def test_are_refused_where_the_whole_clip_is_needed(self, tracker, frames, from_the_first):
        if isinstance(tracker, OnlineTracker):
            pytest.skip("this tracker is online")
        for track in (tracker.track, lambda *given: filtered_steps(tracker, *given)):
            with pytest.raises(ValueError, match=tracker.name):
                track(ImageStream(iter(frames)), from_the_first)
