from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sampt.trackers.base import Visibility
from sampt.trackers.raft.options import RaftOptions
from sampt.trackers.raft.tracker import Raft, RaftFlow, padding
from sampt.trackers.raft.weights import build_raft

from .case import make_raft


@pytest.fixture(params=["large", "small"])
def model(request):
    torch.manual_seed(3)
    return build_raft(request.param)


def uniform_raft(dx: float, dy: float, **options) -> Raft:
    """A tracker whose every flow is the same everywhere, (dx, dy) px of the frames worked on."""
    tracker = make_raft(calm=0.0, iterations=1, **options)
    with torch.no_grad():
        tracker.flow.model.update_block.flow_head.conv2.bias.copy_(torch.tensor([dx, dy]) / 8)
    return tracker


def test_the_flow_is_torchvisions(model, make_translating):
    flow = RaftFlow(model, RaftOptions(iterations=3))
    clip = make_translating(frames=2, height=128, width=136)
    first, second = (2 * (torch.from_numpy(f).permute(2, 0, 1)[None].float() / 255) - 1 for f in clip)
    with torch.inference_mode():
        expected = model(first, second, num_flow_updates=3)[-1][0].permute(1, 2, 0).numpy()
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(flow(*map(flow.prepare, clip)), expected, atol=1e-3)


def test_frames_are_padded_by_their_edges(make_translating):
    flow = make_raft(calm=1.0).flow
    clip = make_translating(frames=2, height=131, width=141)
    padded = np.pad(clip, [(0, 0), (2, 3), (1, 2), (0, 0)], mode="edge")
    whole = flow(*map(flow.prepare, padded))
    assert whole.shape == (136, 144, 2)
    np.testing.assert_array_equal(flow(*map(flow.prepare, clip)), whole[2:-3, 1:-2])


@given(side=st.integers(1, 5000))
def test_padding_is_the_least_that_raft_takes_and_even(side):
    before, after = padding(side)
    whole = before + side + after
    assert whole % 8 == 0 and whole >= 128
    assert whole == 128 or whole - side < 8
    assert after - before in (0, 1)


def test_a_frame_is_encoded_once_for_all_its_flows_and_both_directions(make_translating):
    tracker = make_raft()
    calls: Counter[str] = Counter()
    for name in ("feature_encoder", "context_encoder", "update_block"):
        getattr(tracker.flow.model, name).register_forward_hook(lambda *_, name=name: calls.update([name]))
    clip = make_translating(frames=4)
    tracker.track(clip, [[2, 60, 40]])
    tracker.track(clip, [[0, 30, 40], [3, 80, 60]])
    assert calls == {"feature_encoder": 4, "context_encoder": 4, "update_block": 2 * 6}


def test_no_correlations_are_kept_between_flows(make_translating):
    tracker = make_raft()
    tracker.track(make_translating(frames=2), [[0, 60, 40]])
    assert not tracker.flow.model.corr_block.corr_pyramid


def test_large_frames_are_worked_on_at_max_side(make_translating):
    tracker = uniform_raft(1.5, -1.0, max_side=64, occlusion=False)
    tracks = tracker.track(make_translating(frames=3), [[0, 30, 40]])
    np.testing.assert_allclose(tracks.xy[:, 0], [[30, 40], [33, 38], [36, 36]], atol=1e-4)


def test_a_step_that_does_not_lead_back_is_not_seen(make_translating):
    clip = make_translating(frames=3)
    there_and_further = uniform_raft(4, 0)
    assert there_and_further.track(clip, [[0, 30, 40]]).visibility[:, 0].tolist() == [1, 0, 0]


def test_without_occlusion_a_point_is_seen_while_it_is_inside_the_frame(make_translating):
    clip = make_translating(frames=4)
    tracks = uniform_raft(30, 0, occlusion=False, margin=float("inf")).track(clip, [[0, 60, 40]])
    np.testing.assert_allclose(tracks.xy[:, 0, 0], [60, 90, 120, 150], atol=1e-4)
    assert tracks.visibility[:, 0].tolist() == [1, 1, 1, Visibility.INVISIBLE]


def test_bfloat16_gives_nearly_the_same_flow(model, make_translating):
    clip = make_translating(frames=2)
    options = RaftOptions(iterations=2)
    exact, rounded = (RaftFlow(model, options, dtype=dtype) for dtype in (torch.float32, torch.bfloat16))
    expected = exact(*map(exact.prepare, clip))
    flow = rounded(*map(rounded.prepare, clip))
    assert flow.dtype == np.float32
    assert 0 < np.abs(flow - expected).mean() < 0.05 * np.abs(expected).mean()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("dtype", torch.float16),
        ("iterations", 0),
        ("max_side", 0),
        ("tolerance", -0.1),
        ("relative_tolerance", -0.1),
        ("patience", 0),
        ("margin", -1),
    ],
)
def test_options_out_of_range_are_named(option, value):
    with pytest.raises(ValueError, match=rf"\b{option}\b"):
        make_raft(**{option: value})
