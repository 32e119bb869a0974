"""Encode every frame once, several together, while the next ones are being read."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch

from sampt.trackers.clip import FrameSource

from .embedding_cache import CacheBudget, EmbeddingCache
from .errors import DeviceMemoryError
from .segmenters.base import Embedding, PromptableSegmenter

logger = logging.getLogger(__name__)


class FrameEncoder:
    """Embeddings of a video's frames, each computed when it is asked for and kept while there is room.

    batch: how many frames are encoded together. With more than one, a thread reads and prepares the next
        batch while this one is computed; the source must then bear being read by two threads.
    calls: how many frames were encoded. The cache counts what was still at hand.
    """

    def __init__(
        self, segmenter: PromptableSegmenter, source: FrameSource, budget: CacheBudget, batch: int = 1
    ) -> None:
        self.segmenter, self.source, self.batch = segmenter, source, batch
        self.cache = EmbeddingCache(segmenter.device, budget, least=batch)
        self.calls = 0
        self._economical = False
        self._thread = ThreadPoolExecutor(1, "sampt-frames") if batch > 1 else None
        self._reading: dict[int, Future[Any]] = {}

    def __call__(self, index: int, following: Sequence[int] = ()) -> Embedding:
        """The embedding of frame ``index`` of the video; ``following`` are those likely to be asked for next.

        Raises:
            DeviceMemoryError: even one frame alone does not fit into the GPU's memory.
        """
        kept = self.cache.get(index)
        if kept is not None:
            return kept
        near = [i for i in following[: 2 * self.batch - 1] if i not in self.cache]
        wanted, later = [index, *near[: self.batch - 1]], near[self.batch - 1 :]
        embeddings = self._encode(wanted, self._read(wanted, later))
        for i, embedding in zip(reversed(wanted), reversed(embeddings), strict=True):
            self.cache.put(i, embedding)  # the farthest first: it is the one to forget
        return embeddings[0]

    def _read(self, wanted: Sequence[int], later: Sequence[int]) -> list[Any]:
        """The wanted frames, prepared; the later ones are begun."""
        if self._thread is None:
            return [self._prepare(i) for i in wanted]
        reading = {i: self._reading.get(i) or self._thread.submit(self._prepare, i) for i in wanted}
        for i in later:
            reading[i] = self._reading.get(i) or self._thread.submit(self._prepare, i)
        for i in self._reading.keys() - reading.keys():
            self._reading[i].cancel()
        frames = [reading.pop(i).result() for i in wanted]
        self._reading = reading
        return frames

    def _prepare(self, index: int) -> Any:
        return self.segmenter.prepare(self.source[index])

    def _encode(self, indices: Sequence[int], frames: Sequence[Any]) -> list[Embedding]:
        self.calls += len(indices)
        try:
            return self.segmenter.encode(frames)
        except torch.OutOfMemoryError as error:
            self.economise(error)
            return [self.segmenter.encode([frame])[0] for frame in frames]

    def economise(self, error: BaseException) -> None:
        """Use less of the GPU's memory from now on, because it has run out; the second time, give up.

        Raises:
            DeviceMemoryError: this has been tried before.
        """
        if self._economical:
            raise DeviceMemoryError(
                f"the memory of {self.segmenter.device} is not enough for {self.segmenter.name}: close other "
                "programs that use it, choose a smaller segmenter such as mobile-sam, or use --device cpu"
            ) from error
        logger.warning(
            "the memory of %s ran out; going on with one frame at a time and embeddings in the host's memory",
            self.segmenter.device,
        )
        self._economical, self.batch = True, 1
        self.cache.shrink()
        if self.segmenter.device.type == "cuda":
            torch.cuda.empty_cache()

    def close(self) -> None:
        """Stop reading ahead."""
        for future in self._reading.values():
            future.cancel()
        if self._thread is not None:
            self._thread.shutdown()
