"""A segmentation run to its end, with everything written that ``sampt segment`` writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sampt._internal.files import check_file
from sampt.methods.base import Segmentation

from .review import Stretch
from .writer import ResultWriter, prepare_folder

DEFAULT_FPS = 25.0
"""Of frames whose source does not know it."""


@dataclass(frozen=True)
class Saved:
    """What ``save`` has written.

    Attributes:
        folder: where everything is.
        frames: how many there were.
        worth_checking: stretches of frames that a person should look at, object by object.
    """

    folder: Path
    frames: int
    worth_checking: tuple[Stretch, ...]


def save(
    segmentation: Segmentation,
    folder: str | Path,
    *,
    overlay: bool = True,
    coco: str | Path | None = None,
    fps: float | None = None,
    overwrite: bool = False,
    settings: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Saved:
    """Run a segmentation to its end and write each result as it comes, in memory that does not grow with it.

    The folder gets ``masks/`` (a palette PNG for each frame), ``overlay.mp4``, ``trajectories.npz``,
    ``points.json`` with the points that were used, and ``result.json``. After an exception, Ctrl-C among
    them, what was finished by then is readable, and ``result.json`` says ``"finished": false``.

    Args:
        segmentation: fresh from ``VideoMethod.stream``; closed at the end.
        folder: is made if it is missing.
        overlay: whether to draw ``overlay.mp4``.
        coco: also write COCO JSON to this file.
        fps: frames per second of the overlay; by default the video's, or 25 where that is not known.
        overwrite: replace results that the folder already holds.
        settings: plain values that go into ``result.json`` as they are.
        progress: called after each frame with how many are done.

    Raises:
        OutputError: something cannot be written, or the folder holds results and ``overwrite`` is off.
        VideoError: a frame cannot be read.
    """
    with segmentation:
        path = prepare_folder(folder, overwrite)
        coco = None if coco is None else Path(coco)
        if coco:
            check_file(coco)
        source, indices = segmentation.clip.source, segmentation.clip.indices
        rate = fps or getattr(source, "fps", DEFAULT_FPS) / indices.step
        timestamps = None if fps else getattr(source, "timestamps", None)
        with ResultWriter(path, segmentation, rate, overlay=overlay, coco=coco, settings=settings) as writer:
            for result in segmentation:
                with segmentation.stopwatch("decode"):
                    frame = source[result.index]
                with segmentation.stopwatch("write"):
                    writer.write(
                        frame, result, None if timestamps is None else float(timestamps[result.index])
                    )
                if progress:
                    progress(writer.count)
            writer.end()
        return Saved(path, writer.count, tuple(writer.stretches))
