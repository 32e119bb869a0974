"""The worker of video instance segmentation, which does one video at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sampt.config import Config

from ..datasets.base import DatasetChoice
from ..running.methods import SharedMethods, encoded_since
from ..running.record import SequenceRecord
from ..running.tasks import SequenceTask, TaskResult
from .datasets import VisDataset, VisVideo, open_vis_dataset
from .masklets import FoundMasklet, MaskletFinder
from .pictures import MASKLETS
from .settings import VisSettings

LOWEST = -1e30
"""What stands for a score of −inf in a result file, as JSON has no infinity; every other score is higher."""


class VisWorker:
    """A worker that finds the masklets of videos and keeps its methods.

    Args:
        dataset: which dataset, and where it is.
        vis: how masklets are found and scored.
        settings: configurations by name.
    """

    def __init__(self, dataset: DatasetChoice, vis: VisSettings, settings: Mapping[str, Config]) -> None:
        self.dataset = dataset.open(open_vis_dataset)
        self.vis, self.methods = vis, SharedMethods(settings)

    def __call__(self, task: SequenceTask) -> TaskResult:
        """The masklets of a video.

        Raises:
            SamptError: the video cannot be read or segmented.
        """
        begin = time.perf_counter()
        video = self.dataset[task.sequence]
        frames, tracker = video.video, MaskletFinder(self.methods(task), self.vis)
        with self.methods.encoder(task, frames) as encoder:
            before = encoder.counts
            found = tracker(frames, encoder)
            encoded = encoded_since(encoder, before)
        seconds = {**tracker.seconds, "all": time.perf_counter() - begin}
        record = SequenceRecord(
            sequence=task.sequence,
            seed=task.seed,
            frames=len(video.frames),
            objects=len(found),
            size=video.size,
            seconds={stage: round(s, 3) for stage, s in seconds.items()},
            encoder=encoded,
            quality="full",
            scores=None,
        )
        content = json.dumps(prediction_entries(self.dataset, video, found), separators=(",", ":"))
        return TaskResult(record, {MASKLETS: content.encode("ascii")}, {})


def prediction_entries(
    dataset: VisDataset, video: VisVideo, found: Sequence[FoundMasklet]
) -> list[dict[str, Any]]:
    """The entries of masklets in a result file; all have the dataset's first category, as none is known."""
    category = min(dataset.annotations.categories)
    return [
        {
            "video_id": video.id,
            "category_id": category,
            "score": written_score(masklet.score),
            "segmentations": masklet.masks,
        }
        for masklet in found
    ]


def written_score(score: float) -> float:
    """A score as result files have it.

    Nine decimals keep apart what differs in float32, since masklets of all videos are ranked together.
    """
    return round(max(score, LOWEST), 9)
