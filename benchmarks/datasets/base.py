"""The interface of VOS datasets: named sequences of frames, given masks and ground truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sampt.config.schema import WorkingSize
from sampt.prompts.query_points import ObjectQuery, QueryPoints
from sampt.video.images import read_image, used_bits
from sampt.video.resized import Size, resized_frame, resized_labels, resized_mask

Labels = NDArray[np.uint8]
"""A label map: (H, W) object ids, 0 for background."""

Progress = Callable[[int, int], None]
"""A callback that gets how many sequences, tasks or videos are done, and how many there are."""

AUTO = "auto"
"""The value of a dataset's option for what SAM-PT's papers use, or what is in the folder instead."""

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

    The latest few are kept, resized, since tracker and segmenter need the same ones.

    Args:
        files: the files, in order.
        size: (height, width) to which each frame is resized; None for its own.
    """

    def __init__(self, files: Sequence[Path], size: Size | None = None) -> None:
        self.files, self.size = tuple(files), size
        self.file_names = tuple(file.name for file in self.files)
        self._read = lru_cache(maxsize=8)(self._read_file)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        return self._read(self.files[index]).copy()

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[i] for i in range(len(self)))

    @cached_property
    def _bits(self) -> int:
        return used_bits(self.files) or 16

    def _read_file(self, file: Path) -> NDArray[np.uint8]:
        frame = read_image(file, self._bits)
        return frame if self.size is None else resized_frame(frame, self.size)


@dataclass(frozen=True)
class VosSequence:
    """One sequence for semi-supervised VOS, with T frames at positions from 0.

    Attributes:
        name: name of the sequence, and of its results folder.
        frames: T image files, in order; a result has the name of its frame.
        appearances: object id (1 to 255) → position of its first appearance, where its mask is given.
        annotations: position → annotation file that results are scored against, for all that exist, at least
            those of ``appearances``.
        saved: positions whose masks belong in the results.
        read: reads an annotation file.
        categories: object id → name of its category, if the dataset knows it.
        given: position → annotation file of the frames' own size, from which masks are given; None if those
            of ``annotations`` have this size.
        size: (height, width) of results and of ``annotations``; None for that of the frames.
        working: the working size by the dataset's protocol, which a configuration may replace.
    """

    name: str
    frames: tuple[Path, ...]
    appearances: Mapping[int, int]
    annotations: Mapping[int, Path]
    saved: tuple[int, ...]
    read: Callable[[Path], Labels]
    categories: Mapping[int, str] = field(default_factory=dict)
    given: Mapping[int, Path] | None = None
    size: Size | None = None
    working: WorkingSize = field(default_factory=WorkingSize)

    @property
    def video(self) -> Frames:
        """The frames at their own size."""
        return Frames(self.frames)

    def resized(self, size: Size | None) -> Frames:
        """The frames at ``size`` (height, width); None for their own."""
        return Frames(self.frames, size)

    @property
    def frame_size(self) -> Size:
        """The (height, width) of the frames, for which the first one is read.

        Raises:
            VideoError: it cannot be read.
        """
        height, width = self.video[0].shape[:2]
        return height, width

    def working_size(self, configured: WorkingSize) -> Size:
        """The (height, width) to which frames and given masks are brought before anything else is done.

        Args:
            configured: the configuration's working size; if it has none, the dataset's own applies.

        Raises:
            VideoError: the first frame cannot be read.
        """
        return (self.working if configured == WorkingSize() else configured).of(self.frame_size)

    def labels(self, position: int) -> Labels:
        """The annotation of the frame at a position, at the size of the results.

        Raises:
            DatasetError: it cannot be read.
        """
        return self.read(self.annotations[position])

    @property
    def frame_annotations(self) -> Mapping[int, Path]:
        """Position → annotation file of the frames' own size."""
        return self.annotations if self.given is None else self.given

    def frame_labels(self, position: int, size: Size | None = None) -> Labels:
        """The annotation of the frame at a position, at the frames' own size or resized to ``size``.

        Raises:
            DatasetError: it cannot be read.
        """
        labels = self.read(self.frame_annotations[position])
        return labels if size is None else np.asarray(resized_labels(labels, size), np.uint8)

    def queries(self, size: Size | None = None) -> QueryPoints:
        """The objects, each with its mask in the frame where it first appears.

        Args:
            size: (height, width) to which masks are resized, for frames of that size; None for their own.

        Raises:
            DatasetError: an annotation cannot be read.
        """
        given = {position: self.frame_labels(position) for position in set(self.appearances.values())}
        objects = []
        for id, position in self.appearances.items():
            mask = given[position] == id
            objects.append(ObjectQuery(id, position, mask=resized_mask(mask, size) if size else mask))
        return QueryPoints(tuple(objects), self.name)


@dataclass(frozen=True)
class DatasetInput:
    """What a dataset's sequences are read from, if its folder offers more than one thing.

    Attributes:
        text: what ``run.json`` calls it.
        options: the dataset's options that choose it.
        note: a sentence if published results were made from something else.
    """

    text: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    note: str | None = None


class VosDataset(Protocol):
    """A VOS dataset on disk. Opening one reads lists and folders, but no images.

    Attributes:
        name: name of the dataset on the command line, such as "davis2017".
        split: name of the split, such as "val".
        names: names of the sequences, in the official order.
        protocol: how results are scored: "davis", "youtube-vos" or "bdd100k".
        input: what its sequences are read from.
    """

    name: str
    split: str
    protocol: str
    input: DatasetInput

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

    def settled(self, input: DatasetInput) -> DatasetChoice:
        """The choice with options that choose ``input``, whatever else the folder may offer later."""
        return replace(self, options={**self.options, **input.options})

    def describe(self, split: str, input: DatasetInput | None = None) -> dict[str, Any]:
        """The choice as plain values for ``run.json``.

        Args:
            split: the split that was opened.
            input: what it is read from, if there is a choice.
        """
        return {
            "name": self.name,
            "split": split,
            "options": dict(self.options),
            **({"input": input.text} if input and input.text else {}),
            "root": str(self.root),
        }
