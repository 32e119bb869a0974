"""Encoder that encodes each frame once, in batches, while the next frames are read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import torch

from sampt.config.schema import CacheBudget
from sampt.errors import DeviceMemoryError
from sampt.trackers.clip import Source

from .base import Embedding, PromptableSegmenter
from .embedding_cache import EmbeddingCache

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class FrameEncoder:
    """Embeddings of a video's frames, computed on request and kept while there is room.

    Args:
        segmenter: segmenter that encodes the frames.
        source: frames by index.
        budget: memory budget of the cache.
        batch: number of frames that are encoded together. With more than one, a thread reads and prepares the
            next batch meanwhile; two threads must then be able to read the source.

    Attributes:
        calls: number of frames that were encoded; the cache counts its hits.
    """

    def __init__(
        self, segmenter: PromptableSegmenter, source: Source, budget: CacheBudget, batch: int = 1
    ) -> None:
        self.segmenter, self.source, self.batch = segmenter, source, batch
        self.cache = EmbeddingCache(segmenter.device, budget, least=batch)
        self.calls = 0
        self._economical = False
        self._thread = ThreadPoolExecutor(1, "sampt-frames") if batch > 1 else None
        self._reading: dict[int, Future[Any]] = {}

    def __call__(self, index: int, following: Sequence[int] = ()) -> Embedding:
        """The embedding of frame ``index``; ``following`` are the frames that are likely to be next.

        Raises:
            DeviceMemoryError: the GPU's memory is too small even for a single frame.
        """
        kept = self.cache.get(index)
        if kept is not None:
            return kept
        near = [i for i in following[: 2 * self.batch - 1] if i not in self.cache]
        wanted, later = [index, *near[: self.batch - 1]], near[self.batch - 1 :]
        embeddings = self._encode(wanted, self._read(wanted, later))
        for i, embedding in zip(reversed(wanted), reversed(embeddings), strict=True):
            self.cache.put(i, embedding)  # the farthest first: it is dropped first
        return embeddings[0]

    @property
    def counts(self) -> dict[str, int]:
        """Number of encoded frames, and of hits and misses of the cache."""
        cache = self.cache
        hits = {"device_hits": cache.device_hits, "host_hits": cache.host_hits, "disk_hits": cache.disk_hits}
        return {"frames": self.calls, **hits, "misses": cache.misses}

    def _read(self, wanted: Sequence[int], later: Sequence[int]) -> list[Any]:
        """The wanted frames, prepared; preparing the later ones is started."""
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
        encode = self.segmenter.encode
        return self.sparing(lambda: encode(frames), lambda: [encode([frame])[0] for frame in frames])

    def sparing(self, work: Callable[[], Result], again: Callable[[], Result]) -> Result:
        """Result of ``work``, or of ``again`` with less memory in use if the GPU's memory runs out.

        Raises:
            DeviceMemoryError: the memory runs out again, now or later.
        """
        try:
            return work()
        except torch.OutOfMemoryError as error:
            if self._economical:
                raise self._too_small() from error
        self._economise()  # here, because the error above kept tensors alive
        try:
            return again()
        except torch.OutOfMemoryError as error:
            raise self._too_small() from error

    def _economise(self) -> None:
        logger.warning(
            "the memory of %s ran out; continuing with one frame at a time and embeddings in host memory",
            self.segmenter.device,
        )
        self._economical, self.batch = True, 1
        self.cache.shrink()
        if self.segmenter.device.type == "cuda":
            torch.cuda.empty_cache()

    def _too_small(self) -> DeviceMemoryError:
        return DeviceMemoryError(
            f"the memory of {self.segmenter.device} is not enough for {self.segmenter.name}: close other "
            "programs that use it, choose a smaller segmenter such as mobile-sam, or use --device cpu"
        )

    def close(self) -> None:
        """Stop reading ahead, and remove the files on disk."""
        self.cache.close()
        for future in self._reading.values():
            future.cancel()
        if self._thread is not None:
            self._thread.shutdown()
