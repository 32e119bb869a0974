"""Semi-supervised VOS: what one worker does with one sequence.

An object's mask is given in the frame of its first appearance. Query points are drawn from it; nothing else
of it enters the method. It is returned as it was given in that frame, and the object is absent before.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampt.config import Config, build
from sampt.encoder import FrameEncoder
from sampt.palette import palette_image
from sampt.pipeline import SamPt
from sampt.results import FrameResult
from sampt.segmenters.base import PromptableSegmenter

from .datasets.base import VosSequence
from .datasets.registry import open_dataset
from .running.record import SequenceRecord
from .scoring import FrameScores, has_truth, score_sequence


@dataclass(frozen=True)
class DatasetChoice:
    """A dataset as it is chosen on the command line; ``options`` are the reader's own."""

    name: str
    root: Path
    split: str | None
    options: Mapping[str, str]

    def describe(self, split: str) -> dict[str, Any]:
        """Plain values for ``run.json``; ``split`` is the one that was opened."""
        return {
            "name": self.name,
            "split": split,
            "options": dict(self.options),
            "root": str(self.root.resolve()),
        }


@dataclass(frozen=True)
class VosTask:
    """One sequence, with one seed, in one setting (of those that the worker knows)."""

    sequence: str
    seed: int
    setting: str = ""


class Segmented(NamedTuple):
    """What comes of a task: a record, and the files of the sequence's folder by their names in it.

    overlapping: every object's own masks, as ``<id>/<frame>.png``, if the setting keeps overlapping masks.
    """

    record: SequenceRecord
    files: Mapping[str, bytes]
    overlapping: Mapping[str, bytes]


class VosWorker:
    """Segments and scores sequences; keeps its models, and embeddings of the sequence it is at.

    settings: configurations by name. Those with the same segmenter share its embeddings.
    """

    def __init__(self, dataset: DatasetChoice, settings: Mapping[str, Config]) -> None:
        self.dataset = open_dataset(dataset.name, dataset.root, dataset.split, dataset.options)
        self.settings = settings
        self._models: dict[str, SamPt] = {}
        self._segmenters: dict[str, PromptableSegmenter] = {}
        self._sequence: VosSequence | None = None
        self._encoders: dict[str, FrameEncoder] = {}

    def __call__(self, task: VosTask) -> Segmented:
        """
        Raises:
            SamptError: the sequence cannot be read, segmented or scored.
        """
        begin = time.perf_counter()
        sequence, model = self._open(task.sequence), self._model(task.setting)
        model.seed = task.seed
        with self._encoder(task.setting, model, sequence) as encoder:
            before = _counts(encoder)
            segmentation = model.stream(sequence.video, sequence.queries(), backward=False, encoder=encoder)
            files: dict[str, bytes] = {}
            overlapping: dict[str, bytes] = {}
            with closing(segmentation):
                for result in segmentation:
                    if result.index in sequence.saved:
                        with segmentation.stopwatch("write"):
                            name = f"{sequence.frames[result.index].stem}.png"
                            files[name] = _png(result.label_map)
                            if model.overlapping:
                                overlapping |= _own_masks(name, result)
            spent = {name: count - before[name] for name, count in _counts(encoder).items()}
        with segmentation.stopwatch("score"):
            scores = self._scores(sequence, files)
        seconds = segmentation.stopwatch.seconds | {"all": time.perf_counter() - begin}
        record = SequenceRecord(
            sequence=task.sequence,
            seed=task.seed,
            frames=len(sequence.frames),
            objects=len(sequence.appearances),
            size=segmentation.size,
            seconds={stage: round(s, 3) for stage, s in seconds.items()},
            encoder=spent,
            quality="preview" if model.segmenter.preview else "full",
            scores=scores,
        )
        return Segmented(record, files, overlapping)

    def _open(self, name: str) -> VosSequence:
        if self._sequence is None or self._sequence.name != name:
            self._forget()
            self._sequence = self.dataset[name]
        return self._sequence

    def _forget(self) -> None:
        """Embeddings of an earlier sequence are of no more use."""
        for encoder in self._encoders.values():
            encoder.close()
        self._encoders.clear()

    def _model(self, setting: str) -> SamPt:
        if setting not in self._models:
            config = self.settings[setting]
            key = _segmenter_key(config)
            model = build(config, self._segmenters.get(key))
            self._models[setting], self._segmenters[key] = model, model.segmenter
        return self._models[setting]

    @contextmanager
    def _encoder(self, setting: str, model: SamPt, sequence: VosSequence) -> Iterator[FrameEncoder]:
        key = _segmenter_key(self.settings[setting])
        if key not in self._encoders:
            self._encoders[key] = model.encoder(sequence.video)
        try:
            yield self._encoders[key]
        except BaseException:
            self._forget()  # whatever state it was left in
            raise

    def _scores(self, sequence: VosSequence, files: Mapping[str, bytes]) -> tuple[FrameScores, ...] | None:
        if not has_truth(sequence):
            return None
        with TemporaryDirectory(prefix="sampt-") as folder:
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
            return tuple(score_sequence(sequence, Path(folder)))


def _segmenter_key(config: Config) -> str:
    """Equal for configurations whose embeddings are the same."""
    return repr((config.segmenter, config.device, config.dtype, config.compile))


def _counts(encoder: FrameEncoder) -> dict[str, int]:
    cache = encoder.cache
    hits = {"device_hits": cache.device_hits, "host_hits": cache.host_hits}
    return {"frames": encoder.calls, **hits, "misses": cache.misses}


def _png(labels: NDArray[np.uint8]) -> bytes:
    """A palette PNG; its bytes depend on the labels alone."""
    buffer = io.BytesIO()
    palette_image(labels).save(buffer, format="PNG", compress_level=3)
    return buffer.getvalue()


def _own_masks(name: str, result: FrameResult) -> dict[str, bytes]:
    return {
        f"{id}/{name}": _png(mask * np.uint8(id))
        for id, mask in zip(result.object_ids, result.masks, strict=True)
    }
