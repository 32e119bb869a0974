"""Checkpoints that are not what they should be, and one that is."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from sampt.errors import CheckpointError
from sampt.weights.loading import load_checkpoint, load_strictly


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weights.pth"


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.target),)


def fails(path: Path, message: str) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(path)
    assert str(path) in str(caught.value)


class TestLoading:
    def test_what_was_saved(self, path):
        state = {"a.weight": torch.rand(2, 3), "a.count": torch.tensor(7)}
        torch.save(state, path)
        loaded = load_checkpoint(str(path))
        assert list(loaded) == list(state)
        assert all(torch.equal(loaded[name], state[name]) for name in state)

    def test_safetensors(self, tmp_path):
        state = {"a.weight": torch.rand(2, 3), "a.count": torch.tensor(7)}
        save_file(state, tmp_path / "weights.safetensors")
        loaded = load_checkpoint(tmp_path / "weights.safetensors")
        assert set(loaded) == set(state)
        assert all(torch.equal(loaded[name], state[name]) for name in state)

    @pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.99])
    def test_truncated_safetensors(self, tmp_path, share):
        path = tmp_path / "weights.safetensors"
        save_file({"a": torch.rand(100, 100)}, path)
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        fails(path, "corrupt")

    def test_a_pickle_named_safetensors_is_never_run(self, tmp_path):
        harmed, path = tmp_path / "harmed", tmp_path / "weights.safetensors"
        path.write_bytes(pickle.dumps(Payload(harmed)))
        fails(path, "corrupt")
        assert not harmed.exists()

    def test_the_model_in_a_whole_training_state(self, path):
        """The layout of the official checkpoint of PIPS."""
        model = torch.nn.Linear(3, 2)
        optimiser = torch.optim.Adam(model.parameters())
        model(torch.rand(1, 3)).sum().backward()
        optimiser.step()
        torch.save(
            {"optimizer_state_dict": optimiser.state_dict(), "model_state_dict": model.state_dict()}, path
        )
        loaded = load_checkpoint(path)
        assert set(loaded) == {"weight", "bias"}
        assert torch.equal(loaded["weight"], model.weight)

    def test_missing(self, path):
        fails(path, "does not exist")

    def test_a_folder(self, tmp_path):
        fails(tmp_path, "does not exist")

    @pytest.mark.parametrize(
        "content", [b"", b"PK", b"these are no weights\n", b"<!DOCTYPE html><html>", b"\x80"]
    )
    def test_not_a_checkpoint(self, path, content):
        path.write_bytes(content)
        fails(path, "download")

    @pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
    def test_truncated(self, path, share):
        torch.save({"a": torch.rand(100, 100)}, path)
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        fails(path, "download")

    @pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
    def test_code_in_it_is_never_run(self, path, tmp_path, legacy):
        harmed = tmp_path / "harmed"
        torch.save(
            {"a": torch.rand(2), "b": Payload(harmed)}, path, _use_new_zipfile_serialization=not legacy
        )
        fails(path, "tensors")
        assert not harmed.exists()
        torch.load(path, weights_only=False)  # the payload does work
        assert harmed.exists()

    def test_a_plain_pickle_is_never_run(self, path, tmp_path):
        harmed = tmp_path / "harmed"
        path.write_bytes(pickle.dumps(Payload(harmed)))
        fails(path, "tensors")
        assert not harmed.exists()

    @pytest.mark.parametrize(
        "content",
        [
            {"model": {"a": torch.zeros(1)}},
            {"model_state_dict": {"a": 1}},
            [torch.zeros(1)],
            torch.zeros(1),
            {"a": 1},
            {"a": None},
            3,
        ],
        ids=["nested", "nested numbers", "list", "tensor", "numbers", "nothing", "number"],
    )
    def test_not_a_plain_state_dict(self, path, content):
        torch.save(content, path)
        fails(path, "state dict")

    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def test_any_damage_is_a_checkpoint_error(self, tmp_path_factory, data):
        path = tmp_path_factory.mktemp("damaged") / "weights.pth"
        torch.save(
            {"a": torch.rand(3)}, path, _use_new_zipfile_serialization=data.draw(st.booleans(), label="zip")
        )
        content = bytearray(path.read_bytes())
        anywhere = st.integers(0, 2**16)  # torch writes addresses, so the length differs from time to time
        for place in data.draw(st.lists(anywhere, min_size=1, max_size=5)):
            content[place % len(content)] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(anywhere) % (len(content) + 1)])
        try:
            loaded = load_checkpoint(path)
        except CheckpointError as error:
            assert str(path) in str(error)
        else:
            assert all(isinstance(value, torch.Tensor) for value in loaded.values())


class TestStrictness:
    def model(self) -> torch.nn.Module:
        return torch.nn.Linear(3, 2)

    def test_everything_fits(self):
        model = self.model()
        load_strictly(model, {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}, "w.pth", "Linear")
        assert (model.weight == 1).all()

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"bias": None}, "w.pth .*Linear.* bias"),
            ({"more": torch.zeros(1)}, "w.pth .*Linear.* more"),
            ({"weight": torch.zeros(3, 2)}, "w.pth .*Linear.*shape weight"),
            ({f"x{i}": torch.zeros(1) for i in range(9)}, "x0, x1, x2 and 6 more"),
        ],
    )
    def test_differences_are_named(self, change, message):
        state = {"weight": torch.ones(2, 3), "bias": torch.zeros(2), **change}
        model = self.model()
        before = model.weight.clone()
        with pytest.raises(CheckpointError, match=message):
            load_strictly(model, {k: v for k, v in state.items() if v is not None}, "w.pth", "Linear")
        assert torch.equal(model.weight, before)
