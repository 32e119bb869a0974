"""The scoring of predicted masks against a dataset, or against any annotations by the rules of DAVIS.

An object's first annotated frame is given to the method, and in a sequence's last one objects are often cut
off, so DAVIS scores neither (Perazzi et al., CVPR 2016, section 5; the official evaluation of DAVIS 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sampt._internal.names import first_few, natural, plural
from sampt.errors import EvaluationError

from ..datasets.annotation import is_white, object_ids, read_ids, read_single_object
from ..datasets.base import Progress, VosDataset, VosSequence
from ..datasets.folders import mask_files, subfolders
from ..metrics.protocols import MEASURES, davis_measures, late_note
from .scoring import FrameScores, has_truth, score_sequence, score_with_strays

if TYPE_CHECKING:  # `sampt demo` scores without it
    import pandas as pd

__all__ = ["MEASURES", "Evaluation", "ObjectScores", "evaluate", "evaluate_dataset", "result_folders"]

_FEWEST = 3
"""Minimum number of annotated frames: the given one, one to score, and the last, which DAVIS leaves out."""

Item = TypeVar("Item")
Result = TypeVar("Result")


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
        return davis_measures(self.j, self.f)


@dataclass(frozen=True)
class Evaluation:
    """The scores of every object of every sequence.

    Attributes:
        objects: the scores, object by object.
        notes: sentences about sequences, objects and labels that could not be scored.
    """

    objects: tuple[ObjectScores, ...]
    notes: tuple[str, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """The scores with one row per object: ``sequence``, ``object`` and the ``MEASURES`` in 0..1."""
        import pandas as pd

        rows = [{"sequence": o.sequence, "object": o.object_id, **o.measures} for o in self.objects]
        return pd.DataFrame(rows, columns=["sequence", "object", *MEASURES])

    @property
    def means(self) -> dict[str, float]:
        """The ``MEASURES`` averaged over objects, which all count the same, as in the official tools."""
        measures = [scores.measures for scores in self.objects]
        return {name: _mean_of_known([each[name] for each in measures]) for name in MEASURES}

    def as_dict(self) -> dict[str, Any]:
        """All scores as plain values for JSON."""
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


def _mean_of_known(values: Sequence[float]) -> float:
    """The mean of the values that are not NaN; NaN if there are none."""
    known = np.isfinite(values)
    return float(np.nanmean(values)) if known.any() else float("nan")


def evaluate_dataset(
    dataset: VosDataset, results: Path, *, workers: int = 1, progress: Progress | None = None
) -> tuple[list[FrameScores], list[str]]:
    """Score the results on a whole dataset; ``protocols.summarise`` turns the scores into its measures.

    Args:
        dataset: the dataset, of a split with public annotations.
        results: a folder with a folder of PNGs for each sequence, or with outputs of ``sampt segment``.
        workers: number of processes that share the sequences.
        progress: called with how many sequences are done, and how many there are.

    Returns:
        The scores, and sentences about what could not be scored.

    Raises:
        EvaluationError: results are missing or do not fit, or the split has no public annotations.
        DatasetError: something is wrong with the dataset.
    """
    folders = result_folders(dataset, results)
    sequences = [dataset[name] for name in dataset.names]
    scored = [sequence for sequence in sequences if has_truth(sequence)]
    if not scored:
        raise EvaluationError(
            f"{dataset.name} {dataset.split} has no public annotations to score against: "
            "pack the results for its server with `sampt submission`"
        )
    notes = []
    if unannotated := [s.name for s in sequences if not has_truth(s)]:
        notes.append(f"Not scored, as only the given masks are annotated: {first_few(unannotated)}.")
    tasks = [(sequence, folders[sequence.name]) for sequence in scored]
    found = _mapped(_score_of_dataset, tasks, workers, progress)
    return [scores for objects in found for scores in objects], notes


def result_folders(dataset: VosDataset, results: Path) -> dict[str, Path]:
    """The folders with the PNGs of each of a dataset's sequences.

    Raises:
        EvaluationError: sequences have no results; the error names them.
    """
    if not results.is_dir():
        raise EvaluationError(f"results folder {results} does not exist: give the folder of a run")
    found = {name: _masks_folder(results / name) for name in dataset.names}
    folders = {name: folder for name, folder in found.items() if folder}
    if missing := [name for name in dataset.names if name not in folders]:
        seeds = sorted((p for p in results.glob("seed-*") if p.is_dir()), key=natural)
        remedy = f"give one seed's folder, such as {seeds[0]}" if seeds else "finish the run first"
        raise EvaluationError(
            f"{results} has no results for {len(missing)} of the {len(dataset.names)} sequences of "
            f"{dataset.name} {dataset.split} ({first_few(missing)}): {remedy}"
        )
    return folders


def evaluate(
    results: Path, annotations: Path, *, workers: int = 1, progress: Progress | None = None
) -> Evaluation:
    """Score ``results`` against ``annotations``; both are PNGs of labels, matched by file name.

    An annotation is a palette PNG whose indices are object ids, or a binary one of 0 and 255, for which every
    predicted label above 0 is the object. An object is scored from the annotated frame after the one in which
    it first appears, to the last but one. Where a prediction lacks an object, its mask counts as empty.

    Args:
        results: a folder of PNGs, an output folder of ``sampt segment`` (PNGs in its ``masks``), or a folder
            of such folders, one per sequence.
        annotations: a folder of PNGs, or a folder of such folders; only annotated frames count.
        workers: number of processes that share the sequences.
        progress: called with how many sequences are done, and how many there are.

    Returns:
        The scores.

    Raises:
        EvaluationError: a folder contains no masks or no matching sequence, a prediction is missing,
            unreadable or differs in size from its annotation, or there is nothing to score.
        DatasetError: an annotation cannot be read.
    """
    sequences, notes = _match(results, annotations)
    objects: list[ObjectScores] = []
    for scores, remarks in _mapped(_score_folder, sequences, workers, progress):
        objects += scores
        notes += remarks
    if not objects:
        raise EvaluationError(f"nothing can be scored in {annotations}: {notes[-1].rstrip('.')}")
    return Evaluation(tuple(objects), tuple(notes))


@dataclass(frozen=True)
class _Folders:
    name: str
    results: Path
    annotations: Path


def _mapped(
    score: Callable[[Item], Result], items: list[Item], workers: int, progress: Progress | None
) -> Iterator[Result]:
    """The results of ``score`` for all items, in their order."""
    if workers == 1 or len(items) == 1:
        yield from _reported(map(score, items), len(items), progress)
        return
    with ProcessPoolExecutor(min(workers, len(items)), mp_context=get_context("spawn")) as pool:
        yield from _reported(pool.map(score, items), len(items), progress)


def _reported(results: Iterable[Result], total: int, progress: Progress | None) -> Iterator[Result]:
    for done, result in enumerate(results, start=1):
        if progress:
            progress(done, total)
        yield result


def _match(results: Path, annotations: Path) -> tuple[list[_Folders], list[str]]:
    """The sequences that both folders contain, and notes on those that only one does."""
    ours, truths = _sequences(results, "results"), _sequences(annotations, "annotations")
    if _masks_folder(results) and _masks_folder(annotations):
        (folder,), ((name, truth),) = ours.values(), truths.items()
        return [_Folders(name, folder, truth)], []
    common = [_Folders(name, ours[name], truths[name]) for name in truths if name in ours]
    if not common:
        raise EvaluationError(
            f"{results} ({first_few(ours)}) and {annotations} ({first_few(truths)}) have no sequence in "
            "common: give a result's folder the name of its annotations"
        )
    notes = []
    if unpredicted := [name for name in truths if name not in ours]:
        notes.append(f"Not scored, as {results} has no results for them: {first_few(unpredicted)}.")
    if unannotated := [name for name in ours if name not in truths]:
        notes.append(f"Not scored, as {annotations} has no annotations for them: {first_few(unannotated)}.")
    return common, notes


def _sequences(path: Path, role: str) -> dict[str, Path]:
    """The folders of PNGs in ``path`` by name of the sequence; only ``path`` if it is one itself."""
    if not path.is_dir():
        raise EvaluationError(f"{role} folder {path} does not exist: give a folder of mask PNGs")
    if own := _masks_folder(path):
        return {path.resolve().name: own}
    folders = {p.name: masks for p in subfolders(path) if (masks := _masks_folder(p))}
    if not folders:
        raise EvaluationError(
            f"{role} folder {path} contains neither mask PNGs nor folders of them: "
            "give a sequence's folder, or the folder right above several"
        )
    return folders


def _masks_folder(path: Path) -> Path | None:
    """The folder with the PNGs of a sequence's folder; None if it is not one."""
    return next((folder for folder in (path, path / "masks") if mask_files(folder)), None)


def _score_of_dataset(task: tuple[VosSequence, Path]) -> list[FrameScores]:
    return score_sequence(*task)


def _score_folder(folders: _Folders) -> tuple[list[ObjectScores], list[str]]:
    """The scores of a sequence's objects without the last frame, and notes on oddities."""
    files, notes = _annotations_in_part(folders)
    if len(files) < _FEWEST:
        notes.append(
            f"{folders.name} is not scored with {plural(len(files), 'annotated frame')} in "
            f"{folders.annotations}: the first and the last are left out, so annotate at least {_FEWEST}."
        )
        return [], notes
    sequence = _as_sequence(folders.name, tuple(files[:-1]))
    found, strays = score_with_strays(sequence, folders.results)
    objects = [
        ObjectScores(s.sequence, s.object_id, tuple(f"{name}.png" for name in s.frames), s.j, s.f)
        for s in found
        if s.frames
    ]
    last = object_ids(sequence.read(files[-1])) - sequence.appearances.keys()
    if late := [*(s.object_id for s in found if not s.frames), *sorted(last)]:
        notes.append(late_note(folders.name, late))
    elif not objects:
        notes.append(f"{folders.name} is not scored: its annotations show no object.")
    if strays := strays - last:
        notes.append(
            f"{folders.name}'s results have labels that its annotations do not have: "
            f"{first_few(sorted(strays))}."
        )
    return objects, notes


def _annotations_in_part(folders: _Folders) -> tuple[list[Path], list[str]]:
    """The annotated frames that a run of ``sampt segment`` covers, and a note if it was on a part of a video.

    Of any other results, all annotated frames are wanted.
    """
    annotations = mask_files(folders.annotations)
    ran = folders.results.name == "masks" and (folders.results.parent / "result.json").is_file()
    covered = mask_files(folders.results).keys() if ran else annotations.keys()
    kept = [file for stem, file in annotations.items() if stem in covered]
    if ran and not kept:
        raise EvaluationError(
            f"the results in {folders.results} are named like {min(covered)} but the annotations in "
            f"{folders.annotations} like {min(annotations)}: segment the folder of frames that was "
            "annotated, so that masks get their names"
        )
    left_out = len(annotations) - len(kept)
    if not left_out:
        return kept, []
    outside = f"{left_out} of {len(annotations)} annotated frames are outside the part that was run"
    return kept, [f"{folders.name}: {outside}, so they are not scored."]


def _as_sequence(name: str, annotations: tuple[Path, ...]) -> VosSequence:
    """The annotations as a sequence of a dataset; its first object shows whether they are binary."""
    read = read_ids
    appearances: dict[int, int] = {}
    for position, path in enumerate(annotations):
        if not appearances and is_white(path):
            read = read_single_object
        for object_id in sorted(object_ids(read(path))):
            appearances.setdefault(object_id, position)
    every = dict(enumerate(annotations))
    return VosSequence(name, annotations, appearances, every, tuple(every), read)
