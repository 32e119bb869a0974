"""The worker of the interactive benchmark, which simulates an annotator for each object of a sequence."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import numpy as np

from sampt.config import Config
from sampt.interactive.session import InteractiveSession
from sampt.video.resized import Size

from ..datasets.base import DatasetChoice, VosSequence
from ..datasets.registry import open_dataset
from ..running.methods import SharedMethods, encoded_since
from ..running.record import SequenceRecord
from ..running.tasks import SequenceTask, TaskResult
from .annotator import Mask
from .outputs import INTERACTIONS
from .untracked import without_tracking
from .walks import Rules, annotate


class InteractiveWorker:
    """A worker that simulates annotators of sequences and keeps its methods.

    Args:
        dataset: which dataset, and where it is.
        rules: how the annotators work.
        settings: configurations by name, as ``interactive_config`` makes them.
    """

    def __init__(self, dataset: DatasetChoice, rules: Rules, settings: Mapping[str, Config]) -> None:
        self.dataset = dataset.open(open_dataset)
        self.rules, self.methods = rules, SharedMethods(settings)

    def __call__(self, task: SequenceTask) -> TaskResult:
        """The annotations of a sequence's objects.

        Raises:
            DatasetError: the sequence cannot be read.
        """
        begin = time.perf_counter()
        sequence, method = self.dataset[task.sequence], self.methods(task)
        if not self.rules.tracking:
            method = without_tracking(method)
        working = sequence.working_size(method.working_size)
        video = sequence.resized(working)
        with self.methods.encoder(task, video) as encoder:
            before, annotations = encoder.counts, []
            for id in sequence.appearances:
                truth = object_truth(sequence, id, working)
                session = InteractiveSession(method, video, backward=False, encoder=encoder)
                rng = np.random.default_rng([task.seed, id])
                annotations.append(annotate(session, truth, self.rules, rng, sequence.name, id))
            size, encoded = session.size, encoded_since(encoder, before)
        record = SequenceRecord(
            sequence=task.sequence,
            seed=task.seed,
            frames=len(sequence.frames),
            objects=len(annotations),
            size=size,
            seconds={"all": round(time.perf_counter() - begin, 3)},
            encoder=encoded,
            quality="preview" if method.segmenter.preview else "full",
            scores=None,
        )
        content = json.dumps([a.to_json() for a in annotations], indent=1) + "\n"
        return TaskResult(record, {INTERACTIONS: content.encode("ascii")}, {})


def object_truth(sequence: VosSequence, object_id: int, size: Size) -> dict[int, Mask]:
    """The object's masks, (H, W) bool, by position, in all annotated frames from its first one on.

    Args:
        sequence: the sequence.
        object_id: which object.
        size: (height, width) to which the masks are resized.

    Raises:
        DatasetError: an annotation cannot be read.
    """
    first = sequence.appearances[object_id]
    positions = [t for t in sequence.frame_annotations if t >= first]
    return {t: sequence.frame_labels(t, size) == object_id for t in positions}
