"""The check of a dataset for video instance segmentation before work starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..datasets.base import Progress
from ..datasets.check import DatasetCheck, count_frames, differences, read_all
from ..datasets.registry import find_in
from .datasets import VIS_DATASETS, open_vis_dataset


def check_vis_dataset(
    name: str,
    root: Path,
    split: str | None = None,
    options: Mapping[str, str] | None = None,
    *,
    progress: Progress | None = None,
) -> DatasetCheck:
    """Read every frame and annotation of a dataset; arguments and errors as in ``check_dataset``."""
    dataset = open_vis_dataset(name, root, split, options)
    videos, problems = read_all(dataset, progress=progress)
    objects, wrong = dataset.annotations.read()
    masklets = [masklet for each in objects.values() for masklet in each]
    frames = count_frames(videos)
    published = find_in(VIS_DATASETS, name).published.get(dataset.split)
    return DatasetCheck(
        name,
        dataset.split,
        len(videos),
        frames,
        sum(mask is not None for masklet in masklets for mask in masklet.masks),
        len(masklets),
        (*problems, *wrong),
        tuple(differences(published, "videos", len(videos), frames, len(masklets))),
    )
