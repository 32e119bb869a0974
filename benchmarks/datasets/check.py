"""The check of a dataset before work starts: what exists, what is missing, and whether every file opens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from PIL import Image

from sampt.errors import DatasetError

from .annotation import UNREADABLE, unreadable
from .base import DatasetInput, Progress, SequenceDataset, VosSequence
from .bdd100k import CHUNK
from .registry import Published, find_dataset, open_dataset, other_inputs
from .sequences import SequenceError

_THREADS = 4
_COARSE = 8
"""The fraction of its size that a JPEG is decoded at: this still reads the whole file, but much faster."""


class HasFrames(Protocol):
    """A sequence or a video."""

    @property
    def frames(self) -> tuple[Path, ...]: ...


S = TypeVar("S", bound=HasFrames)


@dataclass(frozen=True)
class DatasetCheck:
    """What the check of a split has found.

    Attributes:
        sequences: number of valid sequences.
        frames: number of their frames.
        annotations: number of their annotation files, or of masks in video instance segmentation.
        objects: number of their objects.
        problems: what is missing or cannot be read, one sentence each.
        notes: differences from the published counts, and from what published results were made from.
        inputs: what the sequences can be read from, if there is a choice, the default first.
    """

    dataset: str
    split: str
    sequences: int
    frames: int
    annotations: int
    objects: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    inputs: tuple[str, ...] = ()


def check_dataset(
    name: str,
    root: Path,
    split: str | None = None,
    options: Mapping[str, str] | None = None,
    *,
    progress: Progress | None = None,
) -> DatasetCheck:
    """Open every sequence and read every file of a dataset, of everything that it can be read from.

    Args:
        name: name of the dataset, as in ``open_dataset``.
        root: the dataset's folder.
        split: name of the split; None for the default.
        options: the dataset's own options.
        progress: called after every sequence with how many are done, and how many there are.

    Returns:
        What was found; counts are those of the default input.

    Raises:
        ConfigError: the dataset, its split, an option or its value is unknown.
        DatasetError: ``root`` does not have the dataset's layout.
    """
    dataset = open_dataset(name, root, split, options)
    inputs = [dataset, *other_inputs(dataset, root, options)]
    found = [read_all(each, _annotations, _part(progress, k, len(inputs))) for k, each in enumerate(inputs)]
    sequences = found[0][0]
    problems = dict.fromkeys(problem for _, problems in found for problem in problems)
    published = find_dataset(name).published.get(dataset.split)
    chunked = name == "bdd100k"
    wholes = {sequence.name.split(CHUNK)[0] for sequence in sequences} if chunked else sequences
    objects = sum(len(sequence.appearances) for sequence in sequences)
    return DatasetCheck(
        name,
        dataset.split,
        len(sequences),
        count_frames(sequences),
        sum(len(sequence.annotations) for sequence in sequences),
        objects,
        tuple(problems),
        (
            *differences(
                published, "videos" if chunked else "sequences", len(wholes), count_frames(sequences), objects
            ),
            *filter(None, [dataset.input.note]),
        ),
        tuple(_how(each.input) for each in inputs if each.input.text),
    )


def _how(input: DatasetInput) -> str:
    """What the input is, and the options that choose it."""
    options = " ".join(f"-d {key}={value}" for key, value in input.options.items())
    return f"{input.text} ({options})"


def _annotations(sequence: VosSequence) -> Iterator[Callable[[], object]]:
    """Reads every annotation of a sequence."""
    for position in sequence.annotations:
        yield partial(sequence.labels, position)
    for position in sequence.given or ():
        yield partial(sequence.frame_labels, position)


def _part(progress: Progress | None, part: int, parts: int) -> Progress | None:
    """The callback for one of several passes over the same sequences."""
    return progress and (lambda done, total: progress(part * total + done, parts * total))


def read_all(
    dataset: SequenceDataset[S],
    reads: Callable[[S], Iterable[Callable[[], object]]] = lambda sequence: (),
    progress: Progress | None = None,
) -> tuple[list[S], list[str]]:
    """Open every sequence of a dataset and read all its frames.

    Args:
        dataset: what to read.
        reads: what else to read of a sequence; each call raises ``DatasetError`` if it fails.
        progress: called after every sequence with how many are done, and how many there are.

    Returns:
        The sequences that could be opened, and sentences about what could not be read.
    """
    sequences: list[S] = []
    problems: list[str] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for done, name in enumerate(dataset.names, start=1):
            try:
                sequence = dataset[name]
            except SequenceError as error:
                problems += error.problems
            except DatasetError as error:
                problems.append(str(error))
            else:
                sequences.append(sequence)
                frames = [partial(_read_frame, frame) for frame in sequence.frames]
                problems += filter(None, pool.map(_problem, [*frames, *reads(sequence)]))
            if progress:
                progress(done, len(dataset.names))
    return sequences, problems


def _problem(read: Callable[[], object]) -> str | None:
    try:
        read()
    except DatasetError as error:
        return str(error)
    return None


def _read_frame(path: Path) -> None:
    try:
        with Image.open(path) as image:
            image.draft(image.mode, (image.width // _COARSE, image.height // _COARSE))
            image.load()
    except UNREADABLE as error:
        raise unreadable(path) from error


def count_frames(sequences: Iterable[HasFrames]) -> int:
    return sum(len(sequence.frames) for sequence in sequences)


def differences(
    published: Published | None, what: str, sequences: int, frames: int, objects: int
) -> Iterator[str]:
    """The sentences about counts that are not the published ones; ``what`` is the word for sequences."""
    if published is None:
        return
    for name, ours, theirs in (
        (what, sequences, published.sequences),
        ("frames", frames, published.frames),
        ("objects", objects, published.objects),
    ):
        if theirs is not None and ours != theirs:
            yield f"{name}: {ours} here, {theirs} published"
