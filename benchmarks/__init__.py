"""Benchmarks of video segmentation: datasets, measures, and complete runs with one call.

>>> from sampt.benchmarks import DatasetChoice, run_vos
>>> done = run_vos(DatasetChoice("davis2017", "DAVIS"), "quick", "results/davis2017-val-quick")
>>> done.means, done.failures
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .ablations.benchmark import SweepRun, run_sweep
    from .datasets.base import DatasetChoice
    from .interactive.benchmark import InteractiveRun, run_interactive_benchmark
    from .interactive.walks import Rules
    from .running.runner import BenchmarkRun
    from .running.wandb_log import WandbLog
    from .running.workers import Engine
    from .vis.benchmark import VisRun, run_vis
    from .vos.benchmark import run_vos
    from .vos.evaluation import Evaluation, evaluate

_LAZY = {
    "BenchmarkRun": ".running.runner",
    "DatasetChoice": ".datasets.base",
    "Engine": ".running.workers",
    "Evaluation": ".vos.evaluation",
    "InteractiveRun": ".interactive.benchmark",
    "Rules": ".interactive.walks",
    "SweepRun": ".ablations.benchmark",
    "VisRun": ".vis.benchmark",
    "WandbLog": ".running.wandb_log",
    "evaluate": ".vos.evaluation",
    "run_interactive_benchmark": ".interactive.benchmark",
    "run_sweep": ".ablations.benchmark",
    "run_vis": ".vis.benchmark",
    "run_vos": ".vos.benchmark",
}
__all__ = [
    "BenchmarkRun",
    "DatasetChoice",
    "Engine",
    "Evaluation",
    "InteractiveRun",
    "Rules",
    "SweepRun",
    "VisRun",
    "WandbLog",
    "evaluate",
    "run_interactive_benchmark",
    "run_sweep",
    "run_vis",
    "run_vos",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name], __name__), name)


def __dir__() -> list[str]:
    return __all__
