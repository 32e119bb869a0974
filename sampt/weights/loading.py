"""Checkpoint files, loaded without running any code inside them."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sampt.errors import CheckpointError

_TRAINING_STATE = "model_state_dict"
"""Key under which the checkpoint of PIPS holds the weights, next to the optimiser's state."""


def load_checkpoint(path: str | Path) -> dict[str, Tensor]:
    """State dict of a ``.pt``, ``.pth`` or ``.safetensors`` file, on the CPU.

    Only tensors and plain containers are unpickled (``weights_only=True``). If the file holds a whole
    training state, as the official one of PIPS does, the model's part of it is returned.

    Raises:
        CheckpointError: the file is missing, corrupt, or holds anything but named tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(
            f"checkpoint {path} does not exist: give the path of a downloaded checkpoint file"
        )
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=False)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"checkpoint {path} holds more than tensors, or is not a checkpoint, and was not loaded: "
            "download the official file again"
        ) from error
    except Exception as error:  # a damaged pickle can make torch fail in any way
        raise CheckpointError(f"checkpoint {path} is corrupt or incomplete: download it again") from error
    if isinstance(state, Mapping) and isinstance(state.get(_TRAINING_STATE), Mapping):
        state = state[_TRAINING_STATE]
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(
            f"checkpoint {path} is not a plain state dict of named tensors; give one that is"
        )
    return dict(state)


def load_strictly(model: nn.Module, state: Mapping[str, Tensor], path: str | Path, expected: str) -> None:
    """Load ``state`` into ``model``; names and shapes must match exactly.

    Raises:
        CheckpointError: they do not; names the file, the expected model and the first few differences.
    """
    wanted = model.state_dict()
    missing = [name for name in wanted if name not in state]
    surplus = [name for name in state if name not in wanted]
    reshaped = [name for name in wanted if name in state and wanted[name].shape != state[name].shape]
    for problem, names in (
        ("lacks", missing),
        ("has with another shape", reshaped),
        ("has, but should not,", surplus),
    ):
        if names:
            shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            raise CheckpointError(f"checkpoint {path} is not one of {expected}: it {problem} {shown}")
    model.load_state_dict(dict(state))
