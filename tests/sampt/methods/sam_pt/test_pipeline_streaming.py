"""Results come one by one, in bounded memory, the same each time, and leave nothing behind."""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from sampt import ObjectQuery, QueryPoints
from sampt.config.schema import OnLoss, Prompting
from sampt.errors import PromptError
from sampt.methods.frame_points import FramePoints
from sampt.methods.runs import Segmentation
from sampt.methods.sam_pt.prompting import ObjectState
from sampt.methods.sam_pt.reinitialisation import AtHorizon, SimilarArea
from sampt.methods.sam_pt.state_store import StateStore
from sampt.segmenters.grabcut import GrabCutSegmenter
from sampt.trackers.base import Visibility
from sampt.trackers.clip import Clip
from tests.sampt.parts import GREEN, RED, CountedFrames, squares, tiny_segmenter, truth
from tests.sampt.runs import equal, every_horizon, every_reinit, green, model, red, segment


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that all temporary files of a test go to."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


class TestStreaming:
    @pytest.mark.parametrize(
        ("reinit", "ahead"),
        [(None, 1), (OnLoss(), 2), (AtHorizon(4, 4), 8), (SimilarArea(4, 4), 8)],
        ids=["none", "on-loss", "horizon", "similar-area"],
    )
    def test_frames_are_read_as_results_are_asked_for(self, reinit, ahead):
        frames = CountedFrames(squares(40))
        stream = model(reinit).stream(frames, QueryPoints((red(), green())))
        assert max(frames.read, default=0) == 0
        for index, _ in zip(range(30), stream, strict=False):
            assert max(frames.read) <= index + ahead

    @every_horizon
    def test_what_is_kept_does_not_grow(self, reinit):
        """Masks wait for the end of their stretch, and no longer."""
        made = model(reinit, prompting=Prompting(two_pass=False, refinements=0))  # priors would be recorded
        kept = [made.segmenter.in_use() for _ in made.stream(squares(40), QueryPoints((red(), green(10))))]
        assert max(kept) <= 3 * reinit.horizon

    def test_results_know_their_number_beforehand(self):
        stream = model().stream(Clip(squares(), range(0, 12, 3)), QueryPoints((red(),)))
        assert len(stream) == len(list(stream)) == 4

    @every_reinit
    def test_a_seed_repeats_everything(self, reinit):
        clip = squares()
        given = [ObjectQuery(k + 1, 4, mask=truth(clip, c)[4]) for k, c in enumerate((RED, GREEN))]
        made = model(reinit, prompting=Prompting(refinements=0, max_other_points=2), seed=3)
        first = segment(made, clip, *given)
        equal(first, segment(made, clip, *given))
        other = segment(
            model(reinit, prompting=Prompting(refinements=0, max_other_points=2), seed=4), clip, *given
        )
        assert not np.array_equal(first[4].points, other[4].points)

    def test_real_parts_repeat_too(self):
        clip = squares(5)
        for segmenter in (GrabCutSegmenter(), tiny_segmenter()):
            made = model(
                AtHorizon(3, 3), segmenter=segmenter, prompting=Prompting(refinements=1, iou_threshold=None)
            )
            equal(segment(made, clip, red(2), green(2)), segment(made, clip, red(2), green(2)))

    def test_stages_are_timed(self):
        stream = model(AtHorizon(4, 4)).stream(squares(), QueryPoints((red(),)))
        list(stream)
        assert set(stream.stopwatch.seconds) == {"select", "track", "encode", "prompt", "reinit", "upscale"}
        assert all(seconds >= 0 for seconds in stream.stopwatch.seconds.values())

    def test_bad_queries_are_told_before_anything_runs(self):
        with pytest.raises(PromptError, match="query frame 12"):
            model().stream(squares(), QueryPoints((red(12),)))
        with pytest.raises(PromptError, match="objects"):
            model().stream(squares(), QueryPoints(()))


class TestStates:
    """With reinitialisation, frames before the query are kept on disk until they are needed."""

    def test_a_round_trip(self, tmp_path):
        store = StateStore(tmp_path)
        points = FramePoints.at_query(np.float32([(1.5, 2), (3, 4)]), np.float32([(5, 6)]))
        points.visibility[1] = Visibility.REJECTED
        states = {
            2: ObjectState(points, torch.rand(3, 4) - 0.5, 0.75, placed=np.array([0, 4, 4])),
            5: ObjectState(points, lost=True),
        }
        store.put(7, states)
        back = store.take(7)
        assert list(back) == [2, 5]
        for k, state in states.items():
            np.testing.assert_array_equal(back[k].points.xy, state.points.xy)
            np.testing.assert_array_equal(back[k].points.positive, state.points.positive)
            np.testing.assert_array_equal(back[k].points.visibility, state.points.visibility)
            assert back[k].lost is state.lost
            np.testing.assert_array_equal(back[k].placed, state.placed)
        assert torch.equal(back[2].low_res, states[2].low_res) and back[2].score == 0.75
        assert back[5].low_res is None and np.isnan(back[5].score)

    def test_taken_states_are_forgotten(self, tmp_path):
        store = StateStore(tmp_path)
        store.put(0, {0: ObjectState(FramePoints.at_query(np.zeros((1, 2)), np.zeros((0, 2))))})
        assert store.take(0) != {}
        assert store.take(0) == store.take(1) == {}
        assert list(tmp_path.iterdir()) == []

    def test_nothing_is_left_at_the_end(self, temporary):
        segment(model(AtHorizon(4, 4)), squares(), red(8))
        assert list(temporary.iterdir()) == []

    def test_nothing_is_left_of_a_result_that_is_given_up(self, temporary):
        stream = model(AtHorizon(4, 4)).stream(squares(), QueryPoints((red(8),)))
        list(islice(stream, 3))
        assert list(temporary.iterdir()) != []
        del stream
        assert list(temporary.iterdir()) == []

    @pytest.mark.parametrize("at", [10, 2], ids=["forward", "backward"])
    def test_nothing_is_left_after_an_error(self, temporary, at):
        class Faulty(CountedFrames):
            def __getitem__(self, index: int) -> np.ndarray:
                if index == at:
                    raise OSError("cannot read on")
                return super().__getitem__(index)

        stream = model(AtHorizon(4, 4)).stream(Faulty(squares()), QueryPoints((red(8),)))
        with pytest.raises(OSError, match="cannot read on"):
            list(stream)
        assert list(temporary.iterdir()) == []

    def test_vos_mode_needs_none(self, temporary):
        stream = model(AtHorizon(4, 4)).stream(squares(), QueryPoints((red(8),)), backward=False)
        next(stream)
        assert [list(folder.iterdir()) for folder in temporary.iterdir()] in ([], [[]])


def test_a_segmentation_is_an_iterator():
    stream = model().stream(squares(), QueryPoints((red(),)))
    assert isinstance(stream, Segmentation) and iter(stream) is stream
    assert next(stream).index == 0 and next(stream).index == 1
    assert len(list(stream)) == 10
    with pytest.raises(StopIteration):
        next(stream)
