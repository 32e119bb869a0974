"""What a VOS dataset looks like to everything else: named sequences of frames, given masks and truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sampt.prompts.query_points import ObjectQuery, QueryPoints
from sampt.video.reader import read_image

Labels = NDArray[np.uint8]
"""(H, W) object ids, 0 where there is none."""

Progress = Callable[[int, int], None]
"""Called with how many sequences, tasks or videos are done, and how many there are."""

D = TypeVar("D")
S = TypeVar("S", covariant=True)


class SequenceDataset(Protocol[S]):
    """A dataset of whatever kind: sequences, or videos, by name."""

    @property
    def name(self) -> str: ...

    @property
    def split(self) -> str: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def __getitem__(self, name: str, /) -> S: ...


class Frames:
    """Image files as a source of frames: ``frames[i]`` is (H, W, 3) uint8 RGB, read when it is asked for.

    The latest few are kept, since tracker and segmenter ask for the same ones.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)
        self._read = lru_cache(maxsize=8)(read_image)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        return self._read(self.files[index]).copy()

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[i] for i in range(len(self)))


@dataclass(frozen=True)
class VosSequence:
    """One sequence for semi-supervised VOS; T frames, counted by position.

    name: of the sequence, and of its folder of results.
    frames: T image files, in order; a result has the name of its frame.
    appearances: object id (1 to 255) → position at which its mask is given, which is its first appearance.
    annotations: position → annotation file, for all that are at hand; those of ``appearances`` always are.
    saved: positions whose masks belong into the results.
    read: reads an annotation file.
    categories: object id → its category's name, where the dataset knows it.
    """

    name: str
    frames: tuple[Path, ...]
    appearances: Mapping[int, int]
    annotations: Mapping[int, Path]
    saved: tuple[int, ...]
    read: Callable[[Path], Labels]
    categories: Mapping[int, str] = field(default_factory=dict)

    @property
    def video(self) -> Frames:
        return Frames(self.frames)

    def labels(self, position: int) -> Labels:
        """The annotation of that frame.

        Raises:
            DatasetError: it cannot be read.
        """
        return self.read(self.annotations[position])

    def queries(self) -> QueryPoints:
        """The objects, each with its mask at the frame where it first appears.

        Raises:
            DatasetError: an annotation cannot be read.
        """
        given = {position: self.labels(position) for position in set(self.appearances.values())}
        objects = (
            ObjectQuery(id, position, mask=given[position] == id) for id, position in self.appearances.items()
        )
        return QueryPoints(tuple(objects), self.name)


class VosDataset(Protocol):
    """A dataset on disk. Opening one looks at lists and folders, not at images.

    name, split: as on the command line, such as "davis2017" and "val".
    names: of the sequences, in the official order.
    protocol: how results are scored: "davis", "youtube-vos" or "bdd100k".
    """

    name: str
    split: str
    protocol: str

    @property
    def names(self) -> tuple[str, ...]: ...

    def __getitem__(self, name: str, /) -> VosSequence:
        """
        Raises:
            DatasetError: a file of the sequence is missing or makes no sense.
        """
        ...


@dataclass(frozen=True)
class DatasetChoice:
    """Which dataset, and where it is: what ``--dataset``, ``--root``, ``--split`` and ``-d`` say.

    Attributes:
        name: one of ``sampt datasets list``.
        root: its folder.
        split: None for the one that is usually scored.
        options: the dataset's own, such as ``{"resolution": "480p"}``.
    """

    name: str
    root: Path
    split: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root).resolve())  # workers may begin elsewhere

    def open(self, opener: Callable[[str, Path, str | None, Mapping[str, str]], D]) -> D:
        """The dataset, as ``open_dataset`` or ``open_vis_dataset`` opens it.

        Raises:
            ConfigError: the dataset, its split, an option or its value is unknown.
            DatasetError: the root is laid out in another way than the dataset.
        """
        return opener(self.name, self.root, self.split, self.options)

    def describe(self, split: str) -> dict[str, Any]:
        """Plain values for ``run.json``; ``split`` is the one that was opened."""
        return {
            "name": self.name,
            "split": split,
            "options": dict(self.options),
            "root": str(self.root),
        }
