"""Writers of one video into a dataset's folders: DAVIS, YouTube-VOS, and Ultralytics' YOLO.

A dataset may hold other videos already: they are kept, and its lists grow.
"""

from __future__ import annotations

import json
import shutil
from abc import abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from sampt._internal.files import make_folder, replacing, write_json
from sampt.errors import OutputError
from sampt.methods.results import FrameResult
from sampt.prompts.label_maps import write_label_map

from .frame_writer import FrameWriter, RunFacts, stem
from .polygons import joined, polygons

_QUALITY = 95
_ORIENTATION = 0x0112


class SequenceWriter(FrameWriter):
    """Writer of a JPEG and an annotation for each frame, in two folders that are named like the video.

    Frames of a folder of JPEGs are copied unchanged. The dataset's lists are written at the end.

    Args:
        root: folder of the dataset; created if it is missing.
        facts: about the run.

    Raises:
        OutputError: a folder cannot be written, or a list of the dataset cannot be read.
    """

    suffix: ClassVar[str] = ".png"
    list_file: ClassVar[str]
    """The list of the dataset's videos or classes, relative to its root."""

    def __init__(self, root: Path, facts: RunFacts) -> None:
        self.root, self._facts = root, facts
        self._images, self._annotations = self.folders(root, facts.name)
        self.check_lists(root)
        for folder in (self._images, self._annotations):
            shutil.rmtree(folder, ignore_errors=True)
            make_folder(folder)
        self._begun: tuple[Path, ...] = ()
        self._names: list[str] = []

    @classmethod
    @abstractmethod
    def folders(cls, root: Path, name: str) -> tuple[Path, Path]:
        """Folders of a video's images and annotations."""

    @classmethod
    def check_lists(cls, root: Path) -> None:
        """Check that a video can be added to the lists that the dataset has already.

        Raises:
            OutputError: one of them cannot be read.
        """

    @abstractmethod
    def _annotate(self, path: Path, result: FrameResult) -> None:
        """Write one frame's annotation."""

    @abstractmethod
    def _register(self) -> None:
        """Write the dataset's lists."""

    def write(self, frame: NDArray[np.uint8], result: FrameResult, timestamp: float | None = None) -> None:
        name = stem(result)
        image, annotation = self._images / f"{name}.jpg", self._annotations / f"{name}{self.suffix}"
        self._begun = image, annotation
        write_jpeg(image, frame, self._facts.image(result.index))
        self._annotate(annotation, result)
        self._begun = ()
        self._names.append(name)

    def close(self) -> None:
        """Write the dataset's lists.

        Raises:
            OutputError: they cannot be written.
        """
        for half in self._begun:
            half.unlink(missing_ok=True)
        if self._names:
            self._register()
            return
        for folder in (self._images, self._annotations):
            with suppress(OSError):
                folder.rmdir()


class DavisWriter(SequenceWriter):
    """Writer in the layout of DAVIS 2017; the video is listed in ``ImageSets/2017/train.txt``.

    Frames keep their size, in the folders ``480p``, where every reader of DAVIS looks.
    """

    list_file = "ImageSets/2017/train.txt"

    @classmethod
    def folders(cls, root: Path, name: str) -> tuple[Path, Path]:
        return root / "JPEGImages" / "480p" / name, root / "Annotations" / "480p" / name

    def _annotate(self, path: Path, result: FrameResult) -> None:
        write_label_map(path, result.label_map())

    def _register(self) -> None:
        path = self.root / self.list_file
        names = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
        names = [name for name in names if name and name != self._facts.name]
        make_folder(path.parent)
        with replacing(path) as temporary:
            temporary.write_text("".join(f"{name}\n" for name in [*names, self._facts.name]), "utf-8")


class YouTubeVosWriter(SequenceWriter):
    """Writer in the layout of YouTube-VOS's training set; ``meta.json`` names the frames of each object."""

    list_file = "train/meta.json"

    def __init__(self, root: Path, facts: RunFacts) -> None:
        super().__init__(root, facts)
        self._seen: dict[int, list[str]] = {id: [] for id in facts.ids}

    @classmethod
    def check_lists(cls, root: Path) -> None:
        read_videos(root / cls.list_file)

    @classmethod
    def folders(cls, root: Path, name: str) -> tuple[Path, Path]:
        return root / "train" / "JPEGImages" / name, root / "train" / "Annotations" / name

    def _annotate(self, path: Path, result: FrameResult) -> None:
        labels = result.label_map()
        write_label_map(path, labels)
        for id in np.unique(labels[labels > 0]).tolist():
            self._seen[id].append(path.stem)

    def _register(self) -> None:
        path, done = self.root / self.list_file, set(self._names)
        frames = {id: [name for name in names if name in done] for id, names in self._seen.items()}
        videos = read_videos(path)
        videos[self._facts.name] = {
            "objects": {
                str(id): {"category": self._facts.categories[id], "frames": names}
                for id, names in frames.items()
                if names
            }
        }
        write_json(path, {"videos": videos})


class YoloWriter(SequenceWriter):
    """Writer in the layout that Ultralytics' YOLO trains segmentation on.

    A line of a label is an object: its class and one polygon, whose parts and holes are joined by bridges.
    Classes that ``data.yaml`` has already keep their numbers.
    """

    suffix = ".txt"
    list_file = "data.yaml"

    def __init__(self, root: Path, facts: RunFacts) -> None:
        super().__init__(root, facts)
        known = class_names(read_data(root / self.list_file))
        self._classes = list(dict.fromkeys([*known, *facts.categories.values()]))

    @classmethod
    def check_lists(cls, root: Path) -> None:
        class_names(read_data(root / cls.list_file))

    @classmethod
    def folders(cls, root: Path, name: str) -> tuple[Path, Path]:
        return root / "images" / name, root / "labels" / name

    def _annotate(self, path: Path, result: FrameResult) -> None:
        height, width = result.masks.shape[1:]
        lines = []
        for id, mask in zip(result.object_ids, result.masks, strict=True):
            if mask.any():
                whole = joined(polygons(mask)) / np.array([width, height], np.float32)
                number = self._classes.index(self._facts.categories[id])
                lines.append(" ".join([str(number), *(f"{value:.6f}" for value in whole.flat)]) + "\n")
        with replacing(path) as temporary:
            temporary.write_text("".join(lines), encoding="utf-8")

    def _register(self) -> None:
        # Without a path, Ultralytics looks beside this file. It wants a val, so that is the same images.
        path = self.root / self.list_file
        data = {"train": "images", "val": "images"} | read_data(path)
        data["names"] = dict(enumerate(self._classes))
        with replacing(path) as temporary:
            temporary.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), "utf-8")


def write_jpeg(path: Path, frame: NDArray[np.uint8], original: Path | None) -> None:
    """Write a frame, (H, W, 3) uint8 RGB, as a JPEG: a copy of its own file, if that shows the same.

    Raises:
        OutputError: it cannot be written.
    """
    with replacing(path) as temporary:
        if original is not None and _is_plain_jpeg(original, frame.shape[:2]):
            shutil.copyfile(original, temporary)
        else:
            Image.fromarray(frame).save(temporary, format="JPEG", quality=_QUALITY, subsampling=0)


def _is_plain_jpeg(path: Path, size: tuple[int, ...]) -> bool:
    with Image.open(path) as image:
        plain = image.format == "JPEG" and image.mode == "RGB" and image.size[::-1] == size
        return plain and image.getexif().get(_ORIENTATION, 1) == 1


def read_videos(path: Path) -> dict[str, Any]:
    """The videos that a ``meta.json`` lists; none if it does not exist.

    Raises:
        OutputError: it is something else.
    """
    if not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["videos"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"{path} is not a meta.json of YouTube-VOS, so no video can be added; choose another folder"
        ) from error


def read_data(path: Path) -> dict[str, Any]:
    """What a ``data.yaml`` says; nothing if it does not exist.

    Raises:
        OutputError: it cannot be read.
    """
    if not path.exists():
        return {}
    try:
        return dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise OutputError(
            f"{path} is not a data.yaml, so no classes can be added; choose another folder"
        ) from error


def class_names(data: dict[str, Any]) -> list[str]:
    """Names of the classes, by number, in the contents of a ``data.yaml``."""
    names = data.get("names") or []
    return [str(names[k]) for k in range(len(names))]
