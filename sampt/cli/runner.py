"""What ``segment`` and ``demo`` share: run a model over a clip, write everything, tell how it went."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from sampt._internal.files import check_file
from sampt.methods.base import VideoMethod
from sampt.output.writer import ResultWriter, prepare_folder
from sampt.prompts.query_points import QueryPoints
from sampt.trackers.clip import Clip
from sampt.video.reader import Video


class Speed(ProgressColumn):
    """Frames per second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} frames/s" if task.speed else "")


def segment_clip(
    model: VideoMethod,
    clip: Clip,
    video: Video,
    queries: QueryPoints,
    output: Path,
    *,
    overlay: bool = True,
    coco: Path | None = None,
    overwrite: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Segment ``clip``, frames of ``video``, into the folder ``output``; a progress bar on a terminal."""
    status = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    begin = time.perf_counter()
    segmentation = model.stream(clip, queries)
    folder = prepare_folder(output, overwrite)
    if coco:
        check_file(coco)
    step = abs(clip.indices.step)
    columns = (TextColumn("segmenting"), BarColumn(), MofNCompleteColumn(), Speed(), TimeRemainingColumn())
    with (
        ResultWriter(
            folder, segmentation, video.fps / step, overlay=overlay, coco=coco, settings=settings
        ) as writer,
        Progress(*columns, console=status, transient=True, disable=not status.is_terminal) as bar,
    ):
        task = bar.add_task("", total=len(clip))
        for result in segmentation:
            with segmentation.stopwatch("decode"):
                frame = video[result.index]
            with segmentation.stopwatch("write"):
                writer.write(frame, result, float(video.timestamps[result.index]))
            bar.advance(task)
    if model.segmenter.preview:
        status.print(
            f"Note: masks by {model.segmenter.name} are of preview quality; "
            "for the method's own quality use --config sam_pt."
        )
    for stretch in writer.stretches:
        status.print(f"Worth checking: {stretch}.")
    seconds = time.perf_counter() - begin
    status.print(f"{len(clip)} frames in {seconds:.1f} s ({len(clip) / seconds:.1f} frames/s): {folder}")
