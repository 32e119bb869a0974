"""Devices and number formats by name."""

from __future__ import annotations

import torch

from sampt.errors import ConfigError

from .names import unknown_name

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def choose_device(name: str) -> torch.device:
    """The device of that name; "auto" is CUDA where there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda") and not name.startswith("cuda:"):
        raise ConfigError(f"device: {unknown_name('device', name, ['auto', 'cpu', 'cuda'])}")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError("device: cuda was asked for, but torch finds no CUDA device; use cpu or auto")
    try:
        device = torch.device(name)
        if (device.index or 0) >= max(1, torch.cuda.device_count()):
            raise ConfigError(f"device: there is no {name}, only {torch.cuda.device_count()} CUDA devices")
        return device
    except RuntimeError as error:
        raise ConfigError(f"device: {name} is not valid; write it as cuda, or cuda:0, cuda:1, …") from error


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """float32 or bfloat16; "auto" is bfloat16 on CUDA."""
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if name not in DTYPES:
        raise ConfigError(f"dtype: {unknown_name('dtype', name, ['auto', *DTYPES])}")
    return DTYPES[name]
