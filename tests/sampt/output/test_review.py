from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import sampt
from sampt import ObjectQuery, QueryPoints, SamPt, SyntheticScene
from sampt.errors import OutputError
from sampt.methods.results import FrameResult
from sampt.output.review import PREDICTED, RANKED, Reviewer, Stretch, read_doubts, smoothed, stretches
from sampt.output.signals import SIGNALS
from sampt.trackers.base import Visibility


def merged(doubts: str) -> list[tuple[int, int]]:
    """Stretches of a text: # is a doubtful frame, - a good one, and a space one without the object."""
    values = [{"#": 0.9, "-": 0.1, " ": None}[d] for d in doubts]
    found = stretches(7, range(10, 10 + len(doubts)), values, ["why"] * len(doubts), 0.5)
    return [(s.first, s.last) for s in found]


def test_doubtful_frames_become_stretches_of_frame_numbers() -> None:
    assert merged("--####------#####-") == [(12, 15), (22, 26)]


def test_short_gaps_are_closed_and_short_stretches_dropped() -> None:
    assert merged("###--####") == [(10, 18)]
    assert merged("--##------#-------") == []
    assert merged("##--##") == [(10, 15)]


def test_frames_without_the_object_part_stretches() -> None:
    assert merged("###  ###") == [(10, 12), (15, 17)]


def test_a_clip_that_is_shorter_than_a_stretch_can_be_doubtful() -> None:
    assert merged("##") == [(10, 11)]


def test_a_stretch_has_its_most_frequent_reason_and_mean_probability() -> None:
    (found,) = stretches(7, range(4), [0.6, 0.7, 0.8, 0.9], ["a", "b", "b", "b"], 0.5, "dog")
    assert found == Stretch(7, 0, 3, "b", 0.75, "dog")


def test_a_stretch_reads_as_a_sentence() -> None:
    reason = SIGNALS["uprooted"]
    assert (
        str(Stretch(1, 40, 97, reason, 0.8, "dog"))
        == "object 1 'dog', frames 40–97: its points are no longer where they were clicked"
    )
    assert str(Stretch(2, 3, 3, reason)).startswith("object 2, frame 3: its points")


def test_single_frames_do_not_change_the_smoothed_values() -> None:
    values = np.array([0, 0, 0, 9, 0, 0, 0, *[np.nan] * 3, 5, 5.0])
    found = smoothed(values)
    assert found[:5].tolist() == [0, 0, 0, 0, 0]
    assert np.isnan(found[7:10]).all()
    assert found[10:].tolist() == [5, 5]


@pytest.mark.parametrize("model", [RANKED, PREDICTED], ids=["ranked", "predicted"])
def test_more_of_any_signal_is_never_less_doubt(model) -> None:
    assert set(model.weights) <= set(SIGNALS)
    assert all(weight.weight > 0 for weight in model.weights.values())


def saved(scene: SyntheticScene, folder: Path) -> tuple[sampt.output.writer.Saved, np.ndarray]:
    """What is saved for the scene's first object, given by its mask, and its true IoU in each frame."""
    queries = QueryPoints((ObjectQuery(1, 0, mask=scene.masks(0)[0], name="blob"),))
    result = sampt.save(SamPt.from_config("quick").stream(scene, queries), folder, overlay=False)
    truth = [scene.masks(t)[0] for t in range(len(scene))]
    with SamPt.from_config("quick").stream(scene, queries) as run:
        masks = [r.masks[0] for r in run]
    return result, np.array([(m & t).sum() / (m | t).sum() for m, t in zip(masks, truth, strict=True)])


def test_an_object_that_is_followed_is_not_flagged(tmp_path: Path) -> None:
    scene = SyntheticScene(24, 120, 214, objects=1, seed=1, speed=0.5)
    result, iou = saved(scene, tmp_path / "out")
    assert iou.min() > 0.9
    assert result.worth_checking == ()
    assert max(read_doubts(result.folder)[1].values()) < 0.2


def test_an_object_that_is_lost_is_flagged_where_its_mask_is_wrong(tmp_path: Path) -> None:
    """It moves too fast for the flow."""
    scene = SyntheticScene(24, 120, 214, objects=1, seed=5, speed=6, leaving=False)
    result, iou = saved(scene, tmp_path / "out")
    wrong = np.flatnonzero(iou < 0.5)
    assert len(wrong) == 18
    (stretch,) = result.worth_checking
    assert (stretch.object_id, stretch.name, stretch.last) == (1, "blob", 23)
    assert abs(stretch.first - wrong[0]) <= 2
    doubts = read_doubts(result.folder)[1]
    assert min(doubts[t] for t in range(wrong[0] + 3, 24)) > 0.5 > 0.2 > max(doubts[t] for t in range(3))


@pytest.mark.parametrize("preview", [True, False])
def test_a_mask_that_stays_behind_on_the_ground_is_flagged(preview: bool) -> None:
    """Its points are placed again on the ground from frame 8 on, and the object is elsewhere by frame 16."""
    scene = SyntheticScene(30, 240, 426, objects=1, seed=4, speed=2, leaving=False)
    truth = [scene.masks(t)[0] for t in range(30)]
    queries, owners = scene.sample_queries(20, np.random.default_rng(0))
    tracked = scene.trajectories(queries)
    reviewer = Reviewer(QueryPoints((ObjectQuery(1, 0, queries[:, 1:], name="dog"),)), preview)
    for t in range(30):
        behind = t >= 8
        shown = truth[8] if behind else truth[t]
        frame = FrameResult(
            index=t,
            object_ids=(1,),
            masks=shown[None],
            logits=np.where(shown, 1, -1).astype(np.float32)[None],
            scores=np.float32([0.4 if preview else 0.85]),
            points=tracked.xy[min(t, 8)],
            visibility=np.full(20, Visibility.VISIBLE, np.int8),
            positive=np.ones(20, bool),
            owners=owners,
            placed=np.full(20, 8 if behind else 0),
        )
        reviewer.see(scene[t], frame)
    (stretch,) = reviewer.stretches()
    assert 8 <= stretch.first <= 18
    assert stretch.last >= 24
    assert stretch.reason in (SIGNALS["uprooted"], SIGNALS["colours"])


def test_a_reviewer_knows_its_objects() -> None:
    reviewer = Reviewer(QueryPoints((ObjectQuery(4, 0, [(1, 1)]),)), preview=True)
    assert reviewer.probabilities(4) == []
    assert reviewer.stretches() == []
    with pytest.raises(KeyError, match="no object 5"):
        reviewer.probabilities(5)


def test_doubts_are_read_frame_by_frame(tmp_path: Path) -> None:
    objects = [{"id": 3, "doubt": [0.1, None, 0.9]}, {"id": 4}]
    (tmp_path / "result.json").write_text(json.dumps({"frames": [10, 12, 14], "objects": objects}))
    assert read_doubts(tmp_path) == {3: {10: 0.1, 14: 0.9}, 4: {}}


def test_a_folder_without_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"result\.json cannot be read; give a folder"):
        read_doubts(tmp_path)
