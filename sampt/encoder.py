"""Encode every frame once."""

from __future__ import annotations

from collections import OrderedDict

from sampt.trackers.clip import FrameSource

from .segmenters.base import Embedding, PromptableSegmenter


class FrameEncoder:
    """Embeddings of a video's frames, kept as long as a byte budget lasts, least recently used out first.

    ``calls`` counts frames that were encoded, ``hits`` those that were still at hand.
    """

    def __init__(self, segmenter: PromptableSegmenter, source: FrameSource, budget: int) -> None:
        self.segmenter, self.source, self.budget = segmenter, source, budget
        self.calls = self.hits = 0
        self._kept: OrderedDict[int, Embedding] = OrderedDict()
        self._bytes = 0

    def __call__(self, index: int) -> Embedding:
        """The embedding of frame ``index`` of the video."""
        if index in self._kept:
            self.hits += 1
            self._kept.move_to_end(index)
            return self._kept[index]
        self.calls += 1
        embedding = self.segmenter.encode([self.source[index]])[0]
        self._kept[index] = embedding
        self._bytes += embedding.nbytes
        while self._bytes > self.budget and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return embedding
