"""Devices and number formats by name; torch is imported only to look at the hardware."""

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
    """Find out without torch whether this can be a device's name.

    Raises:
        ConfigError: it cannot.
    """
    if _DEVICE.fullmatch(name):
        return
    if name.startswith("cuda"):
        raise ConfigError(f"device: {name} is not valid; write it as cuda, or cuda:0, cuda:1, …")
    raise ConfigError(f"device: {unknown_name('device', name, ['auto', 'cpu', 'cuda'])}")


def check_dtype(name: str) -> None:
    """
    Raises:
        ConfigError: no number format is called so.
    """
    if name not in DTYPES:
        raise ConfigError(f"dtype: {unknown_name('dtype', name, DTYPES)}")


def choose_device(name: str) -> torch.device:
    """The device of that name; "auto" is CUDA where there is one.

    Raises:
        ConfigError: there is no such device here.
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
    """float32 or bfloat16; "auto" is bfloat16 on CUDA.

    Raises:
        ConfigError: there is no such number format.
    """
    import torch

    check_dtype(name)
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]
