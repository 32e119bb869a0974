"""Embeddings in temporary files: slower than memory, much faster than encoding again."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch

from .base import Embedding

logger = logging.getLogger(__name__)


class EmbeddingFiles:
    """Embeddings on disk by frame number, within a budget of bytes and half of the free space.

    Embeddings that do not fit are not kept, and none is removed before ``close``: otherwise, repeated passes
    through a video would never find its beginning.
    """

    def __init__(self, budget: int) -> None:
        self._left = budget
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._kept: set[int] = set()

    def __contains__(self, index: int) -> bool:
        return index in self._kept

    def put(self, index: int, embedding: Embedding) -> None:
        """Add an embedding, from any device, if there is room and it is not there yet."""
        if index in self._kept or not 0 < embedding.nbytes <= self._left:
            return
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="sampt-embeddings-")
            self._left = min(self._left, shutil.disk_usage(self._folder.name).free // 2)
        array = isinstance(embedding.features, np.ndarray)  # torch loads only tensors without pickle
        features = torch.from_numpy(embedding.features) if array else embedding.features
        try:
            torch.save((features, array, embedding.size, embedding.nbytes), self._path(index))
        except (OSError, RuntimeError) as error:  # torch turns a full disk into a RuntimeError
            logger.warning("no more embeddings are kept on disk: %s", error)
            self._left = 0
            return
        self._left -= embedding.nbytes
        self._kept.add(index)

    def get(self, index: int, device: torch.device) -> Embedding:
        """The embedding of a kept frame, on ``device``."""
        features, array, size, nbytes = torch.load(self._path(index), map_location=device, weights_only=True)
        return Embedding(features.numpy() if array else features, size, nbytes)

    def close(self) -> None:
        """Remove all files."""
        self._kept.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _path(self, index: int) -> Path:
        assert self._folder is not None
        return Path(self._folder.name) / f"{index}.pt"
