"""DAVIS 2016 and 2017 (Perazzi et al., CVPR 2016; Pont-Tuset et al., arXiv 1704.00675).

Masks are given in the first frame, and only the objects in it count. SAM-PT's papers read frames and given
masks at full resolution, shrink them to a longest side of 1024, and save and score results at 480p.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from sampt.config.schema import WorkingSize
from sampt.errors import DatasetError

from .annotation import image_size, read_labels, read_single_object
from .base import AUTO, DatasetInput, Labels, VosSequence
from .folders import find_root, read_list
from .sequences import FolderDataset, SequenceError

SOURCE_2016 = "https://davischallenge.org/davis2016/code.html"
SOURCE_2017 = "https://davischallenge.org/davis2017/code.html"

SMALL = "480p"
LARGE_2016 = ("Full-Resolution", "1080p")
"""The folders of full resolution: those of DAVIS 2017, which also serve, and those of DAVIS 2016."""
LARGE_2017 = ("Full-Resolution",)
LONGEST_SIDE = 1024
"""Pixels of the longer side to which full resolution is shrunk."""

_FOLDERS = (f"JPEGImages/{SMALL}", f"Annotations/{SMALL}")
"""What results and scores need in any case."""


def open_davis2016(root: Path, split: str, options: Mapping[str, str]) -> FolderDataset:
    """Open DAVIS 2016, one object per sequence. DAVIS 2017's folders also work: they hold the lists of 2016.

    Raises:
        DatasetError: ``root`` does not have the dataset's layout.
    """
    resolution = options["resolution"]
    root = find_root(root, _FOLDERS, SOURCE_2016)
    lists = [root / "ImageSets" / folder / f"{split}.txt" for folder in ("480p", "2016", "1080p")]
    found = next((path for path in lists if path.is_file()), None)
    if found is None:
        raise DatasetError(f"{root} has no list {lists[0].relative_to(root)}: get it from {SOURCE_2016}")
    return _open("davis2016", split, root, read_list(found), resolution, LARGE_2016, read_single_object)


def open_davis2017(root: Path, split: str, options: Mapping[str, str]) -> FolderDataset:
    """Open DAVIS 2017, several objects per sequence; only the first annotations of test-dev are public.

    Raises:
        DatasetError: ``root`` does not have the dataset's layout.
    """
    resolution, listed = options["resolution"], f"ImageSets/2017/{split}.txt"
    root = find_root(root, (*_FOLDERS, listed), SOURCE_2017)
    return _open("davis2017", split, root, read_list(root / listed), resolution, LARGE_2017, read_labels)


@dataclass
class LargeDavis(FolderDataset):
    """DAVIS with frames and given masks at full resolution; ``small`` is the same at 480p, as results are."""

    small: FolderDataset = field(kw_only=True)

    def __getitem__(self, name: str, /) -> VosSequence:
        """The sequence of that name.

        Raises:
            DatasetError: there is no such sequence, or files of one resolution are missing or invalid, or do
                not belong to those of the other.
        """
        opened = list[VosSequence]()
        problems = list[str]()
        for get in (super().__getitem__, self.small.__getitem__):
            try:
                opened.append(get(name))
            except SequenceError as error:
                problems += error.problems
        if not problems:
            problems += _differences(*opened)
        if problems:
            raise SequenceError(problems)
        large, small = opened
        shrunk = max(image_size(large.frames[0])) > LONGEST_SIDE
        return replace(
            large,
            annotations=small.annotations,
            given=large.annotations,
            size=image_size(small.frames[0]),
            working=WorkingSize(longest_side=LONGEST_SIDE) if shrunk else WorkingSize(),
        )


def _open(
    name: str,
    split: str,
    root: Path,
    names: tuple[str, ...],
    resolution: str,
    large: tuple[str, ...],
    read: Callable[[Path], Labels],
) -> FolderDataset:
    """The dataset at the chosen resolution.

    ``AUTO`` is the first of ``large`` with all sequences that are there at 480p, which may be only a part.
    """
    needed: Literal["every", "first"] = "first" if split == "test-dev" else "every"
    images, masks = root / "JPEGImages", root / "Annotations"
    small = FolderDataset(
        name, split, "davis", names, images / SMALL, masks / SMALL, needed, late=False, read=read
    )
    tried = {AUTO: large, SMALL: ()}.get(resolution, (resolution,))
    there = [sequence for sequence in names if (images / SMALL / sequence).is_dir()]
    missing = {folder: _missing((images / folder, masks / folder), there) for folder in tried}
    chosen = next((folder for folder, path in missing.items() if path is None), None)
    if chosen:
        changed = {"images": images / chosen, "masks": masks / chosen, "input": _large_input(chosen)}
        return LargeDavis(**{**vars(small), **changed}, small=small)
    # If several folders were tried, the one that has most is meant: its missing path is the deepest.
    lacking = max(filter(None, missing.values()), key=lambda path: len(path.parts), default=None)
    if lacking and resolution != AUTO:
        raise DatasetError(
            f"{lacking} is missing: unpack full resolution there, or use -d resolution={SMALL}"
        )
    return replace(small, input=_small_input(lacking and lacking.relative_to(root)))


def _missing(folders: Sequence[Path], names: Sequence[str]) -> Path | None:
    """The first path that is missing: one of ``folders``, or one of the sequences in it."""
    wanted = (path for folder in folders for path in (folder, *(folder / name for name in names)))
    return next((path for path in wanted if not path.is_dir()), None)


def _large_input(folder: str) -> DatasetInput:
    size = f"longest side {LONGEST_SIDE} unless config.working_size is set"
    return DatasetInput(f"{folder}, {size}, results at {SMALL}", {"resolution": folder})


def _small_input(lacking: Path | None) -> DatasetInput:
    why = f" ({lacking} is missing)" if lacking else ""
    return DatasetInput(
        SMALL,
        {"resolution": SMALL},
        f"Frames and given masks are read at {SMALL}{why}, but SAM-PT's published results were made from "
        "full resolution.",
    )


def _differences(large: VosSequence, small: VosSequence) -> Iterator[str]:
    """The sentences about files of the two resolutions that do not belong together."""
    ours, theirs = ({frame.stem for frame in sequence.frames} for sequence in (large, small))
    if only := sorted(ours ^ theirs):
        more = f", and so are {len(only) - 1} more" if only[1:] else ""
        yield (
            f"frame {only[0]} is in only one of {large.frames[0].parent} and {small.frames[0].parent}{more}: "
            "unpack both resolutions again"
        )
    elif large.appearances != small.appearances:
        ids = [", ".join(map(str, sequence.appearances)) for sequence in (large, small)]
        yield (
            f"{large.annotations[0]} has objects {ids[0]} but {small.annotations[0]} has {ids[1]}: unpack "
            f"both resolutions again, or use -d resolution={SMALL}"
        )
