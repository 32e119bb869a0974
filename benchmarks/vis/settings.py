"""Configurations of video instance segmentation: the model's, with settings of what is done with it."""

from __future__ import annotations

from dataclasses import dataclass

from sampt.config import Config

from .masklets import VisSettings


@dataclass(frozen=True)
class VisConfig(Config, VisSettings):
    """What a file for ``sampt vis`` and its ``-o`` may hold: see ``load_config``, whose schema this can be.

    All of the model's settings, and beside them ``proposals``, ``redetect``, ``proposal_score`` and
    ``objects_per_batch``.
    """

    def __post_init__(self) -> None:
        Config.__post_init__(self)
        VisSettings.__post_init__(self)
