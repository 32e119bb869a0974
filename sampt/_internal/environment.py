"""What is installed, and whether it fits together."""

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
    """The versions of everything that can change a result."""
    found = {"sampt": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    return found


def hardware(device: torch.device) -> str:
    """The GPU's name, or the processor's and how many threads torch uses."""
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
    """Make sure that torch and torchvision were built for each other.

    A CPU-only torch beside the package index's torchvision installs without complaint and then breaks in odd
    places.

    Raises:
        SamptError: they do not fit; the message says how to mend it.
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
