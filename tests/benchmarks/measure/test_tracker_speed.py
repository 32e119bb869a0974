from __future__ import annotations

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from sampt.benchmarks.measure.tracker_speed import Way, main, measure, network, ways
from sampt.errors import CheckpointError, ConfigError
from sampt.trackers.base import PointTracker, Trajectories

TINY = ["--random-weights", "0", "--frames", "3", "--size", "48x32", "--objects", "2", "--points", "2"]


class Counting(PointTracker):
    """Says that points never move; notes how many it was given, and with what options it was made."""

    name = "counting"
    made: list[dict]
    points: list[int]

    def __init__(self, **options) -> None:
        self.made.append(options)

    def track(self, frames, queries):
        self.points.append(len(queries))
        xy = np.repeat(queries[None, :, 1:], len(frames), axis=0)
        return Trajectories(xy, np.ones(xy.shape[:2], np.int8))


@pytest.fixture
def counting() -> type[Counting]:
    return type("Fresh", (Counting,), {"made": [], "points": []})


@pytest.fixture
def objects() -> list[np.ndarray]:
    """Three objects of 2, 1 and 4 points."""
    return [np.full((n, 3), n, np.float32) for n in (2, 1, 4)]


def test_pips_is_run_with_and_without_shared_features(counting, objects):
    measure(ways("pips", counting), np.zeros((5, 8, 8, 3), np.uint8), objects, repeats=1)
    assert counting.made == [{}, {"reuse_features": False}] and counting.points == [7, 7]


def test_cotracker_is_run_with_all_objects_and_with_a_fresh_tracker_for_each(counting, objects):
    clip = np.zeros((5, 8, 8, 3), np.uint8)
    positions = measure(ways("cotracker3", counting), clip, objects, repeats=1)
    assert counting.points == [7, 2, 1, 4] and len(counting.made) == 4
    np.testing.assert_array_equal(positions[0], positions[1])


def test_ways_take_turns(objects):
    order: list[str] = []

    def way(name: str) -> Way:
        return Way(name, lambda clip, found: order.append(name) or np.zeros((1, 1, 2), np.float32))

    found = [way("a"), way("b")]
    measure(found, np.zeros((1, 8, 8, 3), np.uint8), objects, repeats=2)
    assert order == ["a", "b", "a", "b"] and [len(w.seconds) for w in found] == [2, 2]


def test_random_weights_are_those_of_the_seed_and_leave_other_randomness_alone():
    before = torch.get_rng_state()
    first, again, other = (network("pips", None, seed).vis_predictor[0].weight for seed in (1, 1, 2))
    assert torch.get_rng_state().equal(before)
    assert first.equal(again) and not first.equal(other)


def test_a_checkpoint_or_random_weights_must_be_chosen():
    with pytest.raises(ConfigError, match="--random-weights"):
        network("pips", None, None)


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="pips"):
        network("pips", tmp_path / "other.pth", None)


def test_the_table_has_both_ways_with_the_same_tracks():
    result = CliRunner().invoke(main, [*TINY, "-o", "iterations=1", "-o", "longest_side=null"])
    assert result.exit_code == 0, result.output
    assert "2 objects, 4 points" in result.output
    assert "features once per frame" in result.output and "features per window" in result.output
    assert result.output.count(" 0 px") == 2


def test_an_option_that_the_tracker_lacks_is_named():
    result = CliRunner().invoke(main, [*TINY, "-o", "window=5"])
    assert result.exit_code == 1 and "'window'" in result.output
