"""Which prompts are made of points, and in which calls; what is kept of the answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from sampt.config.schema import Prompting
from sampt.methods.frame_points import FramePoints
from sampt.methods.sam_pt.prompting import ObjectState, first_mask, learn, segment_frame
from sampt.segmenters.base import Context, Decoded, Embedding, PromptableSegmenter, Prompts
from sampt.trackers.base import Visibility
from tests.sampt.parts import tiny_segmenter

SIZE = (40, 80)
EMBEDDING = Embedding(None, SIZE, 1)


class Recorder(PromptableSegmenter):
    """Answers every call with a 10×20 picture of a block, a quarter of the frame's size.

    ``blocks[n]`` is the (rows, columns) of the n-th answer's mask, the last one for all later ones, and
    ``scores[n]`` its score. The value of a mask's logits is the number of the call, from 1.
    """

    name = "recorder"
    learns = True

    def __init__(
        self,
        blocks: Sequence[tuple[slice, slice]] = ((slice(2, 6), slice(3, 9)),),
        scores: Sequence[float] = (0.9,),
    ) -> None:
        self.blocks, self.scores = blocks, scores
        self.calls: list[tuple[Prompts, Sequence[Context] | None]] = []
        self.lessons: list[Prompts] = []

    def encode(self, frames: Sequence[np.ndarray]) -> list[Embedding]:
        return [EMBEDDING for _ in frames]

    def learn(self, embedding: Embedding, prompts: Prompts) -> list[Context]:
        self.lessons.append(prompts)
        return [("context of", *points[0].tolist()) for points in prompts.points]

    def decode(
        self, embedding: Embedding, prompts: Prompts, contexts: Sequence[Context] | None = None
    ) -> Decoded:
        n = len(self.calls)
        self.calls.append((prompts, contexts))
        low_res = torch.full((len(prompts), 10, 20), -1.0)
        rows, columns = self.blocks[min(n, len(self.blocks) - 1)]
        low_res[:, rows, columns] = float(n + 1)
        return Decoded(low_res, torch.full((len(prompts),), self.scores[min(n, len(self.scores) - 1)]))

    def upscale(self, low_res: Tensor, size: tuple[int, int]) -> Tensor:
        return low_res.repeat_interleave(4, 1).repeat_interleave(4, 2)

    @property
    def prompts(self) -> list[Prompts]:
        return [prompts for prompts, _ in self.calls]


def of(positives: int, negatives: int = 0, x: float = 0.0, hidden: Sequence[int] = ()) -> FramePoints:
    """Positives at (x, 0), (x, 1), …, negatives at (x, 100), (x, 101), …; ``hidden`` ones are invisible."""
    points = FramePoints.at_query(
        np.array([(x, y) for y in range(positives)], np.float32).reshape(-1, 2),
        np.array([(x, 100 + y) for y in range(negatives)], np.float32).reshape(-1, 2),
    )
    points.visibility[list(hidden)] = Visibility.INVISIBLE
    return points


def run(
    segmenter: PromptableSegmenter,
    points: dict[int, FramePoints],
    contexts: dict[int, Context] | None = None,
    seed: int = 0,
    **settings: object,
) -> dict[int, ObjectState]:
    made = Prompting(**{"refinements": 0, **settings})
    return segment_frame(segmenter, EMBEDDING, points, contexts or {}, made, np.random.default_rng(seed))


def is_empty(state: ObjectState) -> bool:
    return state.low_res is None and np.isnan(state.score)


def tokens(prompts: Prompts, row: int = 0) -> list[tuple[float, float, int]]:
    """(x, y, label) of each of an object's points."""
    return [
        (*xy, label)
        for xy, label in zip(prompts.points[row].tolist(), prompts.labels[row].tolist(), strict=True)
    ]


class TestPasses:
    def test_without_negatives_there_is_one_pass(self):
        segmenter = Recorder()
        run(segmenter, {0: of(2)})
        (only,) = segmenter.prompts
        assert tokens(only) == [(0, 0, 1), (0, 1, 1)]
        assert only.boxes is None and only.masks is None

    def test_with_negatives_the_positives_come_first_alone(self):
        segmenter = Recorder()
        run(segmenter, {0: of(2, 1)})
        first, second = segmenter.prompts
        assert tokens(first) == [(0, 0, 1), (0, 1, 1)]
        assert first.masks is None and first.boxes is None
        assert tokens(second) == [(0, 0, 1), (0, 1, 1), (0, 100, 0)]
        assert second.boxes is None
        assert second.masks is not None and second.masks.max() == 1  # the answer to the first call

    def test_one_pass_can_be_asked_for(self):
        segmenter = Recorder()
        run(segmenter, {0: of(2, 1)}, two_pass=False)
        (only,) = segmenter.prompts
        assert tokens(only) == [(0, 0, 1), (0, 1, 1), (0, 100, 0)]
        assert only.masks is None

    def test_two_passes_even_if_no_negative_is_visible(self):
        segmenter = Recorder()
        run(segmenter, {0: of(2, 1, hidden=[2])})
        first, second = segmenter.prompts
        assert tokens(first) == tokens(second)
        assert second.masks is not None

    def test_the_second_passes_answer_is_the_result(self):
        masks = run(Recorder(scores=(0.8, 0.95)), {0: of(2, 1)})
        assert masks[0].low_res is not None and masks[0].low_res.max() == 2
        assert masks[0].score == pytest.approx(0.95)


class TestVisibility:
    def test_only_visible_points_are_used(self):
        segmenter = Recorder()
        run(segmenter, {0: of(3, 2, hidden=[1, 3])}, two_pass=False)
        assert tokens(segmenter.prompts[0]) == [(0, 0, 1), (0, 2, 1), (0, 101, 0)]

    @pytest.mark.parametrize("state", [v for v in Visibility if v != Visibility.VISIBLE])
    def test_no_other_state_is_visible(self, state):
        points = of(2)
        points.visibility[0] = state
        segmenter = Recorder()
        run(segmenter, {0: points})
        assert tokens(segmenter.prompts[0]) == [(0, 1, 1)]

    def test_without_a_visible_positive_nothing_is_decoded(self):
        segmenter = Recorder()
        assert is_empty(run(segmenter, {0: of(2, 3, hidden=[0, 1])})[0])
        assert segmenter.calls == []

    def test_the_other_objects_go_on(self):
        segmenter = Recorder()
        masks = run(segmenter, {0: of(2, 1, hidden=[0, 1]), 1: of(2, x=7)})
        assert is_empty(masks[0])
        assert masks[1].low_res is not None
        assert [len(prompts) for prompts in segmenter.prompts] == [1]

    def test_negatives_alone_prompt_if_asked_for(self):
        segmenter = Recorder()
        masks = run(segmenter, {0: of(1, 2, hidden=[0])}, negatives_alone=True)
        assert masks[0].low_res is not None
        assert tokens(segmenter.prompts[-1]) == [(0, 100, 0), (0, 101, 0)]

    def test_the_first_of_their_two_passes_has_no_points(self):
        segmenter = Recorder()
        run(segmenter, {0: of(1, 2, hidden=[0])}, negatives_alone=True)
        first, second = segmenter.prompts
        assert tokens(first) == [] and first.masks is None
        assert second.masks is not None and second.masks.max() == 1

    def test_other_objects_positives_prompt_an_object_of_which_nothing_is_visible(self):
        segmenter = Recorder()
        points = {0: of(2, 1, hidden=[0, 1, 2]), 1: of(1, 1, x=7)}
        masks = run(segmenter, points, negatives_alone=True)
        assert masks[0].low_res is not None
        assert [[tokens(p, row) for row in range(len(p))] for p in segmenter.prompts] == [
            [[]],
            [[(7, 0, 1)]],
            [[(7, 0, 0)]],
            [[(7, 0, 1), (7, 100, 0)]],
        ]

    def test_they_do_so_in_one_pass_if_the_object_has_no_negatives(self):
        segmenter = Recorder()
        run(segmenter, {0: of(2, hidden=[0, 1]), 1: of(2, x=7)}, negatives_alone=True)
        (both,) = segmenter.prompts
        assert tokens(both, 0) == [(7, 0, 0), (7, 1, 0)]
        assert tokens(both, 1) == [(7, 0, 1), (7, 1, 1)]
        assert both.masks is None

    def test_an_object_without_any_visible_point_is_nothing_even_then(self):
        segmenter = Recorder()
        states = run(segmenter, {0: of(1, 1, hidden=[0, 1])}, negatives_alone=True)
        assert is_empty(states[0])
        assert segmenter.calls == []


class TestOtherObjects:
    def test_their_visible_positives_are_negatives(self):
        segmenter = Recorder()
        run(segmenter, {0: of(1, 1), 1: of(1, 1, x=7), 2: of(2, 1, x=9, hidden=[0])}, two_pass=False)
        (all_three,) = segmenter.prompts
        assert tokens(all_three, 0) == [(0, 0, 1), (0, 100, 0), (7, 0, 0), (9, 1, 0)]
        assert tokens(all_three, 1) == [(7, 0, 1), (7, 100, 0), (0, 0, 0), (9, 1, 0)]
        assert tokens(all_three, 2) == [(9, 1, 1), (9, 100, 0), (0, 0, 0), (7, 0, 0)]

    def test_not_if_switched_off(self):
        segmenter = Recorder()
        run(segmenter, {0: of(1, 1), 1: of(1, 1, x=7)}, two_pass=False, other_objects_as_negatives=False)
        assert tokens(segmenter.prompts[0], 0) == [(0, 0, 1), (0, 100, 0)]

    def test_not_in_the_first_pass(self):
        segmenter = Recorder()
        run(segmenter, {0: of(1, 1), 1: of(1, 1, x=7)})
        assert tokens(segmenter.prompts[0], 0) == [(0, 0, 1)]
        assert tokens(segmenter.prompts[1], 0) == [(0, 0, 1), (0, 100, 0), (7, 0, 0)]

    def test_at_most_so_many_of_them(self):
        segmenter = Recorder()
        run(segmenter, {0: of(1), 1: of(9, x=7)}, max_other_points=3)
        small = next(p for p in segmenter.prompts if p.points[0, 0, 0] == 0)
        assert tokens(small)[0] == (0, 0, 1)
        others = tokens(small)[1:]
        assert len(set(others)) == 3
        assert all(x == 7 and label == 0 for x, _, label in others)

    @pytest.mark.parametrize("seed", range(3))
    def test_none_of_them_counts_twice(self, seed):
        segmenter = Recorder()
        run(segmenter, {0: of(1), 1: of(9, x=7)}, seed=seed, max_other_points=8)
        small = next(p for p in segmenter.prompts if p.points[0, 0, 0] == 0)
        assert len(set(tokens(small)[1:])) == 8

    def test_the_cap_is_drawn_from_the_given_generator(self):
        def drawn(seed: int) -> list[tuple[float, float, int]]:
            segmenter = Recorder()
            run(segmenter, {0: of(1), 1: of(50, x=7)}, seed=seed, max_other_points=5)
            return tokens(next(p for p in segmenter.prompts if p.points[0, 0, 0] == 0))

        assert drawn(1) == drawn(1)
        assert drawn(1) != drawn(2)

    def test_a_cap_of_none_takes_none(self):
        segmenter = Recorder()
        run(segmenter, {0: of(1), 1: of(1, x=7)}, max_other_points=0)
        assert tokens(segmenter.prompts[0]) == [(0, 0, 1)]


class TestBatches:
    def test_equally_many_tokens_share_a_call(self):
        segmenter = Recorder()
        masks = run(segmenter, {k: of(3, x=k) for k in range(4)}, other_objects_as_negatives=False)
        assert [len(prompts) for prompts in segmenter.prompts] == [4]
        assert list(masks) == [0, 1, 2, 3]

    def test_different_numbers_go_into_different_calls_and_nothing_is_padded(self):
        segmenter = Recorder()
        run(segmenter, {0: of(3), 1: of(2, x=1), 2: of(3, x=2)}, other_objects_as_negatives=False)
        calls = [[tokens(prompts, row) for row in range(len(prompts))] for prompts in segmenter.prompts]
        assert calls == [
            [[(0, y, 1) for y in range(3)], [(2, y, 1) for y in range(3)]],
            [[(1, y, 1) for y in range(2)]],
        ]

    def test_with_and_without_a_first_pass_never_share_one(self):
        segmenter = Recorder()
        run(segmenter, {0: of(2, 1), 1: of(3, x=1)}, other_objects_as_negatives=False)
        first, *second = segmenter.prompts
        assert len(first) == 1
        assert sorted((p.points[0, 0, 0].item(), p.masks is not None) for p in second) == [
            (0, True),
            (1, False),
        ]

    def test_priors_go_to_their_objects_across_different_first_passes(self):
        """Objects 0 and 1 are apart in pass 1 (3 and 2 positives) and together in pass 2 (4 tokens each)."""
        segmenter = Recorder()
        run(segmenter, {0: of(3, 1), 1: of(2, 2, x=1)}, other_objects_as_negatives=False)
        a, b, together = segmenter.prompts
        assert (len(a), len(b), len(together)) == (1, 1, 2)
        assert together.masks is not None
        assert together.masks.amax((1, 2)).tolist() == [1, 2]

    def test_batching_changes_no_answer_of_a_real_segmenter(self):
        segmenter = tiny_segmenter()
        frame = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        (embedding,) = segmenter.encode([frame])
        points = {
            k: FramePoints.at_query(
                np.random.default_rng(k).uniform(5, 35, (2 + k % 2, 2)).astype(np.float32),
                np.random.default_rng(9 + k).uniform(5, 35, (1, 2)).astype(np.float32),
            )
            for k in range(4)
        }
        settings = Prompting(refinements=2, iou_threshold=None, other_objects_as_negatives=False)
        rng = np.random.default_rng(0)
        together = segment_frame(segmenter, embedding, points, {}, settings, rng)
        for k, own in points.items():
            alone = segment_frame(segmenter, embedding, {k: own}, {}, settings, rng)[k]
            torch.testing.assert_close(alone.low_res, together[k].low_res, atol=1e-3, rtol=1e-3)
            assert alone.score == pytest.approx(together[k].score, abs=1e-4)


class TestRefinement:
    @pytest.mark.parametrize("times", [0, 1, 12])
    def test_so_many_passes(self, times):
        segmenter = Recorder()
        masks = run(segmenter, {0: of(2)}, refinements=times)
        assert len(segmenter.calls) == 1 + times
        assert masks[0].low_res is not None and masks[0].low_res.max() == 1 + times

    def test_the_same_points_the_last_mask_and_its_box(self):
        blocks = [(slice(2, 6), slice(3, 9)), (slice(0, 1), slice(19, 20))]
        segmenter = Recorder(blocks)
        run(segmenter, {0: of(2, 1)}, two_pass=False, refinements=2)
        first, second, third = segmenter.prompts
        assert tokens(first) == tokens(second) == tokens(third)
        assert second.masks is not None and second.masks.max() == 1
        assert third.masks is not None and third.masks.max() == 2
        # Boxes are pixels of the original frame, inclusive: the masks are four times as fine there.
        assert second.boxes is not None and second.boxes.tolist() == [[12, 8, 35, 23]]
        assert third.boxes is not None and third.boxes.tolist() == [[76, 0, 79, 3]]

    def test_a_mask_of_fewer_than_two_pixels_stays_as_it_is(self):
        empty = (slice(0), slice(0))
        segmenter = Recorder([(slice(2, 6), slice(3, 9)), empty], scores=(0.9, 0.8, 0.99))
        masks = run(segmenter, {0: of(2)}, refinements=5)
        assert len(segmenter.calls) == 2
        assert masks[0].low_res is not None and not (masks[0].low_res > 0).any()
        assert masks[0].score == pytest.approx(0.8)

    def test_the_other_object_of_the_call_goes_on(self):
        class OneStops(Recorder):
            def decode(self, embedding, prompts, contexts=None):
                decoded = super().decode(embedding, prompts, contexts)
                decoded.low_res[0] = -float(len(self.calls))
                return decoded

        segmenter = OneStops(scores=(0.9, 0.8, 0.75))
        masks = run(segmenter, {0: of(2), 1: of(2, x=7)}, refinements=2, other_objects_as_negatives=False)
        assert len(segmenter.calls) == 3
        assert masks[0].low_res is not None and masks[0].low_res.max() == -1
        assert masks[0].score == pytest.approx(0.9)
        assert masks[1].low_res is not None and masks[1].low_res.max() == 3
        assert masks[1].score == pytest.approx(0.75)


class TestThreshold:
    @pytest.mark.parametrize(
        ("score", "threshold", "kept"),
        [(0.71, 0.7, True), (0.75, 0.75, True), (0.69, 0.7, False), (-3.0, None, True), (0.1, 0.0, True)],
    )
    def test_masks_below_it_are_dropped_and_their_score_is_told(self, score, threshold, kept):
        masks = run(Recorder(scores=(score,)), {0: of(2)}, iou_threshold=threshold)
        assert (masks[0].low_res is not None) is kept
        assert masks[0].score == pytest.approx(score)

    def test_it_is_the_last_score_that_counts(self):
        assert run(Recorder(scores=(0.1, 0.9)), {0: of(2)}, refinements=1)[0].low_res is not None
        assert run(Recorder(scores=(0.9, 0.1)), {0: of(2)}, refinements=1)[0].low_res is None


def test_a_pixel_whose_logit_is_zero_is_not_in_the_first_mask():
    class Unsure(Recorder):
        def decode(self, embedding, prompts, contexts=None):
            decoded = super().decode(embedding, prompts, contexts)
            return Decoded(decoded.low_res.clamp(min=0), decoded.scores)

    mask = first_mask(Unsure(), EMBEDDING, of(1), np.zeros((0, 2), np.float32))
    assert mask.sum() == 4 * 6 * 4**2  # the block, at the frame's size


class TestContexts:
    def test_each_object_learns_with_the_others_positives_as_negatives(self):
        segmenter = Recorder()
        contexts = learn(segmenter, EMBEDDING, {3: of(1, 1), 5: of(1, 1, x=7)})
        (lesson,) = segmenter.lessons
        assert tokens(lesson, 0) == [(0, 0, 1), (0, 100, 0), (7, 0, 0)]
        assert tokens(lesson, 1) == [(7, 0, 1), (7, 100, 0), (0, 0, 0)]
        assert contexts == {3: ("context of", 0, 0), 5: ("context of", 7, 0)}

    def test_they_come_with_their_objects_in_every_call(self):
        segmenter = Recorder()
        points = {3: of(2, 1), 5: of(1, 1, x=7), 8: of(2, 1, x=9)}
        run(segmenter, points, {3: "three", 5: "five", 8: "eight"}, refinements=1)
        names = {0: "three", 7: "five", 9: "eight"}
        assert len(segmenter.calls) >= 4
        for prompts, contexts in segmenter.calls:
            assert contexts == [names[int(x)] for x in prompts.points[:, 0, 0].tolist()]

    def test_a_segmenter_that_learns_nothing_is_given_nothing(self):
        segmenter = tiny_segmenter()
        (embedding,) = segmenter.encode([np.zeros((*SIZE, 3), np.uint8)])
        assert learn(segmenter, embedding, {0: of(1)}) == {}
        recorder = Recorder()
        run(recorder, {0: of(1)})
        assert recorder.calls[0][1] is None


def test_no_object_is_no_mask():
    segmenter = Recorder()
    assert run(segmenter, {}) == {}
    assert segmenter.calls == []
