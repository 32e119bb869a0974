"""Masklets as label maps, so that they are shown like all other masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from sampt._internal.files import read_json
from sampt._internal.run_lengths import Rle, area, decode
from sampt.errors import EvaluationError
from sampt.prompts.label_maps import write_label_map
from sampt.prompts.object_query import MAX_OBJECTS

from ..datasets.annotation import read_labels
from ..datasets.base import Labels, VosSequence
from ..running.strips import StripFrame, overlay_strip, overlay_video
from .datasets import VisVideo

MASKLETS = "masklets.json"
"""The file in a video's results folder with the video's part of ``results.json``."""


def masklet_strip(video: VisVideo, masklets: Path, count: int = 5) -> tuple[StripFrame, ...]:
    """Evenly spaced frames of a video with its masklets; errors as in ``overlay_strip``.

    Args:
        video: the video.
        masklets: the file with the video's part of the results.
        count: number of frames.
    """
    positions = np.linspace(0, len(video.frames) - 1, min(count, len(video.frames))).round().astype(int)
    with TemporaryDirectory(prefix="sampt-") as folder:
        return overlay_strip(_drawn(video, masklets, Path(folder), positions.tolist()), Path(folder), count)


def masklet_video(video: VisVideo, masklets: Path, path: Path) -> None:
    """Write all frames with a video's masklets to an MP4 file; errors as in ``overlay_video``."""
    with TemporaryDirectory(prefix="sampt-") as folder:
        overlay_video(_drawn(video, masklets, Path(folder), range(len(video.frames))), Path(folder), path)


def _drawn(video: VisVideo, masklets: Path, folder: Path, positions: Sequence[int]) -> VosSequence:
    """The video with label maps in ``folder`` for some of its frames."""
    entries = read_json(masklets, EvaluationError, "run the benchmark again with --overwrite")
    best = sorted(entries, key=lambda entry: -entry["score"])[:MAX_OBJECTS]
    for position in positions:
        labels = _labels([entry["segmentations"][position] for entry in best], video.size)
        write_label_map(folder / f"{video.frames[position].stem}.png", labels)
    nowhere = dict.fromkeys(range(1, len(best) + 1), -1)  # no mask was given in any frame
    return VosSequence(video.name, video.frames, nowhere, {}, tuple(positions), read_labels)


def _labels(rles: Sequence[Rle | None], size: tuple[int, int]) -> Labels:
    """The label map, (H, W), with ids from 1 in the order of ``rles``; smaller masks are on top."""
    labels = np.zeros(size, np.uint8)
    shown = [(id, rle) for id, rle in enumerate(rles, start=1) if rle is not None]
    for id, rle in sorted(shown, key=lambda item: -area(item[1])):
        labels[decode(rle)] = id
    return labels
