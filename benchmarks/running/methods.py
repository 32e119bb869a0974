"""The methods of a worker, and the embeddings that all its runs on a sequence share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sampt.config import Config
from sampt.config.schema import WorkingSize
from sampt.methods.base import VideoMethod
from sampt.methods.registry import build_method
from sampt.segmenters.base import PromptableSegmenter
from sampt.segmenters.encoder import FrameEncoder
from sampt.trackers.clip import FrameSource

from .tasks import SequenceTask


class SharedMethods:
    """The methods of several settings, each made when it is first used.

    Args:
        settings: configurations by name. Those with the same segmenter share it, and those with the same
            working size also its embeddings.
    """

    def __init__(self, settings: Mapping[str, Config]) -> None:
        self.settings = settings
        self._methods: dict[str, VideoMethod] = {}
        self._segmenters: dict[str, PromptableSegmenter] = {}
        self._encoders: dict[tuple[str, WorkingSize], FrameEncoder] = {}
        self._sequence: str | None = None

    def __call__(self, task: SequenceTask) -> VideoMethod:
        """The method for a task's setting, with its seed.

        Raises:
            ConfigError: the setting is invalid.
            CheckpointError: a checkpoint is missing, or cannot be downloaded.
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
        """A context with the encoder of a sequence's frames, which keeps embeddings until the next sequence.

        Args:
            task: says which sequence and setting.
            video: the sequence's frames, whose size may depend on the configuration's working size.

        Yields:
            The encoder.
        """
        if task.sequence != self._sequence:
            self.forget()
            self._sequence = task.sequence
        config = self.settings[task.setting]
        key = _segmenter_key(config), config.working_size
        if key not in self._encoders:
            self._encoders[key] = self(task).encoder(video)
        try:
            yield self._encoders[key]
        except BaseException:
            self.forget()  # its state is unknown
            raise

    def forget(self) -> None:
        """Discard all embeddings."""
        for encoder in self._encoders.values():
            encoder.close()
        self._encoders.clear()


def _segmenter_key(config: Config) -> str:
    """A key that is equal for configurations with the same embeddings of the same frames."""
    return repr((config.segmenter, config.device, config.dtype, config.compile))


def encoded_since(encoder: FrameEncoder, before: Mapping[str, int]) -> dict[str, int]:
    """The increase of an encoder's ``counts`` since they were ``before``."""
    return {name: count - before[name] for name, count in encoder.counts.items()}
