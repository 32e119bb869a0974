"""Segment anything in a video from a few points (SAM-PT).

>>> from sampt import QueryPoints, SamPt, Video
>>> model = SamPt.from_config("configs/quick.yaml")
>>> for frame in model.stream(Video("clip.mp4"), QueryPoints.read("points.json")):
...     frame.index, frame.masks, frame.scores
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .methods.base import FrameResult
    from .methods.sam_pt.pipeline import SamPt
    from .prompts.query_points import ObjectQuery, QueryPoints
    from .synthetic.scene import SyntheticScene
    from .video.reader import Video

_LAZY = {
    "FrameResult": ".methods.base",
    "ObjectQuery": ".prompts.object_query",
    "QueryPoints": ".prompts.query_points",
    "SamPt": ".methods.sam_pt.pipeline",
    "SyntheticScene": ".synthetic.scene",
    "Video": ".video.reader",
}
__all__ = [
    "FrameResult",
    "ObjectQuery",
    "QueryPoints",
    "SamPt",
    "SyntheticScene",
    "Video",
    "__version__",
]

# In a checkout, trackers/, benchmarks/ and configs/ lie beside this folder instead of inside it; a wheel
# installed elsewhere would otherwise be shadowed by half a package whenever Python starts in the checkout.
_CHECKOUT = Path(__file__).parent.parent
if (_CHECKOUT / "pyproject.toml").is_file() and (_CHECKOUT / "trackers").is_dir():
    __path__.append(str(_CHECKOUT))


def __getattr__(name: str) -> Any:
    # torch takes a second to import: only those who use the model pay for it.
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name], __name__), name)
