"""The datasets by name: their splits, options, sources and published sizes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from sampt._internal.files import check_text
from sampt._internal.names import unknown_name
from sampt.config.key_values import key_and_value
from sampt.errors import ConfigError, DatasetError

from . import bdd100k, davis, generic, mose, youtube_vos
from .base import AUTO, DatasetChoice, VosDataset

logger = logging.getLogger(__name__)

D = TypeVar("D", covariant=True)


@dataclass(frozen=True)
class Published:
    """The published size of a split; None for what could not be verified."""

    sequences: int
    frames: int | None = None
    objects: int | None = None


@dataclass(frozen=True)
class DatasetInfo(Generic[D]):
    """What is known about a dataset before it is opened as a ``D``.

    Attributes:
        splits: names of the splits, the default first. If ``any_split``, the dataset's own lists may name
            others.
        open: opens the dataset, given the root, the split and all options.
        options: option → allowed values, the default first; an option without values may have any value, or
            be left out.
    """

    title: str
    splits: tuple[str, ...]
    open: Callable[[Path, str, Mapping[str, str]], D]
    source: str
    licence: str = "see its page"
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    any_split: bool = False
    published: Mapping[str, Published] = field(default_factory=dict)


DATASETS: Mapping[str, DatasetInfo[VosDataset]] = {
    # The frames and objects of both validation sets are those of the OSVOS results that come with the
    # official davis2017-evaluation; Khoreva et al., ACCV 2018, give the numbers of sequences.
    "davis2016": DatasetInfo(
        "DAVIS 2016, one object",
        ("val", "train", "trainval"),
        davis.open_davis2016,
        davis.SOURCE_2016,
        options={"resolution": (AUTO, "480p", "1080p", "Full-Resolution")},
        published={
            "val": Published(20, 1376, 20),
            "train": Published(30, None, 30),
            "trainval": Published(50, None, 50),
        },
    ),
    "davis2017": DatasetInfo(
        "DAVIS 2017, several objects",
        ("val", "train", "test-dev"),
        davis.open_davis2017,
        davis.SOURCE_2017,
        options={"resolution": (AUTO, "480p", "Full-Resolution")},
        published={"val": Published(30, 1999, 61), "train": Published(60), "test-dev": Published(30)},
    ),
    # youtube-vos.org/dataset/vos; the objects of 2019 are given by Refer-YouTube-VOS (Seo et al., ECCV 2020).
    "youtubevos2018": DatasetInfo(
        "YouTube-VOS 2018",
        ("valid", "train"),
        partial(youtube_vos.open_youtube_vos, 2018),
        youtube_vos.SOURCE,
        options={"all_frames": (AUTO, "false", "true")},
        published={"valid": Published(474, None, 894), "train": Published(3471, None, 5945)},
    ),
    "youtubevos2019": DatasetInfo(
        "YouTube-VOS 2019",
        ("valid", "train"),
        partial(youtube_vos.open_youtube_vos, 2019),
        youtube_vos.SOURCE,
        options={"all_frames": (AUTO, "false", "true")},
        published={"valid": Published(507, None, 1063), "train": Published(3471, None, 6459)},
    ),
    "mose": DatasetInfo(
        "MOSE 2023, complex scenes",
        ("valid", "train"),
        mose.open_mose,
        mose.SOURCE,
        "CC BY-NC-SA 4.0",
    ),
    # vis.xyz/bdd100k/challenges/cvpr2022: the videos of MOTS, before they are split into parts.
    "bdd100k": DatasetInfo(
        "BDD100K, objects of driving scenes",
        ("val", "train"),
        bdd100k.open_bdd100k,
        bdd100k.SOURCE,
        "research and not-for-profit",
        published={"val": Published(32), "train": Published(154)},
    ),
    "generic": DatasetInfo(
        "any JPEGImages and Annotations",
        (generic.ALL,),
        generic.open_generic,
        "your own",
        "your own",
        options={"resolution": ()},
        any_split=True,
    ),
}


def dataset_names() -> tuple[str, ...]:
    """The names that ``--dataset`` accepts."""
    return tuple(DATASETS)


def find_dataset(name: str) -> DatasetInfo[VosDataset]:
    """What is known about the VOS dataset of that name.

    Raises:
        ConfigError: there is no such dataset.
    """
    return find_in(DATASETS, name)


def find_in(datasets: Mapping[str, DatasetInfo[D]], name: str) -> DatasetInfo[D]:
    """What is known about a dataset of any kind.

    Raises:
        ConfigError: there is no such dataset.
    """
    if name not in datasets:
        raise ConfigError(unknown_name("dataset", name, datasets))
    return datasets[name]


def splits(name: str) -> tuple[str, ...]:
    """The splits of a dataset, the default first.

    Raises:
        ConfigError: there is no such dataset.
    """
    return find_dataset(name).splits


def open_dataset(
    name: str, root: Path, split: str | None = None, options: Mapping[str, str] | None = None
) -> VosDataset:
    """Open a dataset on disk, reading its lists and folders, but not its images.

    Args:
        name: name of the dataset.
        root: its folder; the one above it, or ``JPEGImages`` and the like in it, also works.
        split: name of the split; None for the validation set.
        options: the dataset's own options, such as ``resolution`` for DAVIS or ``all_frames`` for
            YouTube-VOS.

    Raises:
        ConfigError: the dataset, its split, an option or its value is unknown.
        DatasetError: ``root`` does not have the dataset's layout.
    """
    return open_in(DATASETS, name, root, split, options)


def open_for_run(choice: DatasetChoice) -> tuple[DatasetChoice, VosDataset]:
    """Open a dataset that a run reads for hours, in several processes.

    A warning says if published results were made from something else.

    Returns:
        The choice with no option left to what is in the folder, and the dataset.

    Raises:
        ConfigError: the dataset, its split, an option or its value is unknown.
        DatasetError: the root does not have the dataset's layout.
    """
    opened = choice.open(open_dataset)
    if opened.input.note:
        logger.warning("%s", opened.input.note)
    return choice.settled(opened.input), opened


def other_inputs(
    dataset: VosDataset, root: Path, options: Mapping[str, str] | None = None
) -> Iterator[VosDataset]:
    """The same dataset, read from whatever else its folder offers and ``options`` leave open.

    Args:
        dataset: the dataset as it was opened.
        root: its folder.
        options: the options with which it was opened.
    """
    for key, values in find_dataset(dataset.name).options.items():
        if AUTO not in values or (options or {}).get(key, AUTO) != AUTO:
            continue
        for value in values:
            if value not in (AUTO, dataset.input.options[key]):
                with suppress(DatasetError):  # it is not there
                    yield open_dataset(dataset.name, root, dataset.split, {**(options or {}), key: value})


def open_in(
    datasets: Mapping[str, DatasetInfo[D]],
    name: str,
    root: Path,
    split: str | None = None,
    options: Mapping[str, str] | None = None,
) -> D:
    """Open a dataset of any kind; arguments and errors as in ``open_dataset``."""
    info = find_in(datasets, name)
    split = info.splits[0] if split is None else split
    if split not in info.splits and not info.any_split:
        raise ConfigError(unknown_name(f"split of {name}", split, info.splits))
    chosen = {key: values[0] for key, values in info.options.items() if values}
    for key, value in (options or {}).items():
        if key not in info.options:
            raise ConfigError(unknown_name(f"option of {name}", key, info.options))
        if info.options[key] and value not in info.options[key]:
            raise ConfigError(unknown_name(f"{key} of {name}", value, info.options[key]))
        chosen[key] = value
    check_text(root, DatasetError)
    return info.open(Path(root), split, chosen)


def parse_options(texts: Iterable[str]) -> dict[str, str]:
    """The options in ``KEY=VALUE`` texts, as the command line takes them.

    Raises:
        ConfigError: a text has no ``=``, or a key is given twice.
    """
    options: dict[str, str] = {}
    for text in texts:
        key, value = key_and_value(text, "-d", "resolution=480p")
        if key in options:
            raise ConfigError(f"-d {text}: {key} is given twice; give it once")
        options[key] = value
    return options
