"""J and F of every object in every annotated frame, from which the protocols make their measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampt.errors import DatasetError, EvaluationError

from ..datasets.annotation import WHITE, object_ids, read_ids, read_raw
from ..datasets.base import Labels, VosSequence
from ..datasets.folders import mask_files
from ..metrics.davis import contour_accuracy, region_similarity


@dataclass(frozen=True)
class FrameScores:
    """The scores of one object in the T annotated frames after the one in which its mask was given.

    T is 0 for an object that appears in the last annotated frame.

    Attributes:
        frames: the frames' names without suffix, in order.
        j: (T,) float64, region similarity in 0..1.
        f: (T,) float64, contour accuracy in 0..1.
        visible: (T,) bool, whether the annotation shows any part of the object.
        category: the object's category, if the dataset knows it.
    """

    sequence: str
    object_id: int
    frames: tuple[str, ...]
    j: NDArray[np.float64]
    f: NDArray[np.float64]
    visible: NDArray[np.bool_]
    category: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "object": self.object_id,
            "category": self.category,
            "frames": list(self.frames),
            "J": self.j.tolist(),
            "F": self.f.tolist(),
            "visible": self.visible.tolist(),
        }

    @classmethod
    def from_json(cls, sequence: str, data: Mapping[str, Any]) -> FrameScores:
        return cls(
            sequence,
            int(data["object"]),
            tuple(data["frames"]),
            np.array(data["J"], np.float64),
            np.array(data["F"], np.float64),
            np.array(data["visible"], bool),
            data["category"],
        )


def has_truth(sequence: VosSequence) -> bool:
    """Whether there is something to score against: an annotated frame without a given mask."""
    return not sequence.annotations.keys() <= set(sequence.appearances.values())


def score_sequence(sequence: VosSequence, results: Path) -> list[FrameScores]:
    """Score a sequence's objects, in the order of ``appearances``.

    An object that a prediction lacks is empty there. For a binary annotation, every predicted label above 0
    is the object. The only object of any other annotation may also be labelled 255.

    Args:
        sequence: the sequence.
        results: the folder of its predictions, PNGs of labels with the names of the frames.

    Raises:
        EvaluationError: a prediction is missing, unreadable or differs in size from its annotation, or only
            given masks are annotated.
        DatasetError: an annotation cannot be read.
    """
    if not has_truth(sequence):
        raise EvaluationError(
            f"{sequence.name} has no annotations other than the given masks, so it cannot be scored here: "
            "pack its results with `sampt submission`"
        )
    return score_with_strays(sequence, results)[0]


def score_with_strays(sequence: VosSequence, results: Path) -> tuple[list[FrameScores], set[int]]:
    """The scores as in ``score_sequence``, whatever is annotated, and the predicted labels of no object."""
    appearances = sequence.appearances
    first = min(appearances.values(), default=len(sequence.frames))
    binary = _is_binary(sequence)
    predictions = mask_files(results)
    rows: dict[int, list[tuple[str, float, float, bool]]] = {object_id: [] for object_id in appearances}
    strays = set[int]()
    for position in sorted(p for p in sequence.annotations if p > first):
        name = sequence.frames[position].stem
        truth = sequence.labels(position)
        prediction = read_prediction(predictions.get(name, results / f"{name}.png"), truth.shape)
        if not binary:
            strays |= object_ids(prediction) - appearances.keys() - {WHITE}
        for object_id in (k for k, appeared in appearances.items() if position > appeared):
            ours = _mask(prediction, object_id, binary, alone=len(appearances) == 1)
            true = truth == object_id
            scores = region_similarity(ours, true), contour_accuracy(ours, true)
            rows[object_id].append((name, *scores, bool(true.any())))
    return [_frame_scores(sequence, object_id, values) for object_id, values in rows.items()], strays


def read_prediction(path: Path, shape: tuple[int, ...]) -> Labels:
    """The labels of a prediction, as ``annotation.read_raw`` reads them.

    Args:
        path: the file.
        shape: the (height, width) that it must have.

    Raises:
        EvaluationError: it is missing, has another size, or is not a mask.
    """
    if not path.is_file():
        raise EvaluationError(
            f"prediction {path} is missing: every annotated frame after the first needs a mask with its name"
        )
    try:
        prediction = read_raw(path)
    except DatasetError as error:
        raise EvaluationError(str(error)) from error
    if prediction.shape != shape:
        size, wanted = (f"{width}x{height}" for height, width in (prediction.shape, shape))
        raise EvaluationError(
            f"prediction {path} is {size} but its annotation is {wanted} pixels: "
            "save masks at the size of the annotations"
        )
    return prediction


def _is_binary(sequence: VosSequence) -> bool:
    """Whether the only object's annotation separates it from the background but gives it no id of its own.

    This is so if the file has other ids than its reader returns: none, or several for one object.
    """
    if len(sequence.appearances) != 1:
        return False
    (position,) = sequence.appearances.values()
    return object_ids(read_ids(sequence.annotations[position])) != object_ids(sequence.labels(position))


def _mask(labels: Labels, object_id: int, binary: bool, alone: bool) -> NDArray[np.bool_]:
    """The predicted mask of one object."""
    if binary:
        return np.asarray(labels > 0)
    return np.isin(labels, [object_id, WHITE] if alone else [object_id])


def _frame_scores(
    sequence: VosSequence, object_id: int, rows: list[tuple[str, float, float, bool]]
) -> FrameScores:
    names, j, f, visible = zip(*rows, strict=True) if rows else ((), (), (), ())
    return FrameScores(
        sequence.name,
        object_id,
        tuple(names),
        np.array(j, np.float64),
        np.array(f, np.float64),
        np.array(visible, bool),
        sequence.categories.get(object_id),
    )
