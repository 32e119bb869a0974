"""Installed versions, the hardware, and a check that they fit together."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from sampt.errors import SamptError
from sampt.version import __version__

if TYPE_CHECKING:
    import torch

PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "opencv-python-headless",
    "av",
    "segment-anything",
)


def versions() -> dict[str, str]:
    """Versions of everything that can change a result."""
    found = {"sampt": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    return found


def hardware(device: torch.device) -> str:
    """Name of the GPU, or of the processor with the number of threads that torch uses."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return f"{model}, {torch.get_num_threads()} threads"


def check_torchvision() -> None:
    """Check that torch and torchvision were built for each other.

    A CPU-only torch beside the package index's torchvision installs without complaint and then breaks in odd
    places.

    Raises:
        SamptError: they do not fit; the message says how to fix it.
    """
    try:
        import torchvision.ops  # noqa: F401
    except (RuntimeError, ImportError, OSError, AttributeError) as error:
        have = versions()
        raise SamptError(
            f"torch {have['torch']} and torchvision {have['torchvision']} do not fit together "
            f"({str(error).splitlines()[0]}); install a matching pair: "
            "pip install --force-reinstall torch torchvision"
        ) from error
