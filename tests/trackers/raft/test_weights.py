"""RAFT's weights, under the names of the original and of torchvision."""

from __future__ import annotations

import re

import pytest
import torch

from sampt.trackers.raft.weights import build_raft, raft_size, torchvision_state


@pytest.fixture(params=["large", "small"])
def model(request):
    torch.manual_seed(3)
    return build_raft(request.param)


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
