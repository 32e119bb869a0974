"""YouTube-VOS 2018 and 2019 (Xu et al., arXiv 1809.03327).

``meta.json`` gives each object's category and frames. In the first of these the object first appears;
together they are the frames that the server expects. They are every fifth frame of a video; the
``all_frames`` archives also contain the frames in between.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sampt.errors import DatasetError

from .base import VosSequence
from .folders import find_root
from .sequences import check_name, open_sequence

SOURCE = "https://youtube-vos.org/dataset/vos/"


@dataclass(frozen=True)
class MetaObject:
    """An object of ``meta.json``: its category, if given, and the names of the frames it is expected in."""

    category: str | None
    frames: tuple[str, ...]


@dataclass
class YouTubeVos:
    """YouTube-VOS on disk.

    Attributes:
        objects: sequence → object id → what ``meta.json`` says about it.
    """

    name: str
    split: str
    images: Path
    masks: Path
    objects: Mapping[str, Mapping[int, MetaObject]]
    protocol: str = "youtube-vos"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.objects)

    def __getitem__(self, name: str, /) -> VosSequence:
        """The sequence of that name.

        Raises:
            DatasetError: there is no such sequence, or one of its files is missing or invalid.
        """
        check_name(self.name, name, self.names)
        objects = self.objects[name]
        return open_sequence(
            name,
            self.images / name,
            self.masks / name,
            needed=sorted({object.frames[0] for object in objects.values()}),
            saved=sorted({frame for object in objects.values() for frame in object.frames}),
            categories={id: object.category for id, object in objects.items() if object.category},
        )


def open_youtube_vos(year: int, root: Path, split: str, options: Mapping[str, str]) -> YouTubeVos:
    """Open YouTube-VOS of a year.

    Raises:
        DatasetError: ``root`` does not have the dataset's layout, or ``meta.json`` is invalid.
    """
    images, masks, meta = f"{split}/JPEGImages", f"{split}/Annotations", f"{split}/meta.json"
    dense = options["all_frames"] == "true"
    root = find_root(root, (masks, meta) if dense else (images, masks, meta), SOURCE)
    return YouTubeVos(
        f"youtubevos{year}",
        split,
        _all_frames(root, split) if dense else root / images,
        root / masks,
        _read_meta(root / meta),
    )


def _all_frames(root: Path, split: str) -> Path:
    places = (f"{split}_all_frames/JPEGImages", f"all_frames/{split}_all_frames/JPEGImages")
    found = next((root / place for place in places if (root / place).is_dir()), None)
    if found is None:
        raise DatasetError(
            f"{root} has no {places[0]}: unpack {split}_all_frames.zip there, or leave out -d all_frames=true"
        )
    return found


def _read_meta(path: Path) -> dict[str, dict[int, MetaObject]]:
    try:
        videos = json.loads(path.read_text(encoding="utf-8"))["videos"]
        return {name: _objects(video["objects"]) for name, video in videos.items()}
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror}): unpack the dataset again") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DatasetError(
            f"{path} is cut short or is not a meta.json of YouTube-VOS: unpack the dataset again"
        ) from error


def _objects(objects: Mapping[str, Mapping[str, Any]]) -> dict[int, MetaObject]:
    found = {
        int(id): MetaObject(object.get("category"), tuple(map(str, object["frames"])))
        for id, object in objects.items()
    }
    if not all(object.frames for object in found.values()):
        raise ValueError("an object without frames")
    return found
