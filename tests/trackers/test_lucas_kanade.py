from __future__ import annotations

import numpy as np
import pytest

from sampt.trackers.base import Visibility
from sampt.trackers.clip import Clip
from sampt.trackers.lucas_kanade import LucasKanade, LucasKanadeOptions


def test_subpixel_motion_is_followed_to_a_tenth_of_a_pixel(make_translating):
    tracks = LucasKanade().track(make_translating(velocity=(0.75, -0.5)), [[0, 60, 50]])
    np.testing.assert_allclose(tracks.xy[11, 0], [68.25, 44.5], atol=0.1)


def test_motion_beyond_the_window_is_found_through_the_pyramid(make_translating):
    clip = make_translating(frames=3, height=240, width=320, velocity=(24.0, 0.0))
    query = [[0, 100, 120]]
    np.testing.assert_allclose(
        LucasKanade(LucasKanadeOptions(window=7, levels=4)).track(clip, query).xy[2, 0], [148, 120], atol=0.5
    )
    assert not LucasKanade(LucasKanadeOptions(window=7, levels=0)).track(clip, query).visible[1:].any()


def test_a_point_without_texture_around_it_stays_invisible_and_in_place():
    flat = np.full((4, 64, 64, 3), 90, np.uint8)
    tracks = LucasKanade().track(flat, [[0, 30, 30]])
    assert tracks.visibility[:, 0].tolist() == [1, 0, 0, 0]
    assert tracks.xy[:, 0].tolist() == [[30, 30]] * 4


def test_a_point_that_leaves_the_frame_is_no_longer_visible(make_translating):
    tracks = LucasKanade().track(make_translating(frames=12, velocity=(6.0, 0.0)), [[0, 100, 48]])
    outside = 100 + 6 * np.arange(12) > 130
    assert not tracks.visible[outside].any()
    assert tracks.visible[:4].all()


def test_covered_points_wait_where_they_were_and_are_found_again(occluded_clip):
    # The bar covers x = 75 in frames 8 to 11; a window of 21 px is clear of it from frame 13 on.
    y = np.linspace(15, 80, 14)
    tracks = LucasKanade().track(occluded_clip, np.column_stack([0 * y, 0 * y + 75, y]))
    in_place = np.abs(tracks.xy - np.column_stack([0 * y + 75, y])).max(2) < 1
    assert (tracks.visible & in_place)[:7].all()
    assert tracks.visible[8:12].mean() < 0.3
    assert (tracks.visible & in_place)[16].mean() > 0.3


def test_the_cover_is_followed(occluded_clip):
    tracks = LucasKanade().track(occluded_clip[6:13], [[0, 40, 48]])
    np.testing.assert_allclose(tracks.xy[6, 0], [100, 48], atol=0.2)
    assert tracks.visible.all()


@pytest.fixture
def blinded(make_translating):
    """A moving texture whose frames 4 and 5 are blank."""
    clip = make_translating(frames=10, velocity=(1.0, 0.0))
    clip[4:6] = 90
    return clip


def test_a_patient_point_is_found_again_where_it_has_moved_meanwhile(blinded):
    tracks = LucasKanade(LucasKanadeOptions(patience=3)).track(blinded, [[0, 60, 48]])
    assert tracks.visibility[:, 0].tolist() == [1, 1, 1, 1, 0, 0, 1, 1, 1, 1]
    np.testing.assert_allclose(tracks.xy[[4, 5, 6, 9], 0], [[63, 48], [63, 48], [66, 48], [69, 48]], atol=0.1)


def test_a_point_is_lost_when_patience_is_over(blinded):
    tracks = LucasKanade(LucasKanadeOptions(patience=2)).track(blinded, [[0, 60, 48]])
    assert tracks.visibility[:, 0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    np.testing.assert_array_equal(tracks.xy[4:, 0], tracks.xy[[3] * 6, 0])


def test_looking_for_lost_points_reads_no_frame_twice(blinded, watched):
    source = watched(blinded)
    LucasKanade().track(source, [[0, 60, 48], [0, 80, 40]])
    assert source.reads == dict.fromkeys(range(10), 1)


def test_max_error_decides_what_is_visible(make_translating):
    clip = make_translating()
    queries = np.column_stack([np.zeros(20), np.linspace(20, 100, 20), np.linspace(70, 25, 20)])
    assert LucasKanade(LucasKanadeOptions(max_error=1.0)).track(clip, queries).visible.mean() > 0.9
    assert not LucasKanade(LucasKanadeOptions(max_error=1e-9)).track(clip, queries).visible[1:].any()


def test_tracks_are_in_pixels_of_the_original_frame_whatever_the_working_resolution(make_translating):
    clip = make_translating(frames=5, height=240, width=320, velocity=(4.0, 2.0))
    tracks = LucasKanade(LucasKanadeOptions(max_side=160)).track(clip, [[0, 150, 120], [0, 60, 80]])
    np.testing.assert_allclose(tracks.xy[4], [[166, 128], [76, 88]], atol=0.5)


def test_runs_in_lockstep_read_each_frame_once(make_translating, watched):
    source = watched(make_translating())
    tracker, clip = LucasKanade(), Clip.of(source)
    streams = [tracker.stream(clip, np.float32([[0, x, 40]])) for x in (40, 60, 80)]
    for steps in zip(*streams, strict=True):
        assert all(visibility[0] == Visibility.VISIBLE for _, visibility in steps)
    assert source.reads == dict.fromkeys(range(12), 1)


@pytest.mark.parametrize(
    ("option", "value"),
    [("window", 20), ("window", 1), ("levels", -1), ("max_error", 0.0), ("patience", 0), ("max_side", 0)],
)
def test_options_out_of_range_are_named(option, value):
    with pytest.raises(ValueError, match=rf"\b{option}\b"):
        LucasKanadeOptions(**{option: value})
