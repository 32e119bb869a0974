"""The interface of VOS datasets: named sequences of frames, given masks and ground truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sampt.prompts.query_points import ObjectQuery, QueryPoints
from sampt.video.images import read_image

Labels = NDArray[np.uint8]
"""A label map: (H, W) object ids, 0 for background."""

Progress = Callable[[int, int], None]
"""A callback that gets how many sequences, tasks or videos are done, and how many there are."""

D = TypeVar("D")
S = TypeVar("S", covariant=True)


class SequenceDataset(Protocol[S]):
    """A dataset of any kind: sequences or videos by name."""

    @property
    def name(self) -> str: ...

    @property
    def split(self) -> str: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def __getitem__(self, name: str, /) -> S: ...


class Frames:
    """Image files as a source of frames: ``frames[i]`` is (H, W, 3) uint8 RGB, read when it is needed.

    The latest few are kept, since tracker and segmenter need the same ones.
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
    """One sequence for semi-supervised VOS, with T frames at positions from 0.

    Attributes:
        name: name of the sequence, and of its results folder.
        frames: T image files, in order; a result has the name of its frame.
        appearances: object id (1 to 255) → position of its first appearance, where its mask is given.
        annotations: position → annotation file, for all that exist, at least those of ``appearances``.
        saved: positions whose masks belong in the results.
        read: reads an annotation file.
        categories: object id → name of its category, if the dataset knows it.
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
        """The annotation of the frame at a position.

        Raises:
            DatasetError: it cannot be read.
        """
        return self.read(self.annotations[position])

    def queries(self) -> QueryPoints:
        """The objects, each with its mask in the frame where it first appears.

        Raises:
            DatasetError: an annotation cannot be read.
        """
        given = {position: self.labels(position) for position in set(self.appearances.values())}
        objects = (
            ObjectQuery(id, position, mask=given[position] == id) for id, position in self.appearances.items()
        )
        return QueryPoints(tuple(objects), self.name)


class VosDataset(Protocol):
    """A VOS dataset on disk. Opening one reads lists and folders, but no images.

    Attributes:
        name: name of the dataset on the command line, such as "davis2017".
        split: name of the split, such as "val".
        names: names of the sequences, in the official order.
        protocol: how results are scored: "davis", "youtube-vos" or "bdd100k".
    """

    name: str
    split: str
    protocol: str

    @property
    def names(self) -> tuple[str, ...]: ...

    def __getitem__(self, name: str, /) -> VosSequence:
        """The sequence of that name.

        Raises:
            DatasetError: there is no such sequence, or one of its files is missing or invalid.
        """
        ...


@dataclass(frozen=True)
class DatasetChoice:
    """A dataset and its location, as ``--dataset``, ``--root``, ``--split`` and ``-d`` give them.

    Attributes:
        name: one of the names that ``sampt datasets list`` shows.
        root: the dataset's folder.
        split: name of the split; None for the one that is usually scored.
        options: the dataset's own options, such as ``{"resolution": "480p"}``.
    """

    name: str
    root: Path
    split: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root).resolve())  # workers may start in another folder

    def open(self, opener: Callable[[str, Path, str | None, Mapping[str, str]], D]) -> D:
        """The dataset, as ``open_dataset`` or ``open_vis_dataset`` opens it.

        Raises:
            ConfigError: the dataset, its split, an option or its value is unknown.
            DatasetError: the root does not have the dataset's layout.
        """
        return opener(self.name, self.root, self.split, self.options)

    def describe(self, split: str) -> dict[str, Any]:
        """The choice as plain values for ``run.json``; ``split`` is the one that was opened."""
        return {
            "name": self.name,
            "split": split,
            "options": dict(self.options),
            "root": str(self.root),
        }
