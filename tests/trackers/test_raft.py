from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sampt.trackers.base import Visibility
from sampt.trackers.raft.options import RaftOptions
from sampt.trackers.raft.tracker import Raft, RaftFlow, padding
from sampt.trackers.raft.weights import build_raft, raft_size, torchvision_state

from .raft_case import make_raft


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


def to_original(name: str) -> str:
    """What the original calls a parameter of torchvision's small model."""
    name = name.replace("feature_encoder.", "fnet.").replace("context_encoder.", "cnet.")
    name = re.sub(r"net\.convnormrelu\.0", "net.conv1", name)
    name = re.sub(r"net\.conv\.", "net.conv2.", name)
    name = re.sub(r"convnormrelu(\d)\.0", r"conv\1", name)
    name = name.replace("motion_encoder.conv.0", "encoder.conv")
    name = name.replace("motion_encoder.convcorr1.0", "encoder.convc1")
    name = re.sub(r"motion_encoder\.convflow(\d)\.0", r"encoder.convf\1", name)
    return name.replace("recurrent_block.convgru1.", "gru.")


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_originals_names_are_understood(prefix):
    state = build_raft("small").state_dict()
    original = {prefix + to_original(name): value for name, value in state.items()}
    assert not any("convnormrelu" in name or "recurrent" in name for name in original)
    back = torchvision_state(original)
    assert back.keys() == state.keys()
    assert all(back[name] is state[name] for name in state)


def test_torchvisions_names_are_left_as_they_are(model):
    state = model.state_dict()
    same = torchvision_state(state)
    assert list(same) == list(state)
    assert all(same[name] is state[name] for name in state)


def test_what_the_original_lists_twice_is_taken_from_where_it_is_used():
    once, twice = torch.zeros(96), torch.ones(96)
    state = {"cnet.layer2.0.norm3.weight": once, "cnet.layer2.0.downsample.1.weight": twice}
    assert torchvision_state(state) == {"context_encoder.layer2.0.downsample.1.weight": twice}


def test_an_unknown_name_is_left_for_the_loader_to_refuse():
    assert list(torchvision_state({"fnet.extra.weight": torch.zeros(1)})) == ["feature_encoder.extra.weight"]


@pytest.mark.parametrize(
    "state",
    [
        pytest.param({}, id="empty"),
        pytest.param({"feature_encoder.conv.weight": torch.zeros(64, 96, 1, 1)}, id="another width"),
        pytest.param({"feature_encoder.conv.weight": torch.tensor(1.0)}, id="a number"),
    ],
)
def test_weights_of_something_else_are_refused(state):
    with pytest.raises(ValueError, match="RAFT"):
        raft_size(state)


def test_there_are_two_sizes():
    with pytest.raises(ValueError, match=r"'huge'.*large, small"):
        build_raft("huge")


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
