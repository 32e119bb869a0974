"""Models that need no download, built when they are first chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from sampt._internal.names import unknown_name
from sampt.config import Config
from sampt.errors import ConfigError
from sampt.methods.base import VideoMethod
from sampt.methods.registry import build_method
from sampt.segmenters.base import PromptableSegmenter
from sampt.segmenters.registry import segmenter_names
from sampt.trackers.registry import TRACKERS, tracker_names
from sampt.weights.download import state
from sampt.weights.registry import CHECKPOINTS


@dataclass(frozen=True)
class PartNames:
    """A segmenter and a tracker, by name."""

    segmenter: str
    tracker: str


class ModelMenu:
    """Models that visitors can choose from; visitors share models, and models share segmenters.

    Args:
        settings: returns the configuration of a choice.
        first: choice of a new visitor; it can always be chosen, even if its weights are unknown here.
    """

    def __init__(self, settings: Callable[[PartNames], Config], first: PartNames) -> None:
        self._settings, self.first = settings, first
        self._made: dict[PartNames, VideoMethod] = {}
        self._segmenters: dict[str, PromptableSegmenter] = {}
        self._lock = Lock()

    @property
    def segmenters(self) -> list[str]:
        """Names of the segmenters, starting with the one that needs no weights."""
        return [n for n in segmenter_names() if n == self.first.segmenter or _here(n)]

    @property
    def trackers(self) -> list[str]:
        """Names of the trackers, starting with those that need no weights."""
        weights = {name: tracker.checkpoint for name, tracker in TRACKERS.items()}
        return [n for n in tracker_names() if n == self.first.tracker or _here(weights.get(n))]

    def __getitem__(self, choice: PartNames) -> VideoMethod:
        """The model of a choice, built if necessary.

        Raises:
            ConfigError: there is no such segmenter or tracker here.
            CheckpointError: its weights are damaged.
        """
        for kind, name, here, every in (
            ("segmenter", choice.segmenter, self.segmenters, segmenter_names()),
            ("tracker", choice.tracker, self.trackers, tracker_names()),
        ):
            if name not in every:
                raise ConfigError(unknown_name(kind, name, every))
            if name not in here:
                raise ConfigError(
                    f"the weights of {name} are not downloaded; run `sampt weights download`, or choose one "
                    f"of {', '.join(here)}"
                )
        with self._lock:
            if choice not in self._made:
                model = build_method(self._settings(choice), segmenter=self._segmenters.get(choice.segmenter))
                self._made[choice] = model
                self._segmenters[choice.segmenter] = model.segmenter
            return self._made[choice]


def _here(checkpoint: str | None) -> bool:
    """Whether a checkpoint needs no download."""
    return checkpoint not in CHECKPOINTS or state(CHECKPOINTS[checkpoint]) == "here"
