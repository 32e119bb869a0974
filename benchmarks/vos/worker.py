"""The worker of semi-supervised VOS, which does one sequence at a time.

An object's mask is given in the frame of its first appearance. Query points are sampled from it, and nothing
else of it enters the method. In that frame it is returned as the method saw it; before, the object is absent.

Frames and given masks are brought to the working size before anything else, and results to the dataset's
size, as in the reference implementation.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from sampt.config import Config
from sampt.methods.results import FrameResult
from sampt.output.review import Reviewer
from sampt.prompts.label_maps import palette_image
from sampt.video.resized import resized_frame

from ..datasets.base import DatasetChoice, VosSequence
from ..datasets.registry import open_dataset
from ..running.methods import SharedMethods, encoded_since
from ..running.record import Doubt, SequenceRecord
from ..running.tasks import SequenceTask, TaskResult
from .scoring import FrameScores, has_truth, score_sequence


class VosWorker:
    """A worker that segments and scores sequences, keeping its methods and the current sequence's embeddings.

    Args:
        dataset: which dataset, and where it is.
        settings: configurations by name. Those with the same segmenter share its embeddings.
    """

    def __init__(self, dataset: DatasetChoice, settings: Mapping[str, Config]) -> None:
        self.dataset = dataset.open(open_dataset)
        self.methods = SharedMethods(settings)
        self._sequence: VosSequence | None = None

    def __call__(self, task: SequenceTask) -> TaskResult:
        """The masks and scores of a sequence.

        Raises:
            SamptError: the sequence cannot be read, segmented or scored.
        """
        begin = time.perf_counter()
        sequence, method = self._open(task.sequence), self.methods(task)
        working = sequence.working_size(method.working_size)
        video, size = sequence.resized(working), sequence.size or sequence.frame_size
        with self.methods.encoder(task, video) as encoder:
            before = encoder.counts
            segmentation = method.stream(
                video, sequence.queries(working), backward=False, encoder=encoder, size=size
            )
            files: dict[str, bytes] = {}
            overlapping: dict[str, bytes] = {}
            reviewer = Reviewer(segmentation.queries, method.segmenter.preview)
            with closing(segmentation):
                for result in segmentation:
                    with segmentation.stopwatch("review"):
                        reviewer.see(resized_frame(video[result.index], size), result)
                    if result.index in sequence.saved:
                        with segmentation.stopwatch("write"):
                            name = f"{sequence.frames[result.index].stem}.png"
                            files[name] = _png(result.label_map())
                            if method.overlapping:
                                overlapping |= _own_masks(name, result)
            encoded = encoded_since(encoder, before)
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
            encoder=encoded,
            quality="preview" if method.segmenter.preview else "full",
            scores=scores,
            doubts=tuple(_doubts(sequence, reviewer)),
        )
        return TaskResult(record, files, overlapping)

    def _open(self, name: str) -> VosSequence:
        if self._sequence is None or self._sequence.name != name:
            self._sequence = self.dataset[name]
        return self._sequence

    def _scores(self, sequence: VosSequence, files: Mapping[str, bytes]) -> tuple[FrameScores, ...] | None:
        if not has_truth(sequence):
            return None
        with TemporaryDirectory(prefix="sampt-") as folder:
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
            return tuple(score_sequence(sequence, Path(folder)))


def _doubts(sequence: VosSequence, reviewer: Reviewer) -> Iterator[Doubt]:
    for stretch in reviewer.stretches():
        first, last = (sequence.frames[index].stem for index in (stretch.first, stretch.last))
        count = stretch.last - stretch.first + 1
        yield Doubt(stretch.object_id, first, last, count, stretch.reason, round(stretch.probability, 3))


def _png(labels: NDArray[np.uint8]) -> bytes:
    """The labels as a palette PNG, whose bytes depend on them alone."""
    buffer = io.BytesIO()
    palette_image(labels).save(buffer, format="PNG", compress_level=3)
    return buffer.getvalue()


def _own_masks(name: str, result: FrameResult) -> dict[str, bytes]:
    return {
        f"{id}/{name}": _png(mask * np.uint8(id))
        for id, mask in zip(result.object_ids, result.masks, strict=True)
    }
