"""Cache of embeddings: on the segmenter's device, then in host memory, then on disk."""

from __future__ import annotations

from collections import OrderedDict

import torch

from sampt.config.schema import CacheBudget

from .base import Embedding
from .embedding_files import EmbeddingFiles


class EmbeddingCache:
    """Embeddings by frame number; the least recently used ones move from the device to the host, then out.

    Args:
        device: device of the segmenter.
        budget: maximum number of bytes in each tier.
        least: minimum number of embeddings in the first tier, whatever the budget.

    Attributes:
        device_hits: number of requests that were found on the device.
        host_hits: number of requests that were found in host memory.
        disk_hits: number of requests that were found on disk.
        misses: number of requests that were not found.
    """

    def __init__(self, device: torch.device, budget: CacheBudget, least: int = 1) -> None:
        self.device, self.least = device, least
        self.device_hits = self.host_hits = self.disk_hits = self.misses = 0
        on_gpu = device.type != "cpu"
        self._device = _Tier(budget.device_bytes if on_gpu else 0)
        self._host = _Tier(budget.host_bytes)
        self._files = EmbeddingFiles(budget.disk_bytes)
        self._first = self._device if on_gpu else self._host

    def __contains__(self, index: int) -> bool:
        return index in self._device.kept or index in self._host.kept or index in self._files

    def __len__(self) -> int:
        return len(self._device.kept) + len(self._host.kept)

    @property
    def nbytes(self) -> int:
        return self._device.nbytes + self._host.nbytes

    def get(self, index: int) -> Embedding | None:
        """The embedding of frame ``index``, on the segmenter's device; None if it is not in the cache."""
        if index in self._device.kept:
            self.device_hits += 1
            self._device.kept.move_to_end(index)
            return self._device.kept[index]
        if index not in self._host.kept:
            return self._from_files(index)
        self.host_hits += 1
        if self._first is self._host:
            self._host.kept.move_to_end(index)
            return self._host.kept[index]
        embedding = self._host.take(index).to(self.device)
        self.put(index, embedding)
        return embedding

    def _from_files(self, index: int) -> Embedding | None:
        if index not in self._files:
            self.misses += 1
            return None
        self.disk_hits += 1
        embedding = self._files.get(index, self.device)
        self.put(index, embedding)
        return embedding

    def clear(self) -> None:
        """Drop all embeddings in memory; those on disk stay."""
        for tier in (self._device, self._host):
            while tier.kept:
                tier.oldest()

    def close(self) -> None:
        """Remove the files on disk."""
        self._files.close()

    def put(self, index: int, embedding: Embedding) -> None:
        """Add an embedding that is on the segmenter's device."""
        self._first.put(index, embedding)
        self._make_room()

    def shrink(self) -> None:
        """Keep only the newest embedding on the device, now and from now on."""
        self._device.budget, self.least = 0, 1
        self._make_room()

    def _make_room(self) -> None:
        while self._first.full(self.least):
            index, embedding = self._first.oldest()
            # An embedding that does not fit on the host need not be copied there.
            if self._first is self._device and embedding.nbytes <= self._host.budget:
                self._host.put(index, embedding.to(torch.device("cpu")))
            else:
                self._files.put(index, embedding)
        while self._first is self._device and self._host.full(0):
            self._files.put(*self._host.oldest())


class _Tier:
    """Tier of embeddings in one memory, the least recently used first."""

    def __init__(self, budget: int) -> None:
        self.budget, self.nbytes = budget, 0
        self.kept: OrderedDict[int, Embedding] = OrderedDict()

    def put(self, index: int, embedding: Embedding) -> None:
        if index in self.kept:
            self.take(index)
        self.kept[index] = embedding
        self.nbytes += embedding.nbytes

    def take(self, index: int) -> Embedding:
        embedding = self.kept.pop(index)
        self.nbytes -= embedding.nbytes
        return embedding

    def full(self, least: int) -> bool:
        return self.nbytes > self.budget and len(self.kept) > least

    def oldest(self) -> tuple[int, Embedding]:
        index = next(iter(self.kept))
        return index, self.take(index)
