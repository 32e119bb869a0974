"""The datasets for video instance segmentation: where their files lie, and their videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from sampt.errors import ConfigError, DatasetError
from sampt.naming import unknown_name

from ..datasets.annotation import image_size
from ..datasets.base import Frames
from ..datasets.folders import find_root
from ..metrics.ytvis import Masklet
from .annotations import VideoEntry, VisAnnotations, read_annotations


@dataclass(frozen=True)
class VisDatasetInfo:
    """What is known of a dataset without having it.

    splits: the first is the default.
    annotations, frames: where they may be below the root, "{split}" standing for the split; of several
        places the first that exists counts.
    short_splits: what "{short}" stands for, by split.
    mend: how frames that are missing can be had.
    """

    title: str
    splits: tuple[str, ...]
    annotations: tuple[str, ...]
    frames: tuple[str, ...]
    source: str
    mend: str = "unpack its images"
    short_splits: Mapping[str, str] | None = None

    def places(self, patterns: Sequence[str], split: str) -> list[str]:
        short = (self.short_splits or {}).get(split, split)
        return [pattern.format(split=split, short=short) for pattern in patterns]


VIS_DATASETS = {
    "uvo": VisDatasetInfo(
        "UVO v1.0, everything in dense videos",
        ("val", "train", "test"),
        ("VideoDenseSet/UVO_video_{split}_dense.json",),
        ("uvo_videos_dense_frames",),
        "https://sites.google.com/view/unidentified-video-object/dataset",
        "make them from the videos with `sampt prepare uvo`",
    ),
    "ytvis2019": VisDatasetInfo(
        "YouTube-VIS 2019",
        ("valid", "train", "test"),
        ("{split}.json", "instances_{short}_sub.json", "annotations/instances_{short}_sub.json"),
        ("{split}/JPEGImages",),
        "https://youtube-vos.org/dataset/vis/",
        short_splits={"valid": "val"},
    ),
    "ytvis2021": VisDatasetInfo(
        "YouTube-VIS 2021",
        ("valid", "train", "test"),
        ("{split}/instances.json", "{split}.json"),
        ("{split}/JPEGImages",),
        "https://youtube-vos.org/dataset/vis/",
    ),
    "ovis": VisDatasetInfo(
        "OVIS, heavily occluded objects",
        ("valid", "train", "test"),
        ("annotations_{split}.json", "annotations/annotations_{split}.json"),
        ("Images/{split}", "{split}"),
        "https://songbai.site/ovis/",
    ),
}


@dataclass(frozen=True)
class VisVideo:
    """One video of T frames.

    frames: T image files. size: (height, width) in pixels. source: the annotations of all videos.
    """

    name: str
    id: int
    frames: tuple[Path, ...]
    size: tuple[int, int]
    source: VisAnnotations

    @property
    def video(self) -> Frames:
        return Frames(self.frames)

    @property
    def annotations(self) -> tuple[Masklet, ...]:
        """Its objects; none where the truth is not public.

        Raises:
            DatasetError: an annotation, of whatever video, makes no sense.
        """
        return () if self.source.entries is None else tuple(self.source.masklets.get(self.id, ()))


class VisDataset:
    """A dataset on disk; opening it reads its list of videos, and of no image more than its header.

    name, split: as on the command line. protocol: how results are scored.
    root: the dataset's folder. annotations: what its annotation file holds. frames: the folder of all
        videos' folders.
    """

    protocol = "ytvis"

    def __init__(self, name: str, root: Path, split: str, annotations: VisAnnotations, frames: Path) -> None:
        self.name, self.split, self.root = name, split, root
        self.annotations, self.frames = annotations, frames

    @cached_property
    def entries(self) -> Mapping[str, VideoEntry]:
        """The videos by name: that of the folder in which their frames are.

        Raises:
            DatasetError: the frames' names are missing or lead elsewhere, or two videos share a folder.
        """
        named: dict[str, VideoEntry] = {}
        for entry in self.annotations.videos.values():
            name = _folder_name(entry, self.annotations.path)
            if name in named:
                raise DatasetError(f"{self.annotations.path} has two videos in {name}; get the file again")
            named[name] = entry
        return named

    @property
    def names(self) -> tuple[str, ...]:
        """Of the videos, in the order of the annotation file."""
        return tuple(self.entries)

    @property
    def scored(self) -> bool:
        """Whether there are public annotations."""
        return self.annotations.entries is not None

    def __getitem__(self, name: str, /) -> VisVideo:
        """
        Raises:
            DatasetError: there is no such video, or a frame is missing or of another size than annotated.
        """
        if name not in self.entries:
            raise DatasetError(f"{self.name} {self.split}: {unknown_name('video', name, self.names)}")
        entry = self.entries[name]
        files = tuple(self.frames / file for file in entry.files)
        mend = VIS_DATASETS[self.name].mend
        if missing := next((file for file in files if not file.is_file()), None):
            raise DatasetError(f"the frame {missing} of video {name} is missing; {mend}")
        width, height = image_size(files[0])
        if (height, width) != entry.size:
            raise DatasetError(
                f"{files[0]} is {width}x{height} but {self.annotations.path} says "
                f"{entry.size[1]}x{entry.size[0]}; {mend} again"
            )
        return VisVideo(name, entry.id, files, entry.size, self.annotations)


def find_vis_dataset(name: str) -> VisDatasetInfo:
    """
    Raises:
        ConfigError: no dataset is called so.
    """
    if name not in VIS_DATASETS:
        raise ConfigError(unknown_name("dataset", name, VIS_DATASETS))
    return VIS_DATASETS[name]


def open_vis_dataset(
    name: str, root: Path, split: str | None = None, options: Mapping[str, str] | None = None
) -> VisDataset:
    """Open a dataset on disk.

    Args:
        root: its folder, or the one above it.
        split: by default the validation set.
        options: ``annotations``, another annotation file for the same frames, below the root or anywhere.

    Raises:
        ConfigError: the dataset, its split or an option is unknown.
        DatasetError: ``root`` is laid out in another way than the dataset, or its list makes no sense.
    """
    info = find_vis_dataset(name)
    split = info.splits[0] if split is None else split
    if split not in info.splits:
        raise ConfigError(unknown_name(f"split of {name}", split, info.splits))
    for key in options or {}:
        if key != "annotations":
            raise ConfigError(unknown_name(f"option of {name}", key, ["annotations"]))
    chosen = (options or {}).get("annotations")
    wanted = [chosen] if chosen else info.places(info.annotations, split)
    root, file = _first_found(Path(root), wanted, info.source)
    places = [root / place for place in info.places(info.frames, split)]
    return VisDataset(
        name,
        root,
        split,
        read_annotations(file),
        next((place for place in places if place.is_dir()), places[0]),
    )


def _first_found(root: Path, wanted: Sequence[str], source: str) -> tuple[Path, Path]:
    """The dataset's folder, and the first of the files that is there."""
    for file in wanted[:-1]:
        try:
            found = find_root(root, [file], source)
        except DatasetError:
            continue
        return found, found / file
    found = find_root(root, wanted[-1:], source)
    return found, found / wanted[-1]


def _folder_name(entry: VideoEntry, path: Path) -> str:
    files = [PurePosixPath(file) for file in entry.files]
    if not files:
        raise DatasetError(f"{path}: video {entry.id} lists no file_names; get the dataset's own file")
    if any(file.is_absolute() or ".." in file.parts for file in files):
        raise DatasetError(f"{path}: a file name of video {entry.id} leads out of the dataset's folder")
    return "-".join(files[0].parent.parts) or f"video-{entry.id}"
