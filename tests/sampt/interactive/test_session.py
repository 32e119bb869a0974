"""Sessions with parts whose right answers are known: what an edit touches, and what it costs."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from sampt import QueryPoints, SamPt
from sampt.config.schema import CacheBudget, Prompting
from sampt.errors import PromptError, VideoError
from sampt.interactive.session import InteractiveSession
from sampt.trackers.base import Visibility
from tests.sampt.parts import RED, ColourSegmenter, DiscSegmenter, SteadyTracker, squares, truth
from tests.sampt.runs import green, masks_of, model, red, results_of

ON_RED, ON_GREEN, ON_BLACK = (10, 10), (8, 30), (50, 45)


def plain(shared: bool = False, **parts: object) -> SamPt:
    """One call of the decoder for each object and frame."""
    prompting = Prompting(two_pass=False, refinements=0, other_objects_as_negatives=shared)
    return model(prompting=prompting, **parts)


def session_with(made: SamPt, clip: np.ndarray, *points: tuple[int, tuple[int, int]]) -> InteractiveSession:
    """A session with one object for each of ``points``, (frame, xy), and all masks made."""
    session = InteractiveSession(made, clip)
    for frame, xy in points:
        session.add_point(session.add_object(), frame, xy)
    list(session.run())
    return session


def decoded_in(session: InteractiveSession) -> int:
    """How many masks are decoded while a session makes what is missing; then all is made."""
    segmenter = session.method.segmenter
    before = len(segmenter.prompted)
    list(session.run())
    return sum(len(prompts) for prompts in segmenter.prompted[before:])


def prompts_of(segmenter: ColourSegmenter) -> list[tuple[list, list]]:
    """Points and labels of every object that was decoded, in no particular order."""
    pairs = ((p.points.tolist(), p.labels.tolist()) for p in segmenter.prompted)
    return sorted((one, other) for points, labels in pairs for one, other in zip(points, labels, strict=True))


class TestMasks:
    def test_a_point_is_answered_at_once_from_one_encoded_frame(self):
        made, clip = plain(), squares()
        session = InteractiveSession(made, clip)
        session.add_point(session.add_object("red"), 3, (13, 10))
        result = session.frame(3)
        np.testing.assert_array_equal(result.masks[0], truth(clip, RED)[3])
        assert made.segmenter.encoded == 1
        assert result.object_ids == (1,)
        assert result.label_map().max() == 1

    def test_frames_that_nothing_is_known_about_are_empty(self):
        session = InteractiveSession(plain(), squares())
        session.add_point(session.add_object(), 3, (13, 10))
        result = session.frame(7)
        assert not result.masks.any()
        assert np.isnan(result.scores[0])
        assert session.points_at(7) == []

    @pytest.mark.parametrize("frames", [(0, 0), (4, 9), (11, 2)], ids=str)
    @pytest.mark.parametrize("segmenter", [ColourSegmenter, DiscSegmenter])
    def test_points_of_one_frame_give_what_the_method_gives(self, frames, segmenter):
        made, clip = plain(shared=True, segmenter=segmenter()), squares()
        first, second = red(frames[0]), green(frames[1])
        session = InteractiveSession(made, clip)
        for query in (first, second):
            id = session.add_object()
            for xy, sign in [*((p, True) for p in query.positives), *((n, False) for n in query.negatives)]:
                session.add_point(id, query.frame, xy, sign)
        list(session.run())
        results = results_of(session)
        prompted = prompts_of(made.segmenter)
        made.segmenter.prompted.clear()
        expected = list(made.stream(clip, QueryPoints((first, second))))
        assert prompted == prompts_of(made.segmenter)
        for id in (1, 2):
            np.testing.assert_array_equal(masks_of(results, id), masks_of(expected, id))
        for result, other in zip(results, expected, strict=True):
            np.testing.assert_array_equal(result.points, other.points)
            np.testing.assert_array_equal(result.visibility, other.visibility)
            np.testing.assert_array_equal(result.owners, other.owners)

    def test_without_backward_an_object_is_absent_before_its_first_point(self):
        clip = squares()
        session = InteractiveSession(plain(), clip, backward=False)
        session.add_point(session.add_object(), 4, (14, 10))
        list(session.run())
        masks = masks_of(results_of(session), 1)
        assert not masks[:4].any()
        np.testing.assert_array_equal(masks[4:], truth(clip, RED)[4:])

    def test_a_mask_is_shown_however_bad_its_score(self):
        made = model(prompting=Prompting(two_pass=False, refinements=0, iou_threshold=1.0))
        made.segmenter = Unsure()
        session = InteractiveSession(made, squares())
        session.add_point(session.add_object(), 0, ON_RED)
        assert session.frame(0).masks.any()


class Unsure(ColourSegmenter):
    def decode(self, *arguments):
        decoded = super().decode(*arguments)
        return type(decoded)(decoded.low_res, decoded.scores * 0.1)


class TestWhatAnEditTouches:
    def test_a_new_point_only_its_object_from_its_frame_on(self):
        session = session_with(plain(), squares(), (0, ON_RED), (0, ON_GREEN))
        session.add_point(1, 8, ON_BLACK, positive=False)
        assert session.pending() == [8, 9, 10, 11]
        assert decoded_in(session) == 4

    def test_an_edit_before_the_home_frame_only_what_lies_before(self):
        session = session_with(plain(), squares(), (6, (16, 10)))
        session.add_point(1, 3, ON_BLACK, positive=False)
        assert session.pending() == [0, 1, 2, 3]

    def test_a_point_in_the_home_frame_everything_of_its_object(self):
        session = session_with(plain(), squares(), (6, (16, 10)))
        session.add_point(1, 6, ON_BLACK, positive=False)
        assert session.pending() == list(range(12))

    def test_a_positive_also_others_whose_negative_it_is(self):
        session = session_with(plain(shared=True), squares(), (0, ON_RED), (0, ON_GREEN))
        session.add_point(1, 8, (20, 10), positive=True)
        assert decoded_in(session) == 2 * 4
        session.add_point(1, 8, ON_BLACK, positive=False)
        assert decoded_in(session) == 4

    def test_nothing_is_encoded_twice(self):
        session = session_with(plain(), squares(), (0, ON_RED), (5, (13, 30)))
        session.add_point(1, 3, ON_BLACK, positive=False)
        list(session.run())
        session.undo()
        list(session.run())
        assert session.method.segmenter.encoded == 12

    def test_frames_may_be_asked_for_one_by_one(self):
        session = session_with(plain(), squares(), (0, ON_RED))
        session.add_point(1, 4, ON_BLACK, positive=False)
        assert [p.frame for p in session.run(range(9, 11)) if not p.tracking] == [9, 10]
        assert session.pending() == [4, 5, 6, 7, 8, 11]

    def test_masks_are_made_once_for_frame_and_run_together(self):
        session = InteractiveSession(plain(), squares())
        session.add_point(session.add_object(), 0, ON_RED)
        session.frame(0)
        session.frame(0)
        assert decoded_in(session) == 11


class TestPoints:
    def test_a_removed_point_is_gone_from_that_frame_on(self):
        clip = squares()
        session = session_with(plain(), clip, (0, ON_RED))
        session.remove_point(1, 7)
        list(session.run())
        masks = masks_of(results_of(session), 1)
        np.testing.assert_array_equal(masks[:7], truth(clip, RED)[:7])
        assert not masks[7:].any()
        assert [p.point.id for p in session.points_at(6)] == [1]
        assert session.points_at(7) == []

    def test_a_point_removed_before_its_home_frame_is_kept_after(self):
        session = session_with(plain(), squares(), (6, (16, 10)))
        session.remove_point(1, 2)
        list(session.run())
        assert [bool(r.masks.any()) for r in results_of(session)] == [False] * 3 + [True] * 9

    def test_a_removed_point_may_come_back_from_another_frame(self):
        clip = squares()
        session = session_with(plain(), clip, (0, ON_RED))
        session.remove_point(1, 4)
        session.add_point(1, 9, (20, 12))
        list(session.run())
        assert [bool(r.masks.any()) for r in results_of(session)] == [True] * 4 + [False] * 5 + [True] * 3

    def test_a_moved_point_keeps_its_id_in_its_own_frame_only(self):
        session = session_with(plain(), squares(), (0, ON_RED))
        assert session.move_point(1, 0, (12, 12)) == 1
        assert session.move_point(1, 5, (9, 30)) == 2
        list(session.run())
        xy = [[tuple(p.xy.tolist()) for p in session.points_at(t)] for t in (4, 5, 6)]
        assert xy == [[(16, 12)], [(9, 30)], [(10, 30)]]

    def test_hidden_points_are_listed_as_such(self):
        session = session_with(plain(tracker=SteadyTracker(hidden=range(4, 6))), squares(), (0, ON_RED))
        assert [session.points_at(t)[0].visibility for t in (3, 4, 6)] == [
            Visibility.VISIBLE,
            Visibility.INVISIBLE,
            Visibility.VISIBLE,
        ]

    def test_the_home_frame_is_that_of_the_oldest_point_left(self):
        session = session_with(plain(), squares(), (6, (16, 10)))
        session.add_point(1, 2, (14, 12))
        assert session.home(1) == 6
        session.remove_point(1)
        assert session.home(1) == 2
        session.remove_point(2)
        assert session.home(1) is None
        assert not session.frame(6).masks.any()

    def test_each_added_point_is_tracked_once(self):
        made = plain()
        session = session_with(made, squares(), (0, ON_RED))
        session.add_point(1, 8, ON_BLACK, positive=False)
        list(session.run())
        assert [(frames, len(queries)) for frames, queries in made.parts.tracker.runs] == [
            (range(12), 1),
            (range(8, 12), 1),
        ]


class TestObjects:
    def test_ids_are_the_lowest_free_and_names_can_change(self):
        session = InteractiveSession(plain(), squares())
        assert [session.add_object(name) for name in ("a", "b", "c")] == [1, 2, 3]
        session.remove_object(2)
        session.rename_object(3, "d")
        assert session.add_object() == 2
        assert [(o.id, o.name) for o in session.objects] == [(1, "a"), (3, "d"), (2, None)]

    def test_a_contested_pixel_goes_to_the_higher_logit_whatever_is_made_first(self):
        made = plain(segmenter=DiscSegmenter())
        both = session_with(made, squares(), (0, (20, 20)), (0, (28, 20)))
        late = session_with(made, squares(), (0, (20, 20)))
        late.add_point(late.add_object(), 0, (28, 20))
        list(late.run())
        a, b = both.frame(5).masks
        assert a[20, 28], "the pixel is nearer to the first object"
        assert b[20, 30]
        assert not (a & b).any()
        np.testing.assert_array_equal(late.frame(5).masks, [a, b])

    def test_a_removed_object_gives_back_what_it_took(self):
        made = plain(segmenter=DiscSegmenter())
        session = session_with(made, squares(), (0, (20, 20)), (0, (28, 20)))
        alone = session_with(made, squares(), (0, (20, 20)))
        session.remove_object(2)
        list(session.run())
        np.testing.assert_array_equal(session.frame(5).masks, alone.frame(5).masks)

    def test_overlapping_masks_stay_whole_if_the_model_wants_them(self):
        made = plain(segmenter=DiscSegmenter(), overlapping=True)
        session = session_with(made, squares(), (0, (20, 20)), (0, (28, 20)))
        assert np.logical_and(*session.frame(5).masks).any()


class TestRun:
    def test_progress_counts_visits(self):
        session = InteractiveSession(plain(), squares())
        session.add_point(session.add_object(), 6, (16, 10))
        seen = list(session.run())
        assert [p.frame for p in seen] == [6, 7, 8, 9, 10, 11, 5, 4, 3, 2, 1, 0]
        assert [p.done for p in seen] == list(range(1, 13))
        assert {p.total for p in seen} == {12}

    def test_a_long_way_of_a_point_is_told_in_between(self):
        session = InteractiveSession(plain(), squares(frames=40), backward=False)
        session.add_point(session.add_object(), 0, ON_RED)
        seen = []
        for progress in session.run([39]):
            seen.append((progress.tracking, progress.frame, progress.done))
            session.frame(20)
        assert seen == [(True, 39, 0)] * 5 + [(False, 39, 1)]
        assert session.pending() == [f for f in range(39) if f != 20]

    def test_an_edit_while_points_are_tracked_ends_a_run(self):
        session = InteractiveSession(plain(), squares(frames=40), backward=False)
        session.add_point(session.add_object(), 0, ON_RED)
        run = session.run([39])
        assert next(run).tracking
        session.move_point(1, 0, ON_BLACK)
        assert list(run) == []
        assert 39 in session.pending()

    def test_a_cancelled_run_keeps_what_is_done_and_can_go_on(self):
        session = InteractiveSession(plain(), squares())
        session.add_point(session.add_object(), 0, ON_RED)
        for progress in session.run():
            if progress.done == 5:
                thread = threading.Thread(target=session.cancel)
                thread.start()
                thread.join()
        assert session.pending() == list(range(5, 12))
        assert decoded_in(session) == 7

    def test_an_edit_ends_a_run(self):
        session = InteractiveSession(plain(), squares())
        session.add_point(session.add_object(), 0, ON_RED)
        run = session.run()
        next(run)
        session.add_point(1, 3, ON_BLACK, positive=False)
        assert list(run) == []

    def test_a_long_video_takes_little_memory(self):
        clip = np.broadcast_to(squares(1), (2000, 48, 64, 3))
        made = plain(tracker=Still(), cache=CacheBudget(0, 0))
        session = session_with(made, clip, (0, (10, 10)), (1000, (8, 30)))
        assert session.pending() == []
        assert session.frame(1999).masks.any((1, 2)).all()
        assert session._solver.masks.nbytes < 2000 * 2 * 100
        assert made.segmenter.in_use() <= 1


class Still(SteadyTracker):
    def stream(self, clip, queries):
        for _ in clip.indices:
            yield queries[:, 1:].copy(), np.full(len(queries), Visibility.VISIBLE, np.int8)


class TestBadInput:
    @pytest.mark.parametrize(
        ("edit", "message"),
        [
            (lambda s: s.add_point(2, 0, (5, 5)), "object 2"),
            (lambda s: s.add_point(1, 12, (5, 5)), "frame 12.*0 to 11"),
            (lambda s: s.add_point(1, 0, (64, 5)), "64,5 .*64×48"),
            (lambda s: s.add_point(1, 0, (float("nan"), 5)), "nan,5"),
            (lambda s: s.remove_point(9), "point 9"),
            (lambda s: s.remove_point(2, 3), "point 2 .*frame 3"),
            (lambda s: s.move_point(1, 0, (-3, 0)), "-3,0"),
            (lambda s: s.remove_object(3), "object 3"),
            (lambda s: s.rename_object(3, "x"), "object 3"),
            (lambda s: s.frame(-1), "frame -1"),
            (lambda s: s.rename_object(1, "\ud83d"), r"'\\ud83d'"),
            (lambda s: s.add_object("\udfff"), r"'\\udfff'"),
        ],
    )
    def test_is_refused_and_changes_nothing(self, edit, message):
        session = session_with(plain(), squares(), (0, ON_RED))
        session.add_point(1, 5, ON_BLACK, positive=False)
        list(session.run())
        points = session.points
        with pytest.raises(PromptError, match=message):
            edit(session)
        assert session.points == points
        assert session.pending() == []

    def test_a_video_without_frames(self):
        with pytest.raises(VideoError):
            InteractiveSession(plain(), squares(0))


def test_what_the_method_can_begin_with():
    session = InteractiveSession(plain(), squares())
    id = session.add_object("red")
    session.add_point(id, 2, (12, 10))
    session.add_point(id, 2, ON_BLACK, positive=False)
    session.add_point(id, 5, (16, 12))
    session.add_object("nothing yet")
    (query,) = session.queries().objects
    assert (query.id, query.frame, query.name) == (1, 2, "red")
    np.testing.assert_array_equal(query.positives, [(12, 10)])
    np.testing.assert_array_equal(query.negatives, [ON_BLACK])
