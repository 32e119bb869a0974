"""The methods of a worker, and the embeddings that all its runs on one sequence share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sampt.config import Config
from sampt.methods.base import VideoMethod
from sampt.methods.registry import build_method
from sampt.segmenters.base import PromptableSegmenter
from sampt.segmenters.encoder import FrameEncoder
from sampt.trackers.clip import FrameSource

from .tasks import SequenceTask


class SharedMethods:
    """Methods by the names of their settings, each made when it is first asked for.

    settings: configurations by name. Those with the same segmenter share it and its embeddings.
    """

    def __init__(self, settings: Mapping[str, Config]) -> None:
        self.settings = settings
        self._methods: dict[str, VideoMethod] = {}
        self._segmenters: dict[str, PromptableSegmenter] = {}
        self._encoders: dict[str, FrameEncoder] = {}
        self._sequence: str | None = None

    def __call__(self, task: SequenceTask) -> VideoMethod:
        """The method for a task's setting, with its seed.

        Raises:
            ConfigError, CheckpointError: it cannot be made.
        """
        if task.setting not in self._methods:
            config = self.settings[task.setting]
            key = _segmenter_key(config)
            method = build_method(config, segmenter=self._segmenters.get(key))
            self._methods[task.setting], self._segmenters[key] = method, method.segmenter
        method = self._methods[task.setting]
        method.seed = task.seed
        return method

    @contextmanager
    def encoder(self, task: SequenceTask, video: FrameSource) -> Iterator[FrameEncoder]:
        """What encodes the frames of a task's sequence; it keeps them until another sequence's turn.

        video: the sequence's frames.
        """
        if task.sequence != self._sequence:
            self.forget()
            self._sequence = task.sequence
        key = _segmenter_key(self.settings[task.setting])
        if key not in self._encoders:
            self._encoders[key] = self(task).encoder(video)
        try:
            yield self._encoders[key]
        except BaseException:
            self.forget()  # whatever state it was left in
            raise

    def forget(self) -> None:
        """Give up all embeddings."""
        for encoder in self._encoders.values():
            encoder.close()
        self._encoders.clear()


def _segmenter_key(config: Config) -> str:
    """Equal for configurations whose embeddings are the same."""
    return repr((config.segmenter, config.device, config.dtype, config.compile))


def encoded_since(encoder: FrameEncoder, before: Mapping[str, int]) -> dict[str, int]:
    """What an encoder has done since its ``counts`` were ``before``."""
    return {name: count - before[name] for name, count in encoder.counts.items()}
