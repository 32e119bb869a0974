"""Groups of objects that know nothing of each other: ``prompting.joint_objects``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sampt import ObjectQuery, QueryPoints, SamPt
from sampt.config import load_config
from sampt.config.schema import Prompting
from sampt.errors import ConfigError
from sampt.methods.results import FrameResult
from sampt.methods.sam_pt.pipeline import Sampling
from sampt.methods.sam_pt.reinitialisation import AtHorizon, Reinit, SimilarAreaSync
from sampt.methods.sam_pt.samplers import RandomSampler
from sampt.segmenters.grabcut import GrabCutSegmenter
from tests.sampt.parts import SteadyTracker, squares, tiny_segmenter
from tests.sampt.runs import equal, green, model, red, segment

STRATEGIES = {
    "none": None,
    "A": AtHorizon(4, 4),
    "D": SimilarAreaSync(4, 5),
    "D, reference": SimilarAreaSync(4, 5, reference=True),
}
every_strategy = pytest.mark.parametrize("reinit", STRATEGIES.values(), ids=STRATEGIES)
LATE = (0, 3, 2, 0, 5)

FRAMES = np.random.default_rng(0).integers(0, 256, (10, 48, 64, 3), np.uint8)


def five(starts: tuple[int, ...]) -> list[ObjectQuery]:
    """Five squares, of which the points are drawn at random."""
    objects = []
    for k, start in enumerate(starts):
        mask = np.zeros((48, 64), bool)
        mask[6 + 8 * k : 16 + 8 * k, 10 + 8 * k : 20 + 8 * k] = True
        objects.append(ObjectQuery(k + 1, start, mask=mask))
    return objects


def of_sam(reinit: Reinit | None, joint_objects: int | None, later: bool = False) -> SamPt:
    """With a real SAM, whose masks depend on every negative."""
    prompting = Prompting(
        refinements=1, iou_threshold=None, joint_objects=joint_objects, later_objects_as_negatives=later
    )
    sampling = Sampling(RandomSampler(), RandomSampler(), 3, 2, corner_if_empty=True)
    return SamPt(
        SteadyTracker(), tiny_segmenter(), sampling, prompting, reinit, overlapping=True, joint_objects=1
    )


def rows(results: list[FrameResult], ids: list[int]) -> Iterator[tuple[object, ...]]:
    """What is known of some of the objects in each frame."""
    for r in results:
        mine = [r.object_ids.index(id) for id in ids]
        yield (
            r.masks[mine],
            r.logits[mine],
            r.scores[mine],
            *(values[r.owners == k] for k in mine for values in (r.points, r.visibility, r.positive)),
        )


def same(one: list[FrameResult], other: list[FrameResult], ids: list[int]) -> bool:
    return all(
        np.array_equal(a, b, equal_nan=True)
        for of_one, of_other in zip(rows(one, ids), rows(other, ids), strict=True)
        for a, b in zip(of_one, of_other, strict=True)
    )


@every_strategy
@pytest.mark.parametrize(("starts", "backward"), [((0,) * 5, False), (LATE, False), (LATE, True)], ids=str)
def test_groups_are_as_if_each_were_run_by_itself(reinit, starts, backward):
    objects = five(starts)
    together = segment(of_sam(reinit, 2), FRAMES, *objects, backward=backward)
    for group in (objects[:2], objects[2:4], objects[4:]):
        apart = segment(of_sam(reinit, None), FRAMES, *group, backward=backward)
        assert same(together, apart, [query.id for query in group])
    assert not same(together, segment(of_sam(reinit, None), FRAMES, *objects, backward=backward), [1, 2])


def test_so_are_objects_that_start_later_and_count_before():
    objects = five(LATE)
    together = segment(of_sam(None, 2, later=True), FRAMES, *objects, backward=False)
    for group in (objects[:2], objects[2:4], objects[4:]):
        apart = segment(of_sam(None, None, later=True), FRAMES, *group, backward=False)
        assert same(together, apart, [query.id for query in group])


def test_a_group_that_holds_all_objects_changes_nothing():
    objects, reinit = five(LATE), AtHorizon(4, 4)
    equal(segment(of_sam(reinit, 5), FRAMES, *objects), segment(of_sam(reinit, None), FRAMES, *objects))


def test_each_frame_is_still_encoded_once():
    made = model(AtHorizon(4, 4), prompting=Prompting(refinements=0, joint_objects=1))
    segment(made, squares(), red(), green())
    assert made.segmenter.encoded == 12


def test_pixels_still_go_to_one_object_of_any_group():
    made = model(prompting=Prompting(refinements=0, joint_objects=1))
    (result,) = segment(made, squares(1), red(), ObjectQuery(2, 0, [(10, 10)]))
    assert result.masks.any() and (result.masks.sum(0) <= 1).all()


def test_a_segmenter_learns_colours_of_a_group_alone():
    objects = [red(), green(), ObjectQuery(3, 0, [(30, 3)])]
    settings = {"segmenter": GrabCutSegmenter(), "overlapping": True}
    grouped = Prompting(refinements=0, iou_threshold=None, joint_objects=2)
    together = segment(model(prompting=grouped, **settings), squares(4), *objects)
    apart = segment(
        model(prompting=Prompting(refinements=0, iou_threshold=None), **settings), squares(4), objects[2]
    )
    assert same(together, apart, [3])


def test_clicks_on_other_groups_do_not_change_the_first_mask():
    def sampled(joint_objects: int) -> np.ndarray:
        prompting = Prompting(refinements=0, iou_threshold=None, joint_objects=joint_objects)
        sampling = Sampling(RandomSampler(), RandomSampler(), 8, 0, from_clicks=True)
        made = SamPt(SteadyTracker(), tiny_segmenter(), sampling, prompting)
        clicks = [ObjectQuery(1, 0, [(20, 20)]), ObjectQuery(2, 0, [(23, 22)])]
        return made.stream(FRAMES, QueryPoints(tuple(clicks))).queries.objects[1].positives

    alone = Prompting(refinements=0, iou_threshold=None)
    sampling = Sampling(RandomSampler(), RandomSampler(), 8, 0, from_clicks=True)
    made = SamPt(SteadyTracker(), tiny_segmenter(), sampling, alone)
    single = made.stream(FRAMES, QueryPoints((ObjectQuery(2, 0, [(23, 22)]),))).queries.objects[0].positives
    np.testing.assert_array_equal(sampled(1), single)
    assert sampled(2).shape != single.shape or (sampled(2) != single).any()


def test_frames_that_arrive_one_at_a_time():
    clip = squares(12)
    made = model(AtHorizon(4, 4), prompting=Prompting(refinements=0, joint_objects=1))
    equal(segment(made, iter(clip), red(), green()), segment(made, clip, red(), green()))


def test_no_object_at_all_is_no_group():
    with pytest.raises(ConfigError, match=r"prompting\.joint_objects must be at least 1"):
        load_config("quick", ["prompting.joint_objects=0"])
