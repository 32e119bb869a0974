"""YouTube-VOS 2018 and 2019 (Xu et al., arXiv 1809.03327).

``meta.json`` gives each object's category and frames. In the first of these the object first appears;
together they are the frames that the server expects. They are every fifth frame of a video; the
``all_frames`` archives also contain the frames in between, which SAM-PT's papers track through, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sampt._internal.files import read_json
from sampt.errors import DatasetError

from .base import DatasetInput, VosSequence
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
        images: the folder of frames, all or every fifth.
        objects: sequence → object id → what ``meta.json`` says about it.
        input: which frames these are.
    """

    name: str
    split: str
    images: Path
    masks: Path
    objects: Mapping[str, Mapping[int, MetaObject]]
    protocol: str = "youtube-vos"
    input: DatasetInput = field(default_factory=DatasetInput)

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
    masks, meta, sparse = (f"{split}/{name}" for name in ("Annotations", "meta.json", "JPEGImages"))
    root = find_root(root, (masks, meta), SOURCE)
    objects = _read_meta(root / meta)
    places = (f"{split}_all_frames/JPEGImages", f"all_frames/{split}_all_frames/JPEGImages")
    images = next((root / place for place in places if (root / place).is_dir()), root / places[0])
    wanted = (images, *(images / name for name in objects if (root / masks / name).is_dir()))
    lacking = next((path.relative_to(root) for path in wanted if not path.is_dir()), None)
    if options["all_frames"] == "true" and lacking:
        raise DatasetError(
            f"{root} has no {lacking}: unpack {split}_all_frames.zip there, or use -d all_frames=false"
        )
    if options["all_frames"] == "false" or lacking:
        images = find_root(root, (masks, meta, sparse), SOURCE) / sparse
        chosen = _every_fifth(lacking)
    else:
        chosen = DatasetInput("all frames", {"all_frames": "true"})
    return YouTubeVos(f"youtubevos{year}", split, images, root / masks, objects, input=chosen)


def _every_fifth(lacking: Path | None) -> DatasetInput:
    why = f" ({lacking} is missing)" if lacking else ""
    return DatasetInput(
        "every fifth frame",
        {"all_frames": "false"},
        f"Only every fifth frame is read{why}, but SAM-PT's published results were made from all frames.",
    )


def _read_meta(path: Path) -> dict[str, dict[int, MetaObject]]:
    try:
        videos = read_json(path, DatasetError, "unpack the dataset again")["videos"]
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
