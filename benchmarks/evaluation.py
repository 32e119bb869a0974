"""Scores folders of predicted masks against folders of annotations, by the rules of DAVIS.

An object's first annotated frame is given to the method and the last one of a sequence is often cut,
so neither is scored (Perazzi et al., CVPR 2016, section 5; the official evaluation of DAVIS 2017).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from sampt.errors import EvaluationError

from .metrics.davis import contour_accuracy, region_similarity, statistics

FULL = 255
"""The label of a binary mask's object; among palette labels it marks pixels that belong to no object."""

MEASURES = ("J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")
"""The official names, in the official order."""


@dataclass(frozen=True)
class ObjectScores:
    """J and F of one object in the frames that count, (T,) float64 each; ``frames`` are their names."""

    sequence: str
    object_id: int
    frames: tuple[str, ...]
    j: NDArray[np.float64]
    f: NDArray[np.float64]

    @property
    def measures(self) -> dict[str, float]:
        """The ``MEASURES`` of this object, in 0..1."""
        j, f = statistics(self.j), statistics(self.f)
        return dict(zip(MEASURES, ((j.mean + f.mean) / 2, *j, *f), strict=True))


@dataclass(frozen=True)
class Evaluation:
    """The scores of every object of every sequence, and what a reader of them should know.

    ``notes`` are sentences about sequences, objects and labels that could not be scored.
    """

    objects: tuple[ObjectScores, ...]
    notes: tuple[str, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """One row an object: ``sequence``, ``object`` and the ``MEASURES`` in 0..1."""
        rows = [{"sequence": o.sequence, "object": o.object_id, **o.measures} for o in self.objects]
        return pd.DataFrame(rows, columns=["sequence", "object", *MEASURES])

    @property
    def means(self) -> dict[str, float]:
        """The ``MEASURES`` averaged over objects, each counting the same, as the official tools do."""
        return {name: float(value) for name, value in self.table[list(MEASURES)].mean().items()}

    def as_dict(self) -> dict[str, Any]:
        """Everything, as plain numbers, strings, lists and dicts, fit for JSON."""
        objects = [
            {
                "sequence": scores.sequence,
                "object": scores.object_id,
                **scores.measures,
                "frames": list(scores.frames),
                "J": scores.j.tolist(),
                "F": scores.f.tolist(),
            }
            for scores in self.objects
        ]
        return {"means": self.means, "objects": objects, "notes": list(self.notes)}


def evaluate(
    results: Path,
    annotations: Path,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Score ``results`` against ``annotations``; both are PNGs of labels, matched by file name.

    Args:
        results: a folder of PNGs, an output folder of ``sampt segment`` (PNGs in its ``masks``), or a folder
            of such folders, one a sequence.
        annotations: a folder of PNGs, or a folder of such folders; only annotated frames count.
        workers: processes that share the sequences.
        progress: called after every sequence with how many are done, and how many there are.

    An annotation is a palette PNG whose indices are object ids, or a binary one of 0 and 255, for which every
    predicted label above 0 is the object. An object is scored from the annotated frame after the one in which
    it first appears, to the last but one. Where a prediction lacks an object, its mask counts as empty.

    Raises:
        EvaluationError: a folder holds no masks or no matching sequence, a prediction is missing, unreadable
            or of another size than its annotation, or there is nothing that could be scored.
    """
    sequences, notes = _match(results, annotations)
    objects: list[ObjectScores] = []
    for done, (scores, remarks) in enumerate(_run(sequences, workers), start=1):
        objects += scores
        notes += remarks
        if progress:
            progress(done, len(sequences))
    return Evaluation(tuple(objects), tuple(notes))


@dataclass(frozen=True)
class _Sequence:
    name: str
    results: Path
    annotations: Path


def _run(sequences: list[_Sequence], workers: int) -> Iterator[tuple[list[ObjectScores], list[str]]]:
    if workers == 1 or len(sequences) == 1:
        yield from map(_score, sequences)
        return
    with ProcessPoolExecutor(min(workers, len(sequences)), mp_context=get_context("spawn")) as pool:
        yield from pool.map(_score, sequences)


def _match(results: Path, annotations: Path) -> tuple[list[_Sequence], list[str]]:
    """The sequences that both folders hold, and notes on those that only one does."""
    ours, truths = _sequences(results, "results"), _sequences(annotations, "annotations")
    if _masks_folder(results) and _masks_folder(annotations):
        (folder,), ((name, truth),) = ours.values(), truths.items()
        return [_Sequence(name, folder, truth)], []
    common = [_Sequence(name, ours[name], truths[name]) for name in truths if name in ours]
    if not common:
        raise EvaluationError(
            f"{results} ({_some(ours)}) and {annotations} ({_some(truths)}) have no sequence in common: "
            "give a result's folder the name of its annotations"
        )
    notes = []
    if unpredicted := [name for name in truths if name not in ours]:
        notes.append(f"Not scored, as {results} has no results for them: {_some(unpredicted)}.")
    if unannotated := [name for name in ours if name not in truths]:
        notes.append(f"Not scored, as {annotations} has no annotations for them: {_some(unannotated)}.")
    return common, notes


def _sequences(path: Path, role: str) -> dict[str, Path]:
    """The folders of PNGs in ``path`` by the names of their sequences; just ``path`` if it is one itself."""
    if not path.is_dir():
        raise EvaluationError(f"{role} folder {path} does not exist: give a folder of mask PNGs")
    if own := _masks_folder(path):
        return {path.resolve().name: own}
    inside = sorted((p for p in path.iterdir() if p.is_dir()), key=_natural)
    folders = {p.name: masks for p in inside if (masks := _masks_folder(p))}
    if not folders:
        raise EvaluationError(
            f"{role} folder {path} holds no mask PNGs, nor folders of them: "
            "give a sequence's folder, or the folder right above several"
        )
    return folders


def _masks_folder(path: Path) -> Path | None:
    """Where the PNGs of a sequence's folder are, if it is one."""
    return next((folder for folder in (path, path / "masks") if any(folder.glob("*.png"))), None)


def _score(sequence: _Sequence) -> tuple[list[ObjectScores], list[str]]:
    """The scores of a sequence's objects, and notes on what is odd about it."""
    names = [path.name for path in sorted(sequence.annotations.glob("*.png"), key=_natural)]
    if len(names) < 3:
        raise EvaluationError(
            f"nothing can be scored with {len(names)} annotated frame(s) in {sequence.annotations}: "
            "the first and the last are left out, so annotate at least three"
        )
    scores: dict[int, list[tuple[str, float, float]]] = {}
    binary, predicted_ids = False, set[int]()
    for name in names[:-1]:
        truth, ids = _read(sequence.annotations / name)
        if not scores:
            binary = ids == {FULL}
        else:
            prediction, their_ids = _read_prediction(sequence.results / name, truth.shape)
            predicted_ids |= set() if binary else their_ids - {FULL}
            for object_id, values in scores.items():
                ours = _object(prediction, object_id, binary, alone=len(scores) == 1)
                true = _object(truth, object_id, binary)
                values.append((name, region_similarity(ours, true), contour_accuracy(ours, true)))
        for object_id in [1] if binary else sorted(ids - {FULL}):
            scores.setdefault(object_id, [])
    return _collect(sequence, scores, predicted_ids)


def _collect(
    sequence: _Sequence, scores: dict[int, list[tuple[str, float, float]]], predicted_ids: set[int]
) -> tuple[list[ObjectScores], list[str]]:
    """Tables from rows, and notes on the objects without a row and on the labels that are no object's."""
    objects = [
        ObjectScores(sequence.name, object_id, tuple(names), np.array(j), np.array(f))
        for object_id, values in scores.items()
        if values
        for names, j, f in [zip(*values, strict=True)]
    ]
    if not objects:
        raise EvaluationError(
            f"nothing can be scored in {sequence.annotations}: no object is annotated before the last "
            "two frames, so annotate one from the first frame on"
        )
    notes = []
    if late := [object_id for object_id, values in scores.items() if not values]:
        notes.append(
            f"Not scored, as they first appear in {sequence.name}'s last but one frame: {_some(late)}."
        )
    if strange := sorted(predicted_ids - scores.keys()):
        notes.append(
            f"{sequence.name}'s results have labels that its annotations do not have: {_some(strange)}."
        )
    return objects, notes


def _object(
    labels: NDArray[np.uint8], object_id: int, binary: bool, alone: bool = False
) -> NDArray[np.bool_]:
    """The mask of one object; where it is ``alone``, the 255 of a binary prediction is the object, too."""
    if binary:
        return labels > 0
    return np.isin(labels, [object_id, FULL] if alone else [object_id])


def _read_prediction(path: Path, shape: tuple[int, ...]) -> tuple[NDArray[np.uint8], set[int]]:
    if not path.is_file():
        raise EvaluationError(
            f"prediction {path} is missing: every annotated frame but the first and the last needs a mask "
            "of the same name as its annotation"
        )
    prediction, ids = _read(path)
    if prediction.shape != shape:
        size, wanted = (f"{width}x{height}" for height, width in (prediction.shape, shape))
        raise EvaluationError(
            f"prediction {path} is {size} but its annotation is {wanted} pixels: "
            "save masks at the size of the annotations"
        )
    return prediction, ids


def _read(path: Path) -> tuple[NDArray[np.uint8], set[int]]:
    """The labels of a mask PNG, (H, W) uint8, and which of them but 0 occur; a 1-bit one's are 0 and 255."""
    try:
        with Image.open(path) as image:
            mode = image.mode
            labels = np.asarray(image.convert("L") if mode == "1" else image)
    except (OSError, SyntaxError) as error:  # Pillow reports a broken PNG chunk as a SyntaxError
        raise EvaluationError(f"mask {path} cannot be read as a PNG: write it again") from error
    if mode not in ("1", "L", "P"):
        raise EvaluationError(
            f"mask {path} is an image of mode {mode}: save labels as an 8-bit palette or greyscale PNG"
        )
    counts = cv2.calcHist([labels], [0], None, [256], [0, 256])
    ids = set(np.flatnonzero(counts).tolist()) - {0}
    if mode == "L" and FULL in ids and len(ids) > 1:
        raise EvaluationError(f"mask {path} has grey values besides 0 and 255: threshold its soft edges")
    return labels, ids


def _natural(path: Path) -> list[tuple[int, str]]:
    """A sorting key by which frame 10 comes after frame 9."""
    parts = enumerate(re.split(r"([0-9]+)", path.name))
    return [(int(part), "") if k % 2 else (-1, part) for k, part in parts]


def _some(items: Iterable[object], most: int = 5) -> str:
    """The first few items, and how many more there are."""
    names = [str(item) for item in items]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
