"""The method's masks, on a clip and with parts whose right answers are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sampt import ObjectQuery, QueryPoints
from sampt.errors import PromptError
from sampt.methods.sam_pt.pipeline import Sampling
from sampt.methods.sam_pt.reinitialisation import AtHorizon
from sampt.methods.sam_pt.samplers import RandomSampler
from sampt.segmenters.grabcut import GrabCutSegmenter
from sampt.trackers.base import PointTracker, Trajectories, Visibility
from sampt.trackers.clip import Clip
from sampt.trackers.filters import PatchFilter
from tests.sampt.parts import GREEN, RED, DiscSegmenter, SteadyTracker, squares, tiny_segmenter, truth
from tests.sampt.runs import equal, every_reinit, green, masks_of, model, red, segment


class TestMasks:
    @every_reinit
    @pytest.mark.parametrize("starts", [(0, 0), (5, 5), (11, 11), (0, 7), (9, 3)], ids=str)
    def test_all_frames_forward_and_backward(self, reinit, starts):
        clip = squares()
        results = segment(model(reinit), clip, red(starts[0]), green(starts[1]))
        assert [r.index for r in results] == list(range(12))
        np.testing.assert_array_equal(masks_of(results, 1), truth(clip, RED))
        np.testing.assert_array_equal(masks_of(results, 2), truth(clip, GREEN))

    @every_reinit
    def test_vos_mode_is_empty_before_the_query_frame(self, reinit):
        clip = squares()
        results = segment(model(reinit), clip, red(3), green(7), backward=False)
        for id, start, colour in ((1, 3, RED), (2, 7, GREEN)):
            masks = masks_of(results, id)
            assert not masks[:start].any()
            np.testing.assert_array_equal(masks[start:], truth(clip, colour)[start:])
        assert np.isnan(results[0].scores).all()
        assert results[0].points.shape == (0, 2)
        assert results[0].label_map().max() == 0
        assert (results[0].logits == -np.inf).all()

    @every_reinit
    @pytest.mark.parametrize(
        ("start", "span"), [(0, (4, 7)), (11, (4, 7)), (5, (4, 7)), (4, (4, 4)), (0, (0, 3)), (8, (9, 11))]
    )
    def test_an_object_is_there_only_in_its_span(self, reinit, start, span):
        clip = squares()
        results = segment(model(reinit), clip, red(start, span=span), green())
        wanted = np.zeros(12, bool)
        wanted[span[0] : span[1] + 1] = True
        np.testing.assert_array_equal(masks_of(results, 1).any((1, 2)), wanted)
        np.testing.assert_array_equal(masks_of(results, 1)[wanted], truth(clip, RED)[wanted])
        np.testing.assert_array_equal(masks_of(results, 2), truth(clip, GREEN))
        assert [bool((r.owners == 0).any()) for r in results] == wanted.tolist()
        assert [not np.isnan(r.scores[0]) for r in results] == wanted.tolist()

    @every_reinit
    def test_frames_that_nobody_wants_are_not_encoded(self, reinit):
        made = model(reinit)
        segment(made, squares(), red(5, span=(5, 6)))
        assert made.segmenter.encoded <= 5  # a stretch of four at most, and one more at its join

    @every_reinit
    @pytest.mark.parametrize("frames", [range(0, 12, 2), range(3, 12), range(2, 11, 4), range(6, 7)], ids=str)
    def test_parts_of_a_video_keep_its_frame_numbers(self, reinit, frames):
        clip = squares()
        results = segment(model(reinit), Clip(clip, frames), red(6), green(6))
        assert [r.index for r in results] == list(frames)
        np.testing.assert_array_equal(masks_of(results, 1), truth(clip, RED)[list(frames)])
        np.testing.assert_array_equal(masks_of(results, 2), truth(clip, GREEN)[list(frames)])

    def test_points_stay_where_the_user_put_them_and_move_with_the_object(self):
        results = segment(model(), squares(), red(3), green(5))
        np.testing.assert_array_equal(results[3].points[:2], [(13, 10), (18, 15)])
        np.testing.assert_array_equal(results[8].points[:2], [(18, 10), (23, 15)])
        np.testing.assert_array_equal(results[0].points[:2], [(10, 10), (15, 15)])
        assert results[5].owners.tolist() == [0, 0, 1, 1]
        assert results[5].positive.tolist() == [True, True, True, False]
        np.testing.assert_array_equal(results[5].visible_share(), [1, 1])

    def test_hidden_points_are_an_empty_mask_without_a_score(self):
        results = segment(model(tracker=SteadyTracker(hidden=range(4, 6))), squares(), red())
        assert [r.masks.any() for r in results] == [t not in (4, 5) for t in range(12)]
        assert [bool(np.isnan(r.scores[0])) for r in results] == [t in (4, 5) for t in range(12)]
        assert results[4].visible_share()[0] == 0

    def test_points_outside_the_frame_are_not_used(self):
        clip = np.zeros((70, 48, 64, 3), np.uint8)
        clip[:, 6:18] = RED
        results = segment(model(), clip, red())
        assert (results[-1].visibility == Visibility.OUTSIDE_FRAME).all()
        assert not results[-1].masks.any()

    def test_a_tracker_of_whole_clips_gives_the_same(self):
        class Whole(PointTracker):
            name = "whole"

            def track(self, frames, queries) -> Trajectories:
                return SteadyTracker().track(frames, queries)

        clip = squares()
        for reinit in (None, AtHorizon(4, 4)):
            equal(
                segment(model(reinit, tracker=Whole()), clip, red(4), green(8)),
                segment(model(reinit), clip, red(4), green(8)),
            )

    def test_the_patch_filter_rejects_points_that_look_different(self):
        clip = squares(gone=range(6, 12))
        results = segment(model(patch_filter=PatchFilter(3, 0.01)), clip, green())
        positive = [r.visibility[0] for r in results]
        assert positive[:6] == [Visibility.VISIBLE] * 6
        assert positive[6] == Visibility.PATCH_NOT_SIMILAR
        assert positive[7:] == [Visibility.REJECTED] * 5


class TestGivenMasks:
    @every_reinit
    def test_returned_as_they_are_at_their_frame(self, reinit):
        clip = squares()
        given = truth(clip, RED)[4].copy()
        given[8:10, 11:13] = False
        given[30, 60] = True
        results = segment(model(reinit), clip, ObjectQuery(1, 4, mask=given), green())
        np.testing.assert_array_equal(masks_of(results, 1)[4], given)
        np.testing.assert_array_equal(masks_of(results, 1)[5], truth(clip, RED)[5])
        np.testing.assert_array_equal(masks_of(results, 1)[3], truth(clip, RED)[3])

    def test_they_win_over_the_other_objects_predictions(self):
        clip = squares()
        given = truth(clip, RED)[0] | truth(clip, GREEN)[0]
        results = segment(model(), clip, ObjectQuery(1, 0, mask=given), green())
        np.testing.assert_array_equal(results[0].masks[0], given)
        assert not results[0].masks[1].any()
        assert (results[0].label_map() == given).all()

    def test_points_are_sampled_from_them_and_named_in_the_queries(self):
        clip = squares()
        given = truth(clip, RED)[4]
        stream = model().stream(clip, QueryPoints((ObjectQuery(1, 4, mask=given),)))
        (used,) = stream.queries.objects
        assert used.mask is None and used.positives.shape == (5, 2) and used.negatives.shape == (2, 2)
        x, y = used.positives.astype(int).T
        assert given[y, x].all()
        x, y = used.negatives.astype(int).T
        assert not given[y, x].any()
        results = list(stream)
        np.testing.assert_array_equal(results[4].points, [*used.positives, *used.negatives])


class TestBoxes:
    def test_a_box_becomes_points(self):
        clip = squares()
        stream = model().stream(clip, QueryPoints((ObjectQuery(1, 2, box=(6, 4, 22, 20)),)))
        (used,) = stream.queries.objects
        assert used.box is None
        x, y = used.positives.astype(int).T
        assert len(x) == 5 and truth(clip, RED)[2][y, x].all()
        np.testing.assert_array_equal(masks_of(list(stream), 1), truth(clip, RED))

    def test_clicks_are_kept_beside_them(self):
        stream = model().stream(squares(), QueryPoints((red(box=(4, 4, 20, 20)),)))
        (used,) = stream.queries.objects
        np.testing.assert_array_equal(used.positives[:2], [(10, 10), (15, 15)])
        assert len(used.positives) > 2

    def test_nothing_in_it_is_an_error(self):
        with pytest.raises(PromptError, match=r"object 7: .*box"):
            model().stream(squares(), QueryPoints((ObjectQuery(7, 0, box=(40, 4, 60, 20)),)))

    @pytest.mark.parametrize("segmenter", [GrabCutSegmenter, tiny_segmenter])
    def test_real_segmenters_take_them(self, segmenter):
        stream = model(segmenter=segmenter()).stream(
            squares(2), QueryPoints((ObjectQuery(1, 0, box=(3, 3, 22, 22)),))
        )
        assert len(stream.queries.objects[0].positives) >= 1
        assert len(list(stream)) == 2


class TestFromClicks:
    """Few clicks get more points, from the mask that the segmenter makes of them at the query frame."""

    SAMPLING = Sampling(RandomSampler(), RandomSampler(), 5, 2, from_clicks=True)

    def used(self, query: ObjectQuery, sampling: Sampling = SAMPLING) -> ObjectQuery:
        clip = squares()
        return model(sampling=sampling).stream(clip, QueryPoints((query,))).queries.objects[0]

    def test_few_get_more(self):
        used = self.used(green(3))
        np.testing.assert_array_equal(used.positives[0], (11, 30))
        np.testing.assert_array_equal(used.negatives[0], (50, 45))
        assert used.positives.shape == (1 + 5, 2) and used.negatives.shape == (1 + 2, 2)
        object_there = truth(squares(), GREEN)[3]
        assert object_there[tuple(used.positives.astype(int).T[::-1])].all()
        assert not object_there[tuple(used.negatives.astype(int).T[::-1])].any()

    @pytest.mark.parametrize("clicks", [5, 6])
    def test_as_many_as_would_be_sampled_are_left_alone(self, clicks):
        given = [(8 + k, 10) for k in range(clicks)]
        used = self.used(ObjectQuery(1, 0, given))
        np.testing.assert_array_equal(used.positives, given)
        assert len(used.negatives) == 0

    def test_all_are_left_alone_if_it_is_off(self):
        used = self.used(green(3), replace(self.SAMPLING, from_clicks=False))
        np.testing.assert_array_equal(used.positives, [(11, 30)])
        np.testing.assert_array_equal(used.negatives, [(50, 45)])

    def test_clicks_on_nothing_are_left_alone(self):
        used = self.used(ObjectQuery(1, 0, [(60, 2)]))
        np.testing.assert_array_equal(used.positives, [(60, 2)])


class TestOverlap:
    CLIP = np.zeros((2, 48, 64, 3), np.uint8)
    NEAR = (ObjectQuery(3, 0, [(20, 20)]), ObjectQuery(9, 0, [(32, 20)]))

    def test_the_highest_logit_gets_the_pixel(self):
        first = segment(model(segmenter=DiscSegmenter()), self.CLIP, *self.NEAR)[0]
        y, x = np.mgrid[:48, :64]
        a, b = np.hypot(x - 20, y - 20), np.hypot(x - 32, y - 20)
        np.testing.assert_array_equal(first.masks[0], (a < 10) & (a <= b))
        np.testing.assert_array_equal(first.masks[1], (b < 10) & (b < a))
        np.testing.assert_array_equal(first.label_map(), first.masks[0] * 3 + first.masks[1] * 9)

    def test_overlapping_masks_are_kept_if_asked_for(self):
        first = segment(model(segmenter=DiscSegmenter(), overlapping=True), self.CLIP, *self.NEAR)[0]
        y, x = np.mgrid[:48, :64]
        np.testing.assert_array_equal(first.masks[0], np.hypot(x - 20, y - 20) < 10)
        np.testing.assert_array_equal(first.masks[1], np.hypot(x - 32, y - 20) < 10)
        assert (first.masks.sum(0) == 2).any()
        assert first.label_map()[20, 22] == 3 and first.label_map()[20, 30] == 9


class TestJointObjects:
    @pytest.mark.parametrize(("together", "runs"), [(None, 1), (1, 2), (2, 1), (5, 1)])
    def test_so_many_are_tracked_together(self, together, runs):
        tracker = SteadyTracker()
        results = segment(model(tracker=tracker, joint_objects=together), squares(), red(), green())
        assert len(tracker.runs) == runs
        equal(results, segment(model(), squares(), red(), green()))
