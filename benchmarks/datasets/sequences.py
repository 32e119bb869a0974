"""Opening a sequence: its frames and annotations are matched by name, and all problems are reported."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

from sampt._internal.names import unknown_name
from sampt.errors import DatasetError

from .annotation import image_size, object_ids, read_labels
from .base import DatasetInput, Labels, VosSequence
from .folders import image_files, mask_files

Needed = Literal["every", "first"] | Collection[str]
"""The frames that must be annotated: all, the first, or those with these names without suffix."""


class SequenceError(DatasetError):
    """All problems with the files of one sequence; its message is the first of them.

    Args:
        problems: one sentence each.
    """

    def __init__(self, problems: Collection[str]) -> None:
        self.problems = tuple(problems)
        more = len(self.problems) - 1
        rest = f" (`sampt datasets check` lists {more} more)" if more else ""
        super().__init__(self.problems[0] + rest)

    def __reduce__(self) -> tuple[type[SequenceError], tuple[tuple[str, ...]]]:
        return SequenceError, (self.problems,)


def open_sequence(
    name: str,
    images: Path,
    masks: Path,
    *,
    read: Callable[[Path], Labels] = read_labels,
    needed: Needed = (),
    late: bool = True,
    saved: Collection[str] | None = None,
    categories: Mapping[int, str] | None = None,
) -> VosSequence:
    """Match the frames in ``images`` with the annotations in ``masks``.

    Only headers of images are read, and only as many annotations as needed to find where objects appear.

    Args:
        name: name of the sequence.
        images: the folder of frames.
        masks: the folder of annotations.
        read: reads an annotation.
        needed: the frames that must be annotated.
        late: whether objects may first appear after the first frame; if not, only the first is read.
        saved: names, without suffix, of the frames whose masks belong in the results, beside annotated ones;
            None for all.
        categories: object id → category; ids that do not appear are left out.

    Raises:
        SequenceError: files are missing, unreadable or differ in size, or no object is annotated.
    """
    frames = image_files(images)
    if not frames:
        raise SequenceError([f"sequence {name} has no frames in {images}: unpack the frames again"])
    positions = {frame.stem: position for position, frame in enumerate(frames)}
    masks_by_stem = mask_files(masks)
    annotations = {positions[stem]: file for stem, file in masks_by_stem.items() if stem in positions}
    if needed == "every":
        needed = tuple(positions)
    elif needed == "first":
        needed = (frames[0].stem,)
    problems = [
        *_unmatched(frames, masks_by_stem, positions),
        *_missing([masks / f"{stem}.png" for stem in needed if stem not in masks_by_stem], "annotation"),
        *_missing([images / f"{stem}.jpg" for stem in saved or () if stem not in positions], "frame"),
        *_sizes(frames, annotations),
    ]
    given = sorted(annotations if late else annotations.keys() & {0})
    appearances: dict[int, int] = {}
    for position in given:
        try:
            for id in object_ids(read(annotations[position])):
                appearances.setdefault(id, position)
        except DatasetError as error:
            if str(error) not in problems:
                problems.append(str(error))
    if not appearances and not problems:
        problems.append(f"no object is annotated in {masks}: unpack the annotations of {name} again")
    if problems:
        raise SequenceError(problems)
    return VosSequence(
        name,
        frames,
        dict(sorted(appearances.items())),
        dict(sorted(annotations.items())),
        tuple(p for stem, p in positions.items() if saved is None or stem in saved or p in annotations),
        read,
        {id: category for id, category in (categories or {}).items() if id in appearances},
    )


def _unmatched(
    frames: Sequence[Path], masks: Mapping[str, Path], positions: Mapping[str, int]
) -> Iterator[str]:
    for frame, other in pairwise(frames):
        if frame.stem == other.stem:
            yield f"{frame} and {other.name} are frames with the same name: remove one of them"
    for stem, file in masks.items():
        if stem not in positions:
            yield f"annotation {file} has no frame with its name: unpack the frames again"


def _missing(files: list[Path], kind: str) -> Iterator[str]:
    """One sentence about all missing files, since often the whole rest of a folder is missing."""
    if files:
        verb = "are" if files[2:] else "is"
        more = f", and so {verb} {len(files) - 1} more of its folder" if files[1:] else ""
        yield f"{kind} {files[0]} is missing{more}: unpack the {kind}s again"


def _sizes(frames: tuple[Path, ...], annotations: Mapping[int, Path]) -> Iterator[str]:
    """The sentences about wrong sizes; the first frame that can be read has the right one."""
    right: tuple[int, int] | None = None
    for file in (*frames, *annotations.values()):
        try:
            size = image_size(file)
        except DatasetError as error:
            yield str(error)
            continue
        right = right or size
        if size != right:
            wrong, wanted = (f"{width}x{height}" for height, width in (size, right))
            yield f"{file} is {wrong} but the frames are {wanted} pixels: use files of the same resolution"


@dataclass
class FolderDataset:
    """A dataset whose sequences are folders of the same name in ``images`` and in ``masks``.

    Attributes:
        needed: the frames that must be annotated, as in ``open_sequence``.
        late: whether objects may first appear after the first frame.
        read: reads an annotation.
        input: what the sequences are read from, if there is a choice.
    """

    name: str
    split: str
    protocol: str
    names: tuple[str, ...]
    images: Path
    masks: Path
    needed: Literal["every", "first"] | None = None
    late: bool = True
    read: Callable[[Path], Labels] = read_labels
    input: DatasetInput = field(default_factory=DatasetInput)

    def __getitem__(self, name: str, /) -> VosSequence:
        """The sequence of that name.

        Raises:
            DatasetError: there is no such sequence, or one of its files is missing or invalid.
        """
        check_name(self.name, name, self.names)
        return open_sequence(
            name,
            self.images / name,
            self.masks / name,
            read=self.read,
            needed=self.needed or (),
            late=self.late,
            categories=self._categories(name),
        )

    def _categories(self, name: str) -> Mapping[int, str]:
        return {}


def check_name(dataset: str, name: str, names: Collection[str]) -> None:
    """Check that a dataset has a sequence.

    Args:
        dataset: name of the dataset, for the error.
        name: name of the sequence.
        names: names of all sequences.

    Raises:
        DatasetError: ``name`` is not one of ``names``.
    """
    if name not in names:
        raise DatasetError(unknown_name(f"sequence of {dataset}", name, names))
