"""Annotation files for video instance segmentation, in the format of YouTube-VIS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampt._internal.files import read_json
from sampt._internal.run_lengths import from_plain_counts, from_polygons
from sampt.errors import DatasetError

from ..metrics.run_lengths import RunLengthError, mask_areas
from ..metrics.ytvis import Masklet


@dataclass(frozen=True)
class VideoEntry:
    """A video as listed in an annotation file.

    Attributes:
        size: (height, width) in pixels.
        length: number of frames.
        files: names of the frames' files, below the dataset's folder of frames; empty if not listed.
    """

    id: int
    size: tuple[int, int]
    length: int
    files: tuple[str, ...]

    @property
    def pixels(self) -> int:
        return self.size[0] * self.size[1]


@dataclass(frozen=True)
class VisAnnotations:
    """The contents of an annotation file.

    Attributes:
        videos: the videos by id.
        categories: the names of the categories by id.
        entries: the annotations as they are in the file; None if the ground truth is not public.
    """

    path: Path
    videos: Mapping[int, VideoEntry]
    categories: Mapping[int, str]
    entries: Sequence[Any] | None

    @cached_property
    def masklets(self) -> Mapping[int, Sequence[Masklet]]:
        """The annotated objects by video; a video without any is absent.

        Raises:
            DatasetError: an annotation is incomplete or does not fit its video, or there are no annotations.
        """
        if self.entries is None:
            raise DatasetError(
                f"{self.path} has no annotations, so nothing can be scored here: send the results to the "
                "benchmark's server, or choose a split with public annotations"
            )
        found, problems = self.read()
        if problems:
            raise DatasetError(problems[0])
        return found

    def read(self) -> tuple[Mapping[int, Sequence[Masklet]], list[str]]:
        """The annotated objects by video, and one sentence about each invalid annotation."""
        found: dict[int, list[Masklet]] = defaultdict(list)
        problems = []
        for n, entry in enumerate(self.entries or ()):
            try:
                video, masklet = read_masklet(entry, self)
            except ValueError as error:
                problems.append(f"{self.path}, annotation {n}: {error}")
            else:
                found[video].append(masklet)
        return found, problems


def read_annotations(path: Path) -> VisAnnotations:
    """Read a JSON file of annotations, which are only checked when they are needed.

    Raises:
        DatasetError: the file cannot be read, is not JSON, or its lists of videos or categories are invalid.
    """
    data = read_json(path, DatasetError)
    if not isinstance(data, dict) or not isinstance(data.get("videos"), list):
        raise DatasetError(
            f"{path} has no list of videos: give an annotation file in the format of YouTube-VIS"
        )
    entries = data.get("annotations") or None
    if entries is not None and not isinstance(entries, list):
        raise DatasetError(f"{path}: 'annotations' is not a list; get the file again")
    videos: dict[int, VideoEntry] = {}
    for n, item in enumerate(data["videos"]):
        try:
            entry = _video(item)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise DatasetError(
                f"{path}, video {n}: it needs an id, width, height, and length or file_names ({error!r})"
            ) from error
        if entry.id in videos:
            raise DatasetError(f"{path}, video {n}: the id {entry.id} is given twice; get the file again")
        videos[entry.id] = entry
    return VisAnnotations(path, videos, _categories(data, path), entries)


def _video(item: Mapping[str, Any]) -> VideoEntry:
    files = tuple(map(str, item.get("file_names") or ()))
    length = int(item["length"]) if item.get("length") is not None else len(files)
    size = int(item["height"]), int(item["width"])
    if min(size) < 1 or length < 1 or (files and len(files) != length):
        raise ValueError(f"{len(files)} file names, length {length}, size {size[1]}x{size[0]}")
    return VideoEntry(int(item["id"]), size, length, files)


def _categories(data: Mapping[str, Any], path: Path) -> dict[int, str]:
    """The categories' names by id; a single one called "object" if the file has none."""
    try:
        named = {int(item["id"]): str(item["name"]) for item in data.get("categories") or ()}
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{path}: every category needs an id and a name ({error!r})") from error
    return named or {1: "object"}


def read_masklet(entry: Any, annotations: VisAnnotations, scored: bool = False) -> tuple[int, Masklet]:
    """The id of the video, and the masklet, of an annotation or, if ``scored``, of a prediction.

    Raises:
        ValueError: a key is missing or invalid; the error says which and why.
    """
    needed = ("video_id", "category_id", "segmentations", *(("score",) if scored else ()))
    if not isinstance(entry, dict):
        raise ValueError(f"it is not an object with the keys {', '.join(needed)}")
    if missing := [key for key in needed if key not in entry]:
        raise ValueError(f"it lacks {' and '.join(missing)}")
    video = annotations.videos.get(entry["video_id"]) if isinstance(entry["video_id"], int) else None
    if video is None:
        raise ValueError(
            f"video_id {entry['video_id']!r} is not one of the {len(annotations.videos)} videos of "
            f"{annotations.path}; use results and annotations of the same split"
        )
    masks = _masks(entry["segmentations"], video)
    try:
        areas = mask_areas(masks, video.pixels)
    except RunLengthError as error:
        raise ValueError(
            f"the mask of frame {error.index} {error}, but the video is {_written(video.size)}"
        ) from error
    category, score = entry["category_id"], entry["score"] if scored else 1.0
    if not isinstance(category, int):
        raise ValueError(f"category_id is {category!r}, not a whole number")
    if not isinstance(score, int | float) or not score < np.inf:  # −inf is a rank, the lowest one
        raise ValueError(f"the score is {score!r}, not a number")
    given = None if scored else entry.get("areas")
    mean_area = _mean_of_seen(areas if given is None else _given_areas(given))
    crowd = not scored and bool(entry.get("iscrowd"))
    return video.id, Masklet(category, masks, areas, mean_area, float(score), crowd)


def _masks(segmentations: Any, video: VideoEntry) -> tuple[bytes | None, ...]:
    if not isinstance(segmentations, list) or len(segmentations) != video.length:
        count = len(segmentations) if isinstance(segmentations, list) else "no list of"
        raise ValueError(
            f"segmentations has {count} masks, but video {video.id} has {video.length} frames; "
            "give one for each, null where there is none"
        )
    return tuple(
        _counts(segmentation, video, t) if segmentation else None
        for t, segmentation in enumerate(segmentations)
    )


def _counts(segmentation: Any, video: VideoEntry, t: int) -> bytes:
    """The compressed run lengths of a mask given as compressed or plain run lengths, or as polygons."""
    try:
        if isinstance(segmentation, list):
            if not all(map(_is_polygon, segmentation)):
                raise ValueError(f"the mask of frame {t} has a polygon that is not three or more points x, y")
            return _as_bytes(from_polygons(segmentation, video.size)["counts"])
        size, counts = segmentation["size"], segmentation["counts"]
        if list(size) != list(video.size):
            raise ValueError(
                f"the mask of frame {t} has the size {size}, but video {video.id} is {_written(video.size)}"
            )
        if isinstance(counts, list):
            if any(not 0 <= run <= video.pixels for run in counts):
                raise ValueError(f"the mask of frame {t} has a run that is negative or exceeds the frame")
            return _as_bytes(from_plain_counts(counts, video.size)["counts"])
        return _as_bytes(counts)
    except (KeyError, TypeError, AttributeError, IndexError, UnicodeError) as error:
        raise ValueError(
            f"the mask of frame {t} is not a run-length encoding, which has size and counts"
        ) from error


def _as_bytes(counts: str | bytes) -> bytes:
    return counts if isinstance(counts, bytes) else counts.encode("ascii")


def _is_polygon(polygon: Any) -> bool:
    """Whether pycocotools accepts a polygon; it crashes on some invalid ones."""
    return (
        isinstance(polygon, list)
        and len(polygon) >= 6
        and len(polygon) % 2 == 0
        and all(isinstance(x, int | float) and abs(x) < 1e6 for x in polygon)
    )


def _given_areas(areas: Any) -> NDArray[np.float64]:
    try:
        return np.array([area or 0 for area in areas], np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError("areas is not a list of numbers") from error


def _mean_of_seen(areas: NDArray[Any]) -> float:
    return float(areas[areas > 0].mean()) if (areas > 0).any() else 0.0


def _written(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]} (width x height)"
