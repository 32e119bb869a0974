"""The datasets for video instance segmentation: where their files are, and their videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from sampt._internal.names import unknown_name
from sampt.errors import DatasetError

from ..datasets.annotation import image_size
from ..datasets.base import Frames
from ..datasets.folders import find_root
from ..datasets.registry import DatasetInfo, Published, open_in
from ..metrics.ytvis import Masklet
from .annotations import VideoEntry, VisAnnotations, read_annotations


@dataclass(frozen=True)
class VisVideo:
    """One video of T frames.

    Attributes:
        frames: T image files, in order.
        size: (height, width) in pixels.
        source: the annotations of all videos.
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
        """The annotated objects of the video; none if the ground truth is not public.

        Raises:
            DatasetError: an annotation of any video is invalid.
        """
        return () if self.source.entries is None else tuple(self.source.masklets.get(self.id, ()))


class VisDataset:
    """A dataset on disk. Opening one reads its list of videos, but of images at most the headers.

    Args:
        name: name of the dataset on the command line, such as "uvo".
        root: the dataset's folder.
        split: name of the split, such as "val".
        annotations: the contents of its annotation file.
        frames: the folder that contains all videos' folders.
        remedy: how to get missing frames, for errors.

    Attributes:
        protocol: how results are scored.
    """

    protocol = "ytvis"

    def __init__(
        self, name: str, root: Path, split: str, annotations: VisAnnotations, frames: Path, remedy: str
    ) -> None:
        self.name, self.split, self.root = name, split, root
        self.annotations, self.frames, self.remedy = annotations, frames, remedy

    @cached_property
    def entries(self) -> Mapping[str, VideoEntry]:
        """The videos by name, which is that of the folder of their frames.

        Raises:
            DatasetError: the frames' names are missing or outside the folder, or two videos share a folder.
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
        """The names of the videos, in the order of the annotation file."""
        return tuple(self.entries)

    @property
    def scored(self) -> bool:
        """Whether there are public annotations."""
        return self.annotations.entries is not None

    def check_truth(self) -> None:
        """Check every annotation now, not only when results are scored.

        Raises:
            DatasetError: an annotation is invalid.
        """
        if self.scored:
            _ = self.annotations.masklets

    def __getitem__(self, name: str, /) -> VisVideo:
        """The video of that name.

        Raises:
            DatasetError: there is no such video, or a frame is missing or does not have the annotated size.
        """
        if name not in self.entries:
            raise DatasetError(f"{self.name} {self.split}: {unknown_name('video', name, self.names)}")
        entry = self.entries[name]
        files = tuple(self.frames / file for file in entry.files)
        if missing := [file for file in files if not file.is_file()]:
            more = f", and so are {len(missing) - 1} more of its {len(files)}" if missing[1:] else ""
            raise DatasetError(f"the frame {missing[0]} of video {name} is missing{more}; {self.remedy}")
        for file in files:
            height, width = image_size(file)
            if (height, width) != entry.size:
                raise DatasetError(
                    f"{file} is {width}x{height} but {self.annotations.path} says "
                    f"{entry.size[1]}x{entry.size[0]}; {self.remedy} again"
                )
        return VisVideo(name, entry.id, files, entry.size, self.annotations)


def open_vis_dataset(
    name: str, root: Path, split: str | None = None, options: Mapping[str, str] | None = None
) -> VisDataset:
    """Open a dataset on disk.

    Args:
        name: name of the dataset.
        root: its folder, or the one above it.
        split: name of the split; None for the validation set.
        options: ``annotations``, another annotation file for the same frames, below the root or anywhere.

    Raises:
        ConfigError: the dataset, its split or an option is unknown.
        DatasetError: ``root`` does not have the dataset's layout, or its list of videos is invalid.
    """
    return open_in(VIS_DATASETS, name, root, split, options)


@dataclass(frozen=True)
class _Layout:
    """The places of a dataset's files.

    Attributes:
        annotations: possible paths of the annotation file below the root, with "{split}" for the split; the
            first that exists is used.
        frames: the same for the folder of frames.
        remedy: how to get missing frames, for errors.
        short_splits: what "{short}" stands for, by split.
    """

    name: str
    annotations: tuple[str, ...]
    frames: tuple[str, ...]
    source: str
    remedy: str = "unpack its images"
    short_splits: Mapping[str, str] = field(default_factory=dict)

    def open(self, root: Path, split: str, options: Mapping[str, str]) -> VisDataset:
        chosen = options.get("annotations")
        wanted = [chosen] if chosen else self._places(self.annotations, split)
        root, file = _first_found(root, wanted, self.source)
        places = [root / place for place in self._places(self.frames, split)]
        frames = next((place for place in places if place.is_dir()), places[0])
        return VisDataset(self.name, root, split, read_annotations(file), frames, self.remedy)

    def _places(self, patterns: Sequence[str], split: str) -> list[str]:
        short = self.short_splits.get(split, split)
        return [pattern.format(split=split, short=short) for pattern in patterns]


def _info(
    title: str, splits: tuple[str, ...], layout: _Layout, **published: Published
) -> DatasetInfo[VisDataset]:
    """The entry of a dataset with this layout; ``published`` gives the sizes of its splits."""
    options: dict[str, tuple[str, ...]] = {"annotations": ()}
    return DatasetInfo(title, splits, layout.open, layout.source, options=options, published=published)


_YOUTUBE_VIS = "https://youtube-vos.org/dataset/vis/"  # also gives the numbers of videos

VIS_DATASETS: Mapping[str, DatasetInfo[VisDataset]] = {
    "uvo": _info(
        "UVO v1.0, everything in dense videos",
        ("val", "train", "test"),
        _Layout(
            "uvo",
            ("VideoDenseSet/UVO_video_{split}_dense.json",),
            ("uvo_videos_dense_frames",),
            "https://sites.google.com/view/unidentified-video-object/dataset",
            "make them from the videos with `sampt prepare uvo`",
        ),
    ),
    "ytvis2019": _info(
        "YouTube-VIS 2019",
        ("valid", "train", "test"),
        _Layout(
            "ytvis2019",
            ("{split}.json", "instances_{short}_sub.json", "annotations/instances_{short}_sub.json"),
            ("{split}/JPEGImages",),
            _YOUTUBE_VIS,
            short_splits={"valid": "val"},
        ),
        valid=Published(302),
        train=Published(2238),
        test=Published(343),
    ),
    "ytvis2021": _info(
        "YouTube-VIS 2021",
        ("valid", "train", "test"),
        _Layout(
            "ytvis2021",
            ("{split}/instances.json", "{split}.json"),
            ("{split}/JPEGImages",),
            _YOUTUBE_VIS,
        ),
        valid=Published(421),
        train=Published(2985),
        test=Published(453),
    ),
    "ovis": _info(
        "OVIS, heavily occluded objects",
        ("valid", "train", "test"),
        _Layout(
            "ovis",
            ("annotations_{split}.json", "annotations/annotations_{split}.json"),
            ("Images/{split}", "{split}"),
            "https://songbai.site/ovis/",
        ),
    ),
}


def _first_found(root: Path, wanted: Sequence[str], source: str) -> tuple[Path, Path]:
    """The dataset's folder, and the first of the files that exists."""
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
