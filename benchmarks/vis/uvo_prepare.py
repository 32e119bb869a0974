"""Preparation of UVO: the frames of its videos, with the names that its annotations use."""

from __future__ import annotations

import glob
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from sampt.errors import DatasetError, SamptError, VideoError
from sampt.video.reader import Video

from ..datasets.base import Progress
from ..datasets.folders import replacing_folder
from .annotations import VideoEntry
from .datasets import VisDataset, open_vis_dataset

VIDEOS = "uvo_videos_dense"
"""The folder of the videos."""


@dataclass(frozen=True)
class PreparedUvo:
    """How many videos and frames there are now, and how many of the videos already existed."""

    videos: int
    frames: int
    before: int


def prepare_uvo(
    root: Path,
    split: str = "val",
    *,
    videos: Path | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> PreparedUvo:
    """Write every frame that a split's annotations name into ``uvo_videos_dense_frames``.

    A frame's name is its index in the video, from 0. A video's folder appears when all its frames are
    written; complete folders are not written again.

    Args:
        root: the folder of UVO v1.0.
        split: name of the split.
        videos: the folder of the videos; None for ``uvo_videos_dense`` in ``root``.
        workers: number of videos made at the same time, each by a thread.
        progress: called after every video with how many are done, and how many there are.

    Returns:
        What there is now.

    Raises:
        DatasetError: ``root`` does not have the dataset's layout; or, after all others are done, a video is
            missing, unreadable, or has too few frames.
        OutputError: the frames cannot be written.
    """
    dataset = open_vis_dataset("uvo", root, split)
    source = videos or dataset.root / VIDEOS
    if not source.is_dir():
        raise DatasetError(f"there is no folder {source}: unpack UVO's dense videos there, or give --videos")
    tasks = {name: entry for name, entry in dataset.entries.items() if not _complete(dataset, entry)}
    before = len(dataset.entries) - len(tasks)
    report = progress or (lambda done, total: None)
    report(before, len(dataset.entries))
    problems: list[SamptError] = []
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(_split_video, dataset, name, source) for name in tasks]
        try:
            for done, future in enumerate(as_completed(futures), start=before + 1):
                error = future.exception()
                if isinstance(error, DatasetError | VideoError):
                    problems.append(error)
                elif error is not None:
                    raise error
                report(done, len(dataset.entries))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if problems:
        more = (
            f" ({len(problems) - 1} more videos have problems; all others are done)" if problems[1:] else ""
        )
        raise DatasetError(f"{problems[0]}{more}")
    frames = sum(entry.length for entry in dataset.entries.values())
    return PreparedUvo(len(dataset.entries), frames, before)


def _complete(dataset: VisDataset, entry: VideoEntry) -> bool:
    return all((dataset.frames / file).is_file() for file in entry.files)


def _split_video(dataset: VisDataset, name: str, videos: Path) -> None:
    """Decode one video into its folder of frames."""
    entry = dataset.entries[name]
    files = [PurePosixPath(file) for file in entry.files]
    found = sorted(videos.glob(f"{glob.escape(files[0].parent.name)}.*"))
    if not found:
        raise DatasetError(f"{videos} has no video {name}: get it from UVO, and run this again")
    with replacing_folder(dataset.frames / files[0].parent) as folder, Video(found[0]) as video:
        if video.size != entry.size:
            sizes = [f"{width}x{height}" for height, width in (video.size, entry.size)]
            raise DatasetError(
                f"{found[0]} is {sizes[0]} but annotated at {sizes[1]} pixels: use UVO's own videos"
            )
        for file in files:
            number = int(file.stem) if file.stem.isdecimal() else -1
            if not 0 <= number < len(video):
                raise DatasetError(
                    f"{found[0]} has only {len(video)} frames, but {file} is annotated: it may be cut short, "
                    "so get it again"
                )
            Image.fromarray(video[number]).save(folder / file.name)
