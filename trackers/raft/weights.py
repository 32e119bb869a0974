"""RAFT's weights: renamed from the original to torchvision, and told apart by size."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor
from torchvision.models.optical_flow import RAFT, raft_large, raft_small

from ..names import unknown_name

_BUILDERS = {"large": raft_large, "small": raft_small}
_FEATURES = {256: "large", 128: "small"}
"""Number of channels of the feature maps, which tells the sizes apart."""

# From the original's names to torchvision's; the first pattern that matches is used.
_RENAMINGS = [
    (re.compile(pattern), replacement)
    for pattern, replacement in [
        (r"^(fnet|cnet)\.conv1\.", r"\1.convnormrelu.0."),
        (r"^(fnet|cnet)\.norm1\.", r"\1.convnormrelu.1."),
        (r"^(fnet|cnet)\.conv2\.", r"\1.conv."),
        (r"^(fnet|cnet)\.(layer\d\.\d)\.conv(\d)\.", r"\1.\2.convnormrelu\3.0."),
        (r"^(fnet|cnet)\.(layer\d\.\d)\.norm(\d)\.", r"\1.\2.convnormrelu\3.1."),
        (r"^update_block\.encoder\.conv\.", "update_block.motion_encoder.conv.0."),
        (r"^update_block\.encoder\.convc(\d)\.", r"update_block.motion_encoder.convcorr\1.0."),
        (r"^update_block\.encoder\.convf(\d)\.", r"update_block.motion_encoder.convflow\1.0."),
        (r"^update_block\.gru\.(conv[zrq])(\d)\.", r"update_block.recurrent_block.convgru\2.\1."),
        (r"^update_block\.gru\.(conv[zrq])\.", r"update_block.recurrent_block.convgru1.\1."),
        (r"^update_block\.mask\.0\.", "mask_predictor.convrelu.0."),
        (r"^update_block\.mask\.2\.", "mask_predictor.conv."),
    ]
]
_ENCODERS = {"fnet.": "feature_encoder.", "cnet.": "context_encoder."}
_SHORTCUT_NORM = re.compile(r"^((?:fnet|cnet)\.layer\d\.\d)\.norm3\.(.+)$")


def build_raft(size: str = "large") -> RAFT:
    """torchvision's RAFT with random weights.

    Raises:
        ValueError: ``size`` is neither "large" nor "small".
    """
    if size not in _BUILDERS:
        raise ValueError(unknown_name("size of RAFT", size, _BUILDERS))
    return _BUILDERS[size](weights=None, progress=False)


def torchvision_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights under torchvision's names, whether they have these already or the original's.

    The original's names may begin with ``module.``. Unknown names are kept, so that loading the weights
    reports them.
    """
    bare = {name.removeprefix("module."): value for name, value in state.items()}
    return {_renamed(name): value for name, value in bare.items() if not _is_alias(name, bare)}


def raft_size(state: Mapping[str, Tensor]) -> str:
    """The size, "large" or "small", of the network that weights under torchvision's names belong to.

    Raises:
        ValueError: they are not RAFT's.
    """
    last = state.get("feature_encoder.conv.weight")
    size = None if last is None or last.ndim == 0 else _FEATURES.get(len(last))
    if size is None:
        raise ValueError(
            "these are not the weights of RAFT; give a checkpoint of torchvision's RAFT or of the original"
        )
    return size


def _is_alias(name: str, state: Mapping[str, Tensor]) -> bool:
    """Whether the original also lists this parameter under another name, which takes precedence."""
    match = _SHORTCUT_NORM.match(name)
    return match is not None and f"{match[1]}.downsample.1.{match[2]}" in state


def _renamed(name: str) -> str:
    for pattern, replacement in _RENAMINGS:
        if pattern.match(name):
            name = pattern.sub(replacement, name)
            break
    for ours, theirs in _ENCODERS.items():
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    return name
