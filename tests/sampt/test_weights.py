"""Checkpoints that are not what they should be, and one that is."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sampt.errors import CheckpointError
from sampt.segmenters import sam
from sampt.segmenters.registry import create_segmenter
from sampt.segmenters.sam import SamSegmenter
from sampt.weights import load_checkpoint, load_strictly

from .parts import tiny_sam


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
        fails(path, "download it again|download the official file again")

    @pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
    def test_code_in_it_is_never_run(self, path, tmp_path, legacy):
        harmed = tmp_path / "harmed"
        torch.save(
            {"a": torch.rand(2), "b": Payload(harmed)}, path, _use_new_zipfile_serialization=not legacy
        )
        fails(path, "it was not run")
        assert not harmed.exists()
        torch.load(path, weights_only=False)  # the payload does work
        assert harmed.exists()

    def test_a_plain_pickle_is_never_run(self, path, tmp_path):
        harmed = tmp_path / "harmed"
        path.write_bytes(pickle.dumps(Payload(harmed)))
        fails(path, "it was not run")
        assert not harmed.exists()

    @pytest.mark.parametrize(
        "content",
        [{"model": {"a": torch.zeros(1)}}, [torch.zeros(1)], torch.zeros(1), {"a": 1}, {"a": None}, 3],
        ids=["nested", "list", "tensor", "numbers", "nothing", "number"],
    )
    def test_not_a_plain_state_dict(self, path, content):
        torch.save(content, path)
        fails(path, "is not a plain state dict")

    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def test_any_damage_is_a_checkpoint_error(self, tmp_path_factory, data):
        path = tmp_path_factory.mktemp("damaged") / "weights.pth"
        torch.save(
            {"a": torch.rand(3)}, path, _use_new_zipfile_serialization=data.draw(st.booleans(), label="zip")
        )
        content = bytearray(path.read_bytes())
        for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=5)):
            content[place] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
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
            ({"bias": None}, "w.pth is not one of Linear: it lacks bias"),
            ({"more": torch.zeros(1)}, "it has, but should not, more"),
            ({"weight": torch.zeros(3, 2)}, "it has in another shape weight"),
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


class TestSamCheckpoint:
    """The table of SAM's variants holds a tiny one instead, told by the width of its position embedding."""

    @pytest.fixture(autouse=True)
    def tiny_variant(self, monkeypatch):
        monkeypatch.setattr(sam, "_BUILDERS", {48: ("ViT-tiny", lambda: tiny_sam(seed=1))})

    def test_loads_what_was_saved(self, path):
        original = tiny_sam(seed=0)
        torch.save(original.state_dict(), path)
        loaded = create_segmenter("sam", str(path))
        frame = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        (ours,), (theirs,) = loaded.encode([frame]), SamSegmenter(original).encode([frame])
        assert torch.equal(ours.features, theirs.features)

    @pytest.mark.parametrize(
        "state",
        [
            {"weight": torch.zeros(2)},
            {"image_encoder.pos_embed": torch.zeros(1, 4, 4, 47)},
            {"image_encoder.pos_embed": torch.tensor(1.0)},
            {},
        ],
        ids=["other names", "other width", "scalar", "empty"],
    )
    def test_another_models(self, path, state):
        torch.save(state, path)
        with pytest.raises(CheckpointError, match="is not one of SAM's") as caught:
            SamSegmenter.from_checkpoint(path)
        assert str(path) in str(caught.value)

    def test_a_relative_with_more_parameters(self, path):
        torch.save({**tiny_sam().state_dict(), "mask_decoder.hf_token.weight": torch.zeros(1, 32)}, path)
        with pytest.raises(CheckpointError, match=r"not one of SAM ViT-tiny.*hf_token") as caught:
            SamSegmenter.from_checkpoint(path)
        assert str(path) in str(caught.value)

    def test_half_of_a_model(self, path):
        state = tiny_sam().state_dict()
        torch.save({k: v for k, v in state.items() if k.startswith("image_encoder")}, path)
        with pytest.raises(CheckpointError, match=r"it lacks prompt_encoder.* more"):
            SamSegmenter.from_checkpoint(path)

    def test_missing(self, path):
        with pytest.raises(CheckpointError, match="does not exist"):
            create_segmenter("sam", str(path))


def test_official_variants_are_told_apart_by_their_width():
    assert {width: name for width, (name, _) in sam._BUILDERS.items()} == {
        768: "ViT-B",
        1024: "ViT-L",
        1280: "ViT-H",
    }
