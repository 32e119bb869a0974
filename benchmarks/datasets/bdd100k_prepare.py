"""Preparation of BDD100K's segmentation tracking set, ``seg_track_20``, for semi-supervised VOS.

A bitmask is an RGBA PNG: R is the category, the low bits of G say whether an instance is truncated (8),
occluded (4), a crowd (2) or ignored (1), and B·256 + A is the instance's number in the video. As in SAM-PT,
ignored and crowd instances are dropped in the frames where they are marked so, the others are numbered from 1
in ascending order, and a video with more than 100 becomes several sequences of at most 100 objects.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt._internal.files import read_json, write_json
from sampt.errors import DatasetError, OutputError
from sampt.prompts.label_maps import palette_image

from .annotation import UNREADABLE, image_size, unreadable
from .base import Progress
from .bdd100k import CHUNK, META
from .folders import find_root, image_files, replacing_folder, sequence_names

SOURCE = "https://bdd-data.berkeley.edu/ (MOTS 2020 images and labels)"
MOST_OBJECTS = 100
"""Maximum number of objects per sequence."""
CATEGORIES = ("pedestrian", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")
"""BDD100K's categories, numbered from 1."""

_CROWD_OR_IGNORED = 0b11


@dataclass(frozen=True)
class PreparedBdd100k:
    """How many videos, sequences and objects were made, and how many videos had no object left."""

    videos: int
    sequences: int
    objects: int
    empty: tuple[str, ...]


def prepare_bdd100k(
    root: Path,
    output: Path,
    split: str = "val",
    *,
    copy: bool = False,
    workers: int = 1,
    progress: Progress | None = None,
) -> PreparedBdd100k:
    """Write ``output/SPLIT`` with ``JPEGImages``, ``Annotations`` and ``meta``.

    Videos that an earlier call has finished are not written again.

    Args:
        root: the folder with ``images/seg_track_20`` and ``labels/seg_track_20/bitmasks``.
        output: the folder to write into.
        split: name of the split.
        copy: copy the frames; otherwise ``JPEGImages`` links to the folders in ``root``.
        workers: number of videos made at the same time, each by a thread.
        progress: called after every video with how many are done, and how many there are.

    Returns:
        What was made.

    Raises:
        DatasetError: ``root`` does not have the dataset's layout, or a file is missing or not a bitmask.
        OutputError: ``output`` cannot be written.
    """
    images, bitmasks = f"images/seg_track_20/{split}", f"labels/seg_track_20/bitmasks/{split}"
    root = find_root(root, (images, bitmasks), SOURCE)
    names = sequence_names(root / bitmasks)
    videos = [_match(name, root / images / name, root / bitmasks / name) for name in names]
    target = output / split
    _make_folders(target)
    made: dict[str, list[int]] = {}
    with ThreadPoolExecutor(workers) as pool:
        futures = {pool.submit(_prepare_video, video, target, copy): video.name for video in videos}
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                made[futures[future]] = future.result()
                if progress:
                    progress(done, len(videos))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return PreparedBdd100k(
        len(videos),
        sum(map(len, made.values())),
        sum(map(sum, made.values())),
        tuple(name for name in names if not made[name]),
    )


@dataclass(frozen=True)
class _Video:
    name: str
    images: Path
    bitmasks: tuple[Path, ...]


def _match(name: str, images: Path, bitmasks: Path) -> _Video:
    """The video, whose bitmasks must match its frames."""
    frames = {file.stem for file in image_files(images)}
    masks = tuple(file for file in image_files(bitmasks) if file.suffix.lower() == ".png")
    if not frames or not masks:
        raise DatasetError(f"{bitmasks if frames else images} holds no files: unpack BDD100K again")
    if lonely := sorted(frames ^ {file.stem for file in masks}):
        lacking = images if lonely[0] not in frames else bitmasks
        raise DatasetError(f"{lacking} lacks {lonely[0]}, one of {len(lonely)}: unpack BDD100K again")
    return _Video(name, images, masks)


def _prepare_video(video: _Video, target: Path, copy: bool) -> list[int]:
    """Write a video's sequences, the meta files last, and return each one's number of objects."""
    record = target / META / f"{video.name}.json"
    if record.is_file():
        written = read_json(record, DatasetError, "remove it and run the same command again")
        return [len(objects) for objects in written["sequences"].values()]
    categories = _instances(video)
    instances = sorted(categories)
    sequences: dict[str, dict[int, int]] = {}  # name → instance → object id
    for part, first in enumerate(range(0, len(instances), MOST_OBJECTS), start=1):
        name = video.name if part == 1 else f"{video.name}{CHUNK}{part}"
        sequences[name] = {n: id for id, n in enumerate(instances[first : first + MOST_OBJECTS], start=1)}
    for name, ids in sequences.items():
        _write_annotations(video, ids, target / "Annotations" / name)
        place = target / "JPEGImages" / name
        if copy and name == video.name:
            with replacing_folder(place) as folder:
                shutil.copytree(video.images, folder, dirs_exist_ok=True)
        else:
            _link(place, place.with_name(video.name) if copy else video.images)
    described = {
        name: {str(id): {"instance": n, "category": categories[n]} for n, id in ids.items()}
        for name, ids in sequences.items()
    }
    write_json(record, {"sequences": described})
    return [len(ids) for ids in sequences.values()]


def _instances(video: _Video) -> dict[int, str | None]:
    """The instances that are kept, each with the category it first has."""
    found: dict[int, str | None] = {}
    size = image_size(next(iter(image_files(video.images))))
    for path, numbers, bitmask in _bitmasks(video):
        height, width = numbers.shape
        if (height, width) != size:
            raise DatasetError(
                f"{path} is {width}x{height} but its frames are {size[1]}x{size[0]} pixels: "
                "use images and labels of the same release"
            )
        present, where = np.unique(numbers, return_index=True)
        for number, index in zip(present.tolist(), where.tolist(), strict=True):
            if number and number not in found:
                category = int(bitmask[..., 0].flat[index])
                found[number] = CATEGORIES[category - 1] if 1 <= category <= len(CATEGORIES) else None
    return found


def _write_annotations(video: _Video, ids: dict[int, int], folder: Path) -> None:
    lookup = np.zeros(1 << 16, np.uint8)
    lookup[list(ids)] = list(ids.values())
    with replacing_folder(folder) as unfinished:
        for path, numbers, _ in _bitmasks(video):
            palette_image(lookup[numbers]).save(unfinished / path.name, compress_level=3)


def _bitmasks(video: _Video) -> Iterator[tuple[Path, NDArray[np.uint16], NDArray[np.uint8]]]:
    """Each file, its instances' numbers (H, W), 0 where none is kept, and its channels (H, W, 4)."""
    for path in video.bitmasks:
        try:
            with Image.open(path) as image:
                mode, bitmask = image.mode, np.asarray(image)
        except UNREADABLE as error:
            raise unreadable(path) from error
        if mode != "RGBA":
            raise DatasetError(f"{path} is not a bitmask of BDD100K, which is RGBA, but {mode}: check --root")
        numbers = (bitmask[..., 2].astype(np.uint16) << 8) | bitmask[..., 3]
        numbers[(bitmask[..., 1] & _CROWD_OR_IGNORED) > 0] = 0
        yield path, numbers, bitmask


def _make_folders(target: Path) -> None:
    try:
        for part in ("JPEGImages", "Annotations", META):
            (target / part).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {target} ({error.strerror}); choose a writable folder") from error


def _link(place: Path, folder: Path) -> None:
    """Make ``place`` a relative link to ``folder``, so that both can be moved together."""
    try:
        place.unlink(missing_ok=True)
        place.symlink_to(os.path.relpath(folder.resolve(), place.parent.resolve()), target_is_directory=True)
    except OSError as error:
        raise OutputError(f"cannot link {place} ({error.strerror}); use --copy") from error
