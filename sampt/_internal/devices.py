"""Devices and dtypes by name; torch is imported only to look at the hardware."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sampt.errors import ConfigError

from .names import unknown_name

if TYPE_CHECKING:
    import torch

DTYPES = ("auto", "float32", "bfloat16")

_DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]+)?")


def check_device(name: str) -> None:
    """Check without torch that ``name`` can be a device.

    Raises:
        ConfigError: it cannot be one.
    """
    if _DEVICE.fullmatch(name):
        return
    if name.startswith("cuda"):
        raise ConfigError(f"device: {name} is not valid; write it as cuda, or cuda:0, cuda:1, …")
    raise ConfigError(f"device: {unknown_name('device', name, ['auto', 'cpu', 'cuda'])}")


def check_dtype(name: str) -> None:
    """Check that ``name`` is a dtype.

    Raises:
        ConfigError: it is not.
    """
    if name not in DTYPES:
        raise ConfigError(f"dtype: {unknown_name('dtype', name, DTYPES)}")


def choose_device(name: str) -> torch.device:
    """The device called ``name``; "auto" is CUDA if available.

    Raises:
        ConfigError: this machine has no such device.
    """
    import torch

    check_device(name)
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError("device: cuda was asked for, but torch finds no CUDA device; use cpu or auto")
    device = torch.device(name)
    if (device.index or 0) >= max(1, torch.cuda.device_count()):
        raise ConfigError(f"device: there is no {name}, only {torch.cuda.device_count()} CUDA devices")
    return device


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """The dtype called ``name``; "auto" is bfloat16 on CUDA and float32 elsewhere.

    Raises:
        ConfigError: there is no such dtype.
    """
    import torch

    check_dtype(name)
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]
