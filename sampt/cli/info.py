"""``sampt info``: versions, the device, and the available methods and models."""

from __future__ import annotations

import click
from rich.console import Console

from sampt._internal.devices import choose_device
from sampt._internal.environment import check_torchvision, versions
from sampt.config.loading import PAPER, packaged_configs
from sampt.errors import SamptError
from sampt.methods.registry import METHODS
from sampt.methods.sam_pt.reinitialisation import STRATEGIES
from sampt.methods.sam_pt.samplers import sampler_names
from sampt.segmenters.registry import segmenter_names
from sampt.trackers.registry import tracker_names


@click.command()
def command() -> None:
    """Show versions, the device, and the available methods and models."""
    console = Console(highlight=False, soft_wrap=True)
    configs = packaged_configs()
    count = sum(name.startswith(f"{PAPER}/") for name in configs)
    for package, version in versions().items():
        console.print(f"{package:24}{version}")
    console.print(f"{'device':24}{_device()}")
    for title, names in (
        ("methods", METHODS),
        ("trackers", tracker_names()),
        ("segmenters", segmenter_names()),
        ("samplers", sampler_names()),
        ("reinitialisation", STRATEGIES),
        ("configurations", [name for name in configs if not name.startswith(f"{PAPER}/")]),
        ("  of published rows", [f"{count} in {PAPER}/; `sampt reproduce` lists them"]),
    ):
        console.print(f"{title:24}{', '.join(names)}")
    console.print("Checkpoints are downloaded when first needed; see `sampt weights list`.")
    try:
        check_torchvision()
    except SamptError as error:
        console.print(f"Problem: {error}", markup=False)


def _device() -> str:
    import torch

    device = choose_device("auto")
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"cpu ({torch.get_num_threads()} threads)"
