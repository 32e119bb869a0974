"""Looks through a dataset before work starts: what is there, what is missing, and does every file open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from sampt.errors import DatasetError

from .annotation import UNREADABLE, unreadable
from .base import VosDataset, VosSequence
from .bdd100k import CHUNK
from .registry import find_dataset, open_dataset
from .sequences import SequenceError

_THREADS = 4
_COARSE = 8
"""Of a JPEG's size: all of the file is read for a small picture, too, in a fraction of the time."""


@dataclass(frozen=True)
class Report:
    """What a split holds.

    sequences, frames, annotations, objects: counts of what is there and makes sense.
    problems: what is missing or cannot be read, one sentence each.
    notes: differences to the published counts.
    """

    dataset: str
    split: str
    sequences: int
    frames: int
    annotations: int
    objects: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def check_dataset(
    name: str,
    root: Path,
    split: str | None = None,
    options: Mapping[str, str] | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Open every sequence and read every file of a dataset.

    Args:
        name, root, split, options: as ``open_dataset`` has them.
        progress: called after every sequence with how many are done, and how many there are.

    Raises:
        ConfigError: the dataset, its split, an option or its value is unknown.
        DatasetError: ``root`` is laid out in another way than the dataset.
    """
    dataset = open_dataset(name, root, split, options)
    sequences: list[VosSequence] = []
    problems: list[str] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for done, sequence_name in enumerate(dataset.names, start=1):
            try:
                sequence = dataset[sequence_name]
            except SequenceError as error:
                problems += error.problems
            except DatasetError as error:
                problems.append(str(error))
            else:
                sequences.append(sequence)
                problems += filter(None, pool.map(_frame_problem, sequence.frames))
                problems += filter(None, pool.map(_annotation_problem(sequence), sequence.annotations))
            if progress:
                progress(done, len(dataset.names))
    return Report(
        name,
        dataset.split,
        len(sequences),
        sum(len(sequence.frames) for sequence in sequences),
        sum(len(sequence.annotations) for sequence in sequences),
        sum(len(sequence.appearances) for sequence in sequences),
        tuple(problems),
        tuple(_differences(name, dataset, sequences)),
    )


def _annotation_problem(sequence: VosSequence) -> Callable[[int], str | None]:
    """What is wrong with the annotation at a position, if anything."""

    def problem(position: int) -> str | None:
        try:
            sequence.labels(position)
        except DatasetError as error:
            return str(error)
        return None

    return problem


def _frame_problem(path: Path) -> str | None:
    try:
        with Image.open(path) as image:
            image.draft(image.mode, (image.width // _COARSE, image.height // _COARSE))
            image.load()
    except UNREADABLE:
        return str(unreadable(path))
    return None


def _differences(name: str, dataset: VosDataset, sequences: Iterable[VosSequence]) -> Iterable[str]:
    published = find_dataset(name).published.get(dataset.split)
    if published is None:
        return
    found = list(sequences)
    wholes = {sequence.name.split(CHUNK)[0] for sequence in found} if name == "bdd100k" else found
    for what, ours, theirs in (
        ("videos" if name == "bdd100k" else "sequences", len(wholes), published.sequences),
        ("frames", sum(len(sequence.frames) for sequence in found), published.frames),
        ("objects", sum(len(sequence.appearances) for sequence in found), published.objects),
    ):
        if theirs is not None and ours != theirs:
            yield f"{what}: {ours} here, {theirs} published"
