"""When objects get new points, when they are lost, and how often frames are encoded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sampt import ObjectQuery, QueryPoints
from sampt.config.schema import CacheBudget, OnLoss, Prompting
from sampt.methods.sam_pt.pipeline import Sampling
from sampt.methods.sam_pt.reinitialisation import AtHorizon, MedianArea
from sampt.methods.sam_pt.samplers import RandomSampler
from sampt.segmenters.base import Prompts
from sampt.trackers.base import Step, Visibility
from sampt.trackers.clip import Clip
from tests.sampt.parts import GREEN, RED, ColourSegmenter, SteadyTracker, squares, truth
from tests.sampt.runs import equal, every_horizon, every_reinit, green, masks_of, model, red, segment


class LosesTheFirst(SteadyTracker):
    """The first points are invisible in every frame after their query."""

    def __init__(self, lost: int) -> None:
        super().__init__()
        self.lost = lost

    def stream(self, clip: Clip, queries: np.ndarray) -> Iterator[Step]:
        for t, (xy, visibility) in enumerate(super().stream(clip, queries)):
            visibility[: self.lost] = Visibility.VISIBLE if t == 0 else Visibility.INVISIBLE
            yield xy, visibility


class EvenSampler:
    """Pixels at even distances in reading order: the same ones of a mask wherever it moves."""

    name = "even"

    def sample(self, image, mask, count, rng) -> np.ndarray:
        rows, columns = np.nonzero(mask)
        picked = np.linspace(0, len(rows) - 1, count).astype(int)
        return np.stack([columns, rows], 1)[picked].astype(np.float32)


class TestLost:
    """The green object is painted out of some frames; the threshold drops its empty masks."""

    @every_horizon
    def test_from_then_on_it_is_empty_and_the_result_says_when(self, reinit):
        clip = squares(24, gone=range(10, 24))
        stream = model(reinit).stream(clip, QueryPoints((red(), green())))
        results = list(stream)
        np.testing.assert_array_equal(masks_of(results, 1), truth(clip, RED))
        green_masks = masks_of(results, 2)
        assert green_masks[:9].any((1, 2)).all()
        assert not green_masks[10:].any()
        assert set(stream.lost) == {2}
        since = stream.lost[2]
        assert 10 <= since <= 14
        assert [r.lost for r in results] == [()] * since + [(2,)] * (24 - since)
        for r in results[since:]:
            assert (r.visibility[r.owners == 1] == Visibility.REINIT_FAILED).all()
            assert np.isnan(r.scores[1])

    @every_horizon
    def test_it_stays_lost_even_if_it_comes_back(self, reinit):
        results = segment(model(reinit), squares(24, gone=range(6, 16)), red(), green())
        assert not masks_of(results, 2)[16:].any()

    @every_horizon
    def test_lost_backward_in_time_is_not_lost_forward(self, reinit):
        clip = squares(24, gone=range(4))
        stream = model(reinit).stream(clip, QueryPoints((red(12), green(12))))
        results = list(stream)
        np.testing.assert_array_equal(masks_of(results, 2)[5:], truth(clip, GREEN)[5:])
        since = stream.lost[2]
        assert since <= 3
        assert [r.lost for r in results] == [(2,)] * (since + 1) + [()] * (23 - since)

    def test_lost_both_ways_names_the_later_frame(self):
        clip = squares(30, gone=[*range(6), *range(20, 30)])
        stream = model(AtHorizon(4, 4)).stream(clip, QueryPoints((red(12), green(12))))
        results = list(stream)
        assert 20 <= stream.lost[2] <= 24
        assert results[0].lost == results[29].lost == (2,)
        assert results[12].lost == ()

    def test_not_told_outside_its_span(self):
        clip = squares(24, gone=range(4, 24))
        results = segment(model(AtHorizon(4, 4)), clip, red(), green(span=(0, 12)))
        assert results[12].lost == (2,)
        assert results[13].lost == ()

    def test_without_reinitialisation_it_comes_back(self):
        clip = squares(24, gone=range(6, 16))
        stream = model().stream(clip, QueryPoints((red(), green())))
        np.testing.assert_array_equal(masks_of(list(stream), 2), truth(clip, GREEN))
        assert stream.lost == {}


class TestReinitialisation:
    def test_points_are_new_after_each_stretch(self):
        tracker = SteadyTracker()
        segment(model(AtHorizon(4, 4), tracker=tracker), squares(10), red())
        # Stretches of four frames share their ends: 0-3, 3-6, 6-9.
        assert [clip for clip, _ in tracker.runs] == [range(0, 4), range(3, 7), range(6, 10)]
        assert [len(queries) for _, queries in tracker.runs] == [2, 7, 7]

    def test_the_tracker_sees_its_own_horizon(self):
        tracker = SteadyTracker()
        segment(model(AtHorizon(4, 6), tracker=tracker), squares(10), red())
        assert [clip for clip, _ in tracker.runs] == [range(0, 6), range(3, 9), range(6, 10)]

    def test_objects_fall_into_step(self):
        tracker = SteadyTracker()
        segment(model(AtHorizon(4, 4), tracker=tracker), squares(10), red(), green(2))
        starts = [(clip.start, len(queries)) for clip, queries in tracker.runs if clip.step > 0]
        assert starts == [(0, 2), (2, 7 + 2), (5, 14), (8, 14)]

    def test_objects_fall_into_step_in_any_stretch(self):
        tracker = SteadyTracker()
        segment(model(AtHorizon(4, 4), tracker=tracker), squares(12), red(), green(5), backward=False)
        starts = [(clip.start, len(queries)) for clip, queries in tracker.runs]
        assert starts == [(0, 2), (3, 7), (5, 7 + 2), (8, 14)]

    def test_only_objects_that_have_a_past_are_tracked_backward(self):
        tracker = SteadyTracker()
        segment(model(AtHorizon(4, 4), tracker=tracker), squares(10), red(), green(2))
        backward = [(clip.start, len(queries)) for clip, queries in tracker.runs if clip.step < 0]
        assert backward == [(2, 2)]

    def test_no_points_are_sampled_for_the_last_frame_of_a_span(self):
        tracker = SteadyTracker()
        segment(model(AtHorizon(4, 4), tracker=tracker), squares(10), red(span=(0, 6)))
        assert [clip for clip, _ in tracker.runs] == [range(0, 4), range(3, 7)]

    def test_points_are_sampled_inside_the_predicted_mask(self):
        clip = squares(10)
        tracker = SteadyTracker()
        segment(model(AtHorizon(4, 4), tracker=tracker), clip, red())
        frames, queries = tracker.runs[1]
        x, y = queries[:, 1:].astype(int).T
        inside = truth(clip, RED)[frames.start][y, x]
        assert inside.tolist() == [True] * 5 + [False] * 2

    def test_on_loss_restarts_when_points_are_lost(self):
        clip = squares()
        given = ObjectQuery(1, 0, mask=truth(clip, RED)[0])
        tracker = SteadyTracker(dropping=1)
        results = segment(model(OnLoss(), tracker=tracker), clip, given)
        # Two negatives and then positives are lost, one a frame: 2 < 0.6 · 5 = 3 is too few to restart from,
        # so it never happens with 5 positives; 8 leave room for it.
        assert len(tracker.runs) == 1
        sampling = Sampling(RandomSampler(), RandomSampler(), 8, 0)
        tracker = SteadyTracker(dropping=1)
        results = segment(model(OnLoss(), tracker=tracker, sampling=sampling), clip, given)
        # 4 of 8 are below 60 % (frame 4), and then again four frames after each restart.
        assert [frames.start for frames, _ in tracker.runs] == [0, 4, 8]
        np.testing.assert_array_equal(masks_of(results, 1), truth(clip, RED))
        assert [int((r.visibility == Visibility.VISIBLE).sum()) for r in results][3:6] == [5, 4, 7]

    def test_on_loss_keeps_the_positives_that_are_visible(self):
        """A part that is missing in one mask must not lose the points that still lie on it."""
        clip = squares()
        sampling = Sampling(RandomSampler(), RandomSampler(), 8, 2)
        tracker = LosesTheFirst(4)
        results = segment(
            model(OnLoss(), tracker=tracker, sampling=sampling),
            clip,
            ObjectQuery(1, 0, mask=truth(clip, RED)[0]),
        )
        assert [results[t].placed.tolist() for t in (2, 3)] == [[0] * 10, [0] * 4 + [2] * 6]
        (_, first), (frames, second) = tracker.runs[:2]
        assert frames.start == 2
        assert len(second) == len(first) == 10
        np.testing.assert_array_equal(second[:4, 1:], first[4:8, 1:] + (2, 0))
        x, y = second[4:, 1:].astype(int).T
        assert truth(clip, RED)[2][y, x].tolist() == [True] * 4 + [False] * 2
        assert (second[8:, 1:] != first[8:, 1:] + (2, 0)).any()  # negatives are new

    def test_on_loss_fills_up_where_points_are_farthest(self):
        clip = squares()
        tracker = LosesTheFirst(4)
        segment(
            model(OnLoss(), tracker=tracker, sampling=Sampling(EvenSampler(), EvenSampler(), 8, 0)),
            clip,
            ObjectQuery(1, 0, mask=truth(clip, RED)[0]),
        )
        (_, first), (_, second) = tracker.runs[:2]
        # The sampler finds the same places again, so those that were lost are the farthest.
        np.testing.assert_array_equal(second[:, 1:], np.roll(first[:, 1:], -4, axis=0) + np.array([2, 0]))

    def test_on_loss_does_not_restart_from_a_small_mask(self):
        clip = squares()
        sampling = Sampling(RandomSampler(), RandomSampler(), 8, 0)
        tracker = SteadyTracker(dropping=1)
        reinit = OnLoss(smallest_area=12 * 12)
        segment(
            model(reinit, tracker=tracker, sampling=sampling),
            clip,
            ObjectQuery(1, 0, mask=truth(clip, RED)[0]),
        )
        assert len(tracker.runs) == 1


class TestOnceEncoded:
    def test_each_frame_without_reinitialisation(self):
        made = model()
        segment(made, squares(), red(3), green(8))
        assert made.segmenter.encoded == 12

    @every_reinit
    def test_no_frame_in_which_only_negatives_are_visible(self, reinit):
        made = model(reinit, tracker=LosesTheFirst(1))
        segment(made, squares(), green())
        assert made.segmenter.encoded == 1

    @pytest.mark.parametrize("starts", [(0, 0), (5, 5), (3, 8)], ids=str)
    @every_reinit
    def test_each_frame_with_reinitialisation(self, reinit, starts):
        made = model(reinit)
        stream = made.stream(squares(), QueryPoints((red(starts[0]), green(starts[1]))))
        assert len(list(stream)) == 12
        assert made.segmenter.encoded == stream.encoder.calls == 12

    def test_strategy_a_from_the_first_frame_needs_room_for_one_embedding_only(self):
        made = model(AtHorizon(4, 4), cache=CacheBudget(0, 0))
        segment(made, squares(), red(), green())
        assert made.segmenter.encoded == 12

    @every_reinit
    def test_a_tiny_cache_changes_no_result(self, reinit):
        clip = squares()
        large = segment(model(reinit), clip, red(3), green(8))
        equal(large, segment(model(reinit, cache=CacheBudget(1, 1)), clip, red(3), green(8)))

    def test_the_budget_is_kept(self):
        made = model(MedianArea(4, 4), cache=CacheBudget(0, 3 * 48 * 64 * 3))
        stream = made.stream(squares(), QueryPoints((red(5),)))
        for _ in stream:
            assert stream.encoder.cache.nbytes <= made.cache.host_bytes

    def test_the_decoder_runs_once_a_pass_for_all_objects(self):
        made = model(prompting=Prompting(refinements=3, other_objects_as_negatives=False))
        alike = [ObjectQuery(k, 0, [(10, 10)], [(60, 40)]) for k in range(1, 6)]
        segment(made, squares(1), *alike)
        assert [len(prompts) for prompts in made.segmenter.prompted] == [5] * 5


class SeenBySampler(EvenSampler):
    """Notes the frames that it samples from."""

    def __init__(self) -> None:
        self.frames: list[np.ndarray] = []

    def sample(self, image, mask, count, rng) -> np.ndarray:
        self.frames.append(image)
        return super().sample(image, mask, count, rng)


@pytest.mark.parametrize(
    ("reinit", "restarts"),
    [(AtHorizon(4, 4), [3, 6, 9]), (OnLoss(least_visible=1, patience=1), [1, 4, 7, 10])],
)
def test_points_are_sampled_from_the_frame_of_the_restart(reinit, restarts):
    """Samplers such as Shi-Tomasi look at the image, so it must be the one in which the mask was made."""
    sampler, clip = SeenBySampler(), squares(12)
    tracker = SteadyTracker() if isinstance(reinit, AtHorizon) else SteadyTracker(dropping=1)
    sampling = Sampling(sampler, EvenSampler(), 5, 0)
    segment(model(reinit, sampling=sampling, tracker=tracker), clip, red())
    seen = [next(t for t in range(12) if (frame == clip[t]).all()) for frame in sampler.frames]
    assert seen == restarts


def test_results_say_when_points_were_placed():
    """In both directions from the query frame, numbered as the video is."""
    clip = Clip(squares(12))[1:]
    at_horizon = segment(model(AtHorizon(4, 4)), clip, red(6))
    assert [set(r.placed.tolist()) for r in at_horizon] == [{3}] * 3 + [{6}] * 5 + [{9}] * 3
    never = segment(model(None), clip, red(6))
    assert [set(r.placed.tolist()) for r in never] == [{6}] * 11


@pytest.mark.parametrize("alone", [False, True])
@every_reinit
def test_negatives_alone_decides_whether_a_frame_without_positives_is_prompted(reinit, alone):
    """The reference goes on prompting with negatives; by default such an object has no mask."""

    class LosesPositives(SteadyTracker):
        def stream(self, clip: Clip, queries: np.ndarray) -> Iterator[Step]:
            for t, (xy, visibility) in enumerate(super().stream(clip, queries)):
                visibility[:2] = Visibility.VISIBLE if t == 0 else Visibility.INVISIBLE
                yield xy, visibility

    class TakesNegativesAlone(ColourSegmenter):
        def _mask(self, frame: np.ndarray, prompts: Prompts, i: int) -> np.ndarray:
            return super()._mask(frame, prompts, i) if prompts.labels[i].any() else frame[..., 0] > 250

    made = model(
        reinit,
        tracker=LosesPositives(),
        segmenter=TakesNegativesAlone(),
        sampling=Sampling(EvenSampler(), EvenSampler(), 2, 2),
        prompting=Prompting(refinements=0, negatives_alone=alone, iou_threshold=None),
    )
    queries = ObjectQuery(1, 0, [(10, 10), (12, 12)], [(40, 40), (50, 40)])
    (later,) = segment(made, squares(2), queries)[1:]
    assert bool(np.isfinite(later.scores[0])) is alone
