"""Trackers get the weights that are theirs, and none that are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sampt.config import load_config
from sampt.errors import CheckpointError, ConfigError
from sampt.methods.registry import build_method
from sampt.trackers.cotracker.first import build_cotracker1
from sampt.trackers.cotracker.models import build_cotracker2, build_cotracker3, build_cotracker3_offline
from sampt.trackers.pips.network import build_pips
from sampt.trackers.raft.weights import build_raft
from sampt.trackers.registry import TRACKERS
from sampt.tracking.building import WholeClip, build_tracker
from sampt.video.frames import ImageStream
from sampt.weights.registry import CHECKPOINTS
from tests.sampt.parts import squares
from tests.trackers.cotracker.case import make_cotracker

MODELS = {
    "raft": build_raft,
    "pips": build_pips,
    "cotracker1": build_cotracker1,
    "cotracker2": build_cotracker2,
    "cotracker3": build_cotracker3,
    "cotracker3-offline": build_cotracker3_offline,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """A checkpoint for each tracker, all zeros, a few kilobytes each: strides may be 0 in a file, too."""
    folder, written = tmp_path_factory.mktemp("weights"), {}
    models = {**MODELS, "raft-small": lambda: build_raft("small")}
    for name, make in models.items():
        with torch.device("meta"):
            shapes = {n: (w.shape, w.dtype) for n, w in make().state_dict().items()}
        state = {n: torch.zeros((), dtype=dtype).expand(shape) for n, (shape, dtype) in shapes.items()}
        written[name] = folder / f"{name}.pth"
        torch.save({"model_state_dict": state, "step": 1} if name == "pips" else state, written[name])
    return written


def test_every_neural_tracker_is_tried():
    assert set(MODELS) == {name for name, tracker in TRACKERS.items() if tracker.weights}


@pytest.mark.parametrize("name", MODELS)
class TestEach:
    def test_is_built_from_its_checkpoint(self, name, files):
        assert build_tracker(name, checkpoint=str(files[name])).name == name

    def test_its_published_weights_are_known(self, name):
        assert TRACKERS[name].checkpoint in CHECKPOINTS

    def test_without_a_network_the_error_says_what_to_fetch(self, name, tmp_path, monkeypatch):
        monkeypatch.setenv("SAMPT_HOME", str(tmp_path))
        monkeypatch.setenv("SAMPT_OFFLINE", "1")
        with pytest.raises(CheckpointError, match=CHECKPOINTS[TRACKERS[name].checkpoint].file):
            build_tracker(name)

    def test_a_configuration_can_choose_it_whatever_the_options_of_the_one_before(self, name, files):
        assert load_config("quick").tracker.options
        config = load_config("quick", [f"tracker.name={name}", f"tracker.checkpoint={files[name]}"])
        tracker = build_method(config).parts.tracker
        assert getattr(tracker, "offline", tracker).options == TRACKERS[name].options()

    def test_weights_of_another_are_refused(self, name, files):
        names = [*MODELS]
        other = names[names.index(name) - 1]
        with pytest.raises(CheckpointError, match=rf"{other}.pth .*{TRACKERS[name].weights[:4]}"):
            build_tracker(name, checkpoint=str(files[other]))

    def test_an_unknown_option_is_found_before_any_weights_are_looked_for(self, name, monkeypatch, tmp_path):
        monkeypatch.setenv("SAMPT_HOME", str(tmp_path))
        monkeypatch.setenv("SAMPT_OFFLINE", "1")
        with pytest.raises(ConfigError, match="'iterations'"):
            build_tracker(name, {"iterationz": 3})


def test_small_raft_is_told_by_its_weights(files):
    tracker = build_tracker("raft", checkpoint=str(files["raft-small"]))
    assert tracker.flow.model.mask_predictor is None


def test_a_checkpoint_for_a_tracker_without_weights():
    with pytest.raises(ConfigError, match=r"dis .*checkpoint"):
        build_tracker("dis", checkpoint="weights.pth")


class TestClipsTooLongForTheWholeClip:
    QUERIES = ((0, 20.0, 20.0), (3, 40.0, 30.0))

    def tracker(self, longest: int) -> WholeClip:
        return WholeClip(make_cotracker("cotracker3-offline"), longest, lambda: make_cotracker("cotracker3"))

    def test_up_to_the_limit_the_offline_tracker_works(self, caplog):
        tracks = self.tracker(longest=12).track(squares(12), self.QUERIES)
        offline = make_cotracker("cotracker3-offline").track(squares(12), self.QUERIES)
        np.testing.assert_array_equal(tracks.xy, offline.xy)
        assert not caplog.records

    def test_beyond_it_the_online_one_does_and_it_is_said(self, caplog):
        tracks = self.tracker(longest=11).track(squares(12), self.QUERIES)
        online = make_cotracker("cotracker3").track(squares(12), self.QUERIES)
        np.testing.assert_array_equal(tracks.xy, online.xy)
        assert "12 frames" in caplog.text and "tracker.whole_clip_frames" in caplog.text

    def test_frames_that_come_one_after_the_other_are_refused(self):
        with pytest.raises(ValueError, match="cotracker3-offline"):
            self.tracker(longest=12).track(ImageStream(iter(squares(12))), self.QUERIES)

    def test_the_limit_is_set_where_trackers_are_built(self, files):
        made = build_tracker(
            "cotracker3-offline",
            {"iterations": 2, "frames_kept": 20},
            str(files["cotracker3-offline"]),
            whole_clip_frames=5,
        )
        assert isinstance(made, WholeClip) and made.name == "cotracker3-offline"
        assert made.offline.options.iterations == 2
