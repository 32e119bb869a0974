"""Video instance segmentation of everything: what one worker does with one video."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sampt.config import Config
from sampt.errors import ConfigError
from sampt.segmenters.grabcut import GrabCutSegmenter

from ..datasets.base import DatasetChoice
from ..running.models import Models, spent
from ..running.record import SequenceRecord
from ..running.tasks import Finished, SequenceTask
from .datasets import VisDataset, VisVideo, open_vis_dataset
from .masklets import EverythingTracker, FoundMasklet, VisSettings

MASKLETS = "masklets.json"
"""The file in a video's folder of results: the video's part of ``results.json``."""


C = TypeVar("C", bound=Config)


def vis_config(config: C) -> C:
    """The configuration as it is used here: masks may overlap, as proposals do.

    Raises:
        ConfigError: its segmenter makes no proposals.
    """
    if config.segmenter.name == GrabCutSegmenter.name:
        raise ConfigError(
            f"segmenter {config.segmenter.name} cannot say how good its masks are, so it makes no proposals; "
            "choose one of the SAM family, such as --segmenter mobile-sam"
        )
    return replace(config, overlapping=True)


class VisWorker:
    """Finds the masklets of videos; keeps its models.

    settings: configurations by name.
    """

    def __init__(self, dataset: DatasetChoice, vis: VisSettings, settings: Mapping[str, Config]) -> None:
        self.dataset = open_vis_dataset(dataset.name, dataset.root, dataset.split, dataset.options)
        self.vis, self.models = vis, Models(settings)

    def __call__(self, task: SequenceTask) -> Finished:
        """
        Raises:
            SamptError: the video cannot be read or segmented.
        """
        begin = time.perf_counter()
        video = self.dataset[task.sequence]
        frames, tracker = video.video, EverythingTracker(self.models(task), self.vis)
        with self.models.encoder(task, frames) as encoder:
            before = encoder.counts
            found = tracker(frames, encoder)
            encoded = spent(encoder, before)
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
        return Finished(record, {MASKLETS: content.encode("ascii")}, {})


def prediction_entries(
    dataset: VisDataset, video: VisVideo, found: Sequence[FoundMasklet]
) -> list[dict[str, Any]]:
    """Masklets as a result file has them; all are of the dataset's first category, as none is known."""
    category = min(dataset.annotations.categories)
    return [
        {
            "video_id": video.id,
            "category_id": category,
            "score": round(masklet.score, 6),
            "segmentations": masklet.masks,
        }
        for masklet in found
    ]
