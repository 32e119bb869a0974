"""Segment anything in a video from points, boxes or masks.

>>> from sampt import QueryPoints, SamPt, save
>>> model = SamPt.from_config("quick")
>>> with model.stream("clip.mp4", QueryPoints.click(1, frame=0, xy=(320, 180))) as segmentation:
...     save(segmentation, "out")

Everything public is in ``dir(sampt)``, and is imported when first used, since torch takes a second.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from sampt.methods.results import FrameResult, ObjectResult

    from .config import Config, load_config
    from .errors import (
        CheckpointError,
        ConfigError,
        DatasetError,
        DeviceMemoryError,
        EngineError,
        EvaluationError,
        OutputError,
        PromptError,
        SamptError,
        VideoError,
    )
    from .interactive.session import InteractiveSession
    from .methods.base import VideoMethod
    from .methods.registry import build_method
    from .methods.runs import Segmentation
    from .methods.sam_pt.pipeline import SamPt
    from .methods.tracks import track
    from .output.outputs import Outputs
    from .output.writer import ResultWriter, save
    from .prompts.object_query import ObjectQuery
    from .prompts.query_points import QueryPoints
    from .proposals.generator import Proposal, propose
    from .proposals.settings import ProposalSettings
    from .synthetic.scene import SyntheticScene
    from .video.camera import Camera
    from .video.reader import Video
    from .video.writer import VideoWriter

_HOMES = {
    "config": ("Config", "load_config"),
    "errors": (
        *("CheckpointError", "ConfigError", "DatasetError", "DeviceMemoryError", "EngineError"),
        *("EvaluationError", "OutputError", "PromptError", "SamptError", "VideoError"),
    ),
    "interactive.session": ("InteractiveSession",),
    "methods.base": ("VideoMethod",),
    "methods.runs": ("Segmentation",),
    "methods.results": ("FrameResult", "ObjectResult"),
    "methods.registry": ("build_method",),
    "methods.sam_pt.pipeline": ("SamPt",),
    "methods.tracks": ("track",),
    "output.outputs": ("Outputs",),
    "output.writer": ("ResultWriter", "save"),
    "prompts.object_query": ("ObjectQuery",),
    "prompts.query_points": ("QueryPoints",),
    "proposals.generator": ("Proposal", "propose"),
    "proposals.settings": ("ProposalSettings",),
    "synthetic.scene": ("SyntheticScene",),
    "video.camera": ("Camera",),
    "video.reader": ("Video",),
    "video.writer": ("VideoWriter",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Camera",
    "CheckpointError",
    "Config",
    "ConfigError",
    "DatasetError",
    "DeviceMemoryError",
    "EngineError",
    "EvaluationError",
    "FrameResult",
    "InteractiveSession",
    "ObjectQuery",
    "ObjectResult",
    "OutputError",
    "Outputs",
    "PromptError",
    "Proposal",
    "ProposalSettings",
    "QueryPoints",
    "ResultWriter",
    "SamPt",
    "SamptError",
    "Segmentation",
    "SyntheticScene",
    "Video",
    "VideoError",
    "VideoMethod",
    "VideoWriter",
    "__version__",
    "build_method",
    "load_config",
    "propose",
    "save",
    "track",
]

# In a checkout, trackers/, benchmarks/ and configs/ lie beside this folder instead of inside it; a wheel
# installed elsewhere would otherwise be shadowed by half a package whenever Python starts in the checkout.
_CHECKOUT = Path(__file__).parent.parent
if (_CHECKOUT / "pyproject.toml").is_file() and (_CHECKOUT / "trackers").is_dir():
    __path__.append(str(_CHECKOUT))


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
