"""Annotators at work, with parts whose right answers are known and with the embedded models."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from sampt import SamPt, SyntheticScene
from sampt.benchmarks.interactive.benchmark import interactive_config
from sampt.benchmarks.interactive.untracked import Untracked
from sampt.benchmarks.interactive.walks import OFFLINE_TARGETS, Annotation, Rules, annotate
from sampt.config import load_config
from sampt.config.schema import Prompting
from sampt.interactive.session import InteractiveSession
from tests.sampt.parts import GREEN, RED, ColourSegmenter, DiscSegmenter, SteadyTracker, squares, truth
from tests.sampt.runs import model

CLIP = squares()


class Stubborn(DiscSegmenter):
    """Shows the same disc, whatever is said."""

    def decode(self, embedding, prompts, contexts=None):
        moved = replace(prompts, points=prompts.points * 0 + 30)
        return super().decode(embedding, moved, contexts)


class Mistaken(SteadyTracker):
    """Believes that everything moves left."""

    def stream(self, clip, queries):
        for xy, visibility in super().stream(clip, queries):
            yield 2 * queries[:, 1:] - xy, visibility


def walk(rules: Rules, colour=RED, frames: range = range(12), **parts: object) -> Annotation:
    made = model(prompting=Prompting(two_pass=False, refinements=0), **parts)
    session = InteractiveSession(made, CLIP, backward=False)
    masks = truth(CLIP, colour)
    return annotate(session, {t: masks[t] for t in frames}, rules, np.random.default_rng(0), "squares", 1)


class TestOneWalk:
    def test_one_point_is_enough_where_all_goes_well(self):
        done = walk(Rules())
        (only,) = done.interactions
        assert (only.number, only.frame, only.action, only.sign, only.point) == (1, 0, "add", "positive", 1)
        assert (done.iou, only.iou_before, only.video_iou_before) == (0, 0, 0)
        assert (only.iou_after, only.f_after, only.video_iou_after, only.video_f_after) == (1, 1, 1, 1)
        assert truth(CLIP, RED)[0, int(only.y), int(only.x)]

    def test_it_begins_with_the_middle_of_the_object(self):
        first = walk(Rules(), segmenter=Stubborn()).interactions[0]
        pixels = np.argwhere(truth(CLIP, RED)[0])[:, ::-1]
        assert (first.x, first.y) == pytest.approx(pixels.mean(0), abs=0.6)

    def test_a_frame_is_left_after_so_many_actions_besides_the_first_point(self):
        done = walk(Rules(actions=2), segmenter=Stubborn())
        assert [i.frame for i in done.interactions] == [0, *sorted(2 * list(range(12)))]

    def test_the_budget_ends_it(self):
        done = walk(Rules(budget=5), segmenter=Stubborn())
        assert len(done.interactions) == 5

    def test_a_frame_that_reaches_the_target_is_left_alone(self):
        done = walk(Rules(target=0.2), segmenter=DiscSegmenter())
        assert done.interactions[0].iou_after < 0.95
        assert len(done.interactions) == 1

    def test_a_point_that_left_the_object_is_removed_from_there_on(self):
        done = walk(Rules(), tracker=Mistaken())
        removed = [i for i in done.interactions if i.action == "remove"]
        assert removed
        first = removed[0]
        assert first.point == 1
        assert first.iou_before < 0.95
        following = done.interactions[done.interactions.index(first) + 1]
        assert (following.action, following.sign, following.frame) == ("add", "positive", first.frame)
        assert done.ious[-1] == 1

    def test_only_annotated_frames_are_walked_and_counted(self):
        done = walk(Rules(), frames=range(2, 12, 3), segmenter=Stubborn())
        assert {i.frame for i in done.interactions} == {2, 5, 8, 11}
        assert done.frames == 4

    def test_before_and_after_join_up(self):
        done = walk(Rules(), GREEN, tracker=Mistaken(), segmenter=DiscSegmenter())
        for one, other in pairwise(done.interactions):
            assert one.video_iou_after == other.video_iou_before
            if one.frame == other.frame:
                assert one.iou_after == other.iou_before

    def test_embeddings_are_made_once(self):
        segmenter = ColourSegmenter()
        walk(Rules(), tracker=Mistaken(), segmenter=segmenter)
        assert segmenter.encoded == 12

    def test_the_same_seed_gives_the_same_walk(self):
        first, second = (walk(Rules(), tracker=Mistaken(), segmenter=DiscSegmenter()) for _ in range(2))
        assert first == second
        assert Annotation.from_json(first.to_json()) == first


class TestTheFigure:
    """The settings of SAM-PT's Fig. 5 (WACV)."""

    def test_sam_pt_online(self):
        rules = Rules(actions=4)
        assert (rules.mode, rules.targets, rules.budget_for(50)) == ("online", (0.95,), 300)

    @pytest.mark.parametrize("actions", [1, 2, 3, 4])
    def test_sam_alone(self, actions):
        rules = Rules(actions=actions, tracking=False)
        assert (rules.targets, rules.budget_for(50)) == ((1.0,), 50 * actions)

    def test_what_is_given_is_kept(self):
        rules = Rules(target=0.9, budget=7, tracking=False)
        assert (rules.targets, rules.budget_for(50)) == ((0.9,), 7)
        assert rules.to_json() == {
            "mode": "online",
            "target": 0.9,
            "actions": 3,
            "budget": 7,
            "tracking": False,
        }

    def test_defaults_are_written_down(self):
        assert Rules().to_json() == Rules(target=0.95, budget=300).to_json()
        assert Rules(tracking=False).to_json()["target"] == 1
        assert Rules(tracking=False).to_json()["budget"] == "actions in every frame"


class TestManyWalks:
    def test_targets_rise_to_the_last(self):
        assert Rules("offline").targets == OFFLINE_TARGETS
        assert Rules("offline", target=0.62).targets == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.62)
        assert Rules("online", target=0.62).targets == (0.62,)

    def test_each_begins_at_the_first_frame_again(self):
        done = walk(Rules("offline", target=0.9, actions=1), segmenter=Stubborn())
        walks = dict.fromkeys(i.target for i in done.interactions)
        assert list(walks) == sorted(walks)
        for target in walks:
            frames = [i.frame for i in done.interactions[1:] if i.target == target]
            assert frames == sorted(set(frames))

    def test_the_budget_is_for_all_together(self):
        assert len(walk(Rules("offline", budget=20), segmenter=Stubborn()).interactions) == 20


class TestWithoutTracking:
    def test_every_frame_needs_points_of_its_own(self):
        done = walk(Rules(tracking=False), tracker=Untracked())
        assert [i.frame for i in done.interactions] == list(range(12))
        assert {(i.action, i.sign) for i in done.interactions} == {("add", "positive")}
        np.testing.assert_allclose(done.ious, np.arange(13) / 12)

    def test_all_actions_of_every_frame_are_used_if_no_mask_is_right(self):
        done = walk(Rules(tracking=False, actions=2), tracker=Untracked(), segmenter=Stubborn())
        assert [i.frame for i in done.interactions] == sorted(2 * list(range(12)))
        assert done.ious[12] == done.ious[24], "the second action changed nothing"

    def test_the_first_action_in_every_frame_counts_before_the_second_in_any(self):
        done = walk(Rules(tracking=False, actions=2), tracker=Untracked(), segmenter=DiscSegmenter())
        once = walk(Rules(tracking=False, actions=1), tracker=Untracked(), segmenter=DiscSegmenter())
        assert len(done.ious) == 25
        assert done.ious[12] == pytest.approx(np.mean([i.iou_after for i in done.interactions[::2]]))
        assert done.ious[-1] == pytest.approx(done.interactions[-1].video_iou_after)
        assert done.fs[-1] == pytest.approx(done.interactions[-1].video_f_after)
        assert once.ious[-1] == pytest.approx(done.ious[12], abs=0.1)


@pytest.mark.parametrize("tracker", ["dis", "lucas-kanade"])
def test_the_embedded_models_get_better_by_interaction(tracker):
    scene = SyntheticScene(frames=6, height=96, width=160, objects=1, seed=5)
    made = SamPt.from_config(interactive_config(load_config("quick", [f"tracker.name={tracker}"])))
    session = InteractiveSession(made, scene, backward=False)
    masks = {t: scene.masks(t)[0] for t in range(6)}
    done = annotate(session, masks, Rules("offline", budget=30), np.random.default_rng(0))
    assert done.ious[-1] > 0.9
    assert done.ious[-1] >= done.ious[1] - 0.01
