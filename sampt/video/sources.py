"""What a command line names as its video: a file, images, a camera, or a stream."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sampt.errors import VideoError
from sampt.trackers.clip import Clip

from .camera import Camera, is_live
from .image_lists import is_pattern, matching_images
from .reader import Video


def open_source(paths: Sequence[str | os.PathLike[str]]) -> Video | Camera:
    """Open what one or several paths name; ``docs/inputs.md`` has the rules.

    Args:
        paths: one video, folder, image, camera or address; or any number of images, and patterns for them
            such as ``frames/*.jpg``.

    Raises:
        VideoError: they cannot be read as one video.
    """
    texts = [os.fspath(path) for path in paths]
    if len(texts) == 1 and is_live(texts[0]):
        return Camera(texts[0])
    for text in texts:
        if is_live(text):
            raise VideoError(f"{text} is a camera or stream; give it on its own")
    if not any(map(is_pattern, texts)):
        return Video(texts[0] if len(texts) == 1 else texts)
    files: list[str | Path] = []
    for text in texts:
        files += matching_images(text) if is_pattern(text) else [text]
    return Video(files)


def clip_of(source: Video | Camera, start: int = 0, stride: int = 1, max_frames: int | None = None) -> Clip:
    """Some frames of a source.

    Args:
        source: where the frames come from.
        start: number of the first one.
        stride: every how many frames one is used.
        max_frames: maximum number of frames; None for all.

    Raises:
        VideoError: ``start`` is beyond the end of a video.
    """
    if isinstance(source, Camera):
        return Clip(source, range(start, sys.maxsize, stride)[:max_frames])
    if start >= len(source):
        raise VideoError(f"--start {start} is beyond {source.path}, which has {len(source)} frames")
    return Clip(source, range(start, len(source), stride)[:max_frames])


def length(clip: Clip) -> int | None:
    """Number of frames of a clip; None if nobody knows."""
    return None if clip.endless and clip.indices.stop == sys.maxsize else len(clip)
