"""The scoring of result files of video instance segmentation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sampt.errors import EvaluationError

from ..datasets.base import Progress
from ..metrics.ytvis import Curves, Masklet, Matches, match
from .annotations import VisAnnotations, read_masklet
from .json_entries import json_entries


@dataclass(frozen=True)
class VisEvaluation:
    """The scores of a result file, 0..1; −1 where there is no such object.

    Attributes:
        measures: ``MEASURES`` of the whole set.
        categories: the same by name of the category; empty if categories are ignored.
        recalls: id of the video → share of its objects that its best 100 predictions find, averaged over IoU
            thresholds and categories' objects; NaN for a video without objects.
    """

    measures: Mapping[str, float]
    categories: Mapping[str, Mapping[str, float]]
    recalls: Mapping[int, float]


def evaluate_vis(
    results: Path | Iterable[Path],
    annotations: VisAnnotations,
    *,
    class_agnostic: bool = False,
    videos: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> VisEvaluation:
    """Score results as YouTube-VIS's own evaluation does.

    Args:
        results: a file, or several, with a list of predictions
            ``{"video_id", "category_id", "score", "segmentations"}``. The segmentations are run lengths for
            every frame, null where the object is absent.
        annotations: the ground truth.
        class_agnostic: ignore the categories of objects and predictions.
        videos: ids of the videos to score; None for all.
        progress: called with how many videos are done, and how many there are.

    Returns:
        The scores.

    Raises:
        EvaluationError: a file cannot be read, or a prediction is invalid or belongs to no video.
        DatasetError: an annotation is invalid.
    """
    objects = annotations.masklets
    predictions = read_results(
        [results] if isinstance(results, Path) else results, annotations, class_agnostic
    )
    chosen = sorted(annotations.videos if videos is None else videos)
    categories = [None] if class_agnostic else sorted(annotations.categories)
    matches: dict[int | None, list[Matches]] = {category: [] for category in categories}
    recalls: dict[int, float] = {}
    for done, video in enumerate(chosen, start=1):
        found = []
        for category in categories:
            ours = _of_category(predictions.get(video, ()), category)
            truth = _of_category(objects.get(video, ()), category)
            if ours or truth:
                found.append(match(ours, truth, annotations.videos[video].size))
                matches[category].append(found[-1])
        counts = [int(m.objects[0]) for m in found]
        total = sum(m.recall * n for m, n in zip(found, counts, strict=True) if n)
        recalls[video] = total / sum(counts) if any(counts) else float("nan")
        if progress:
            progress(done, len(chosen))
    measures = Curves.of(list(matches.values())).measures
    several = {
        annotations.categories[category]: Curves.of([found]).measures
        for category, found in matches.items()
        if category is not None and len(categories) > 1
    }
    return VisEvaluation(measures, several, recalls)


def read_results(
    paths: Iterable[Path], annotations: VisAnnotations, class_agnostic: bool = False
) -> dict[int, list[Masklet]]:
    """All predictions by video.

    Raises:
        EvaluationError: a file cannot be read, or a prediction is invalid or belongs to no video.
    """
    found: dict[int, list[Masklet]] = defaultdict(list)
    for path in paths:
        for n, entry in enumerate(json_entries(path)):
            try:
                video, masklet = read_masklet(entry, annotations, scored=True)
            except ValueError as error:
                raise EvaluationError(f"{path}, prediction {n}: {error}") from error
            if not class_agnostic and masklet.category not in annotations.categories:
                raise EvaluationError(
                    f"{path}, prediction {n}: category_id {masklet.category} is not a category of "
                    f"{annotations.path}; to ignore categories, give --class-agnostic"
                )
            found[video].append(masklet)
    return found


def _of_category(masklets: Sequence[Masklet], category: int | None) -> list[Masklet]:
    """The masklets of a category, in the order of the file; for None all, category by category."""
    if category is None:
        return sorted(masklets, key=lambda m: m.category)
    return [m for m in masklets if m.category == category]
