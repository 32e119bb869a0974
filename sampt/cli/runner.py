"""What ``segment`` and ``demo`` share: run a model over a clip, write everything, tell how it went."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sampt._internal.console import progress, status_console
from sampt._internal.files import check_file
from sampt.methods.base import VideoMethod
from sampt.output.folder import prepare_folder
from sampt.output.writer import ResultWriter
from sampt.prompts.query_points import QueryPoints
from sampt.trackers.clip import Clip
from sampt.video.reader import Video


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
    """Segment ``clip``, frames of ``video``, into the folder ``output``, and say how far it is."""
    status = status_console()
    begin = time.perf_counter()
    segmentation = model.stream(clip, queries)
    folder = prepare_folder(output, overwrite)
    if coco:
        check_file(coco)
    step = abs(clip.indices.step)
    with (
        ResultWriter(
            folder, segmentation, video.fps / step, overlay=overlay, coco=coco, settings=settings
        ) as writer,
        progress("segmenting", len(clip)) as shown,
    ):
        for result in segmentation:
            with segmentation.stopwatch("decode"):
                frame = video[result.index]
            with segmentation.stopwatch("write"):
                writer.write(frame, result, float(video.timestamps[result.index]))
            shown.advance()
    if model.segmenter.preview:
        status.print(
            f"Note: masks by {model.segmenter.name} are of preview quality; "
            "for the method's own quality use --config sam_pt."
        )
    for stretch in writer.stretches:
        status.print(f"Worth checking: {stretch}.")
    seconds = time.perf_counter() - begin
    status.print(f"{len(clip)} frames in {seconds:.1f} s ({len(clip) / seconds:.1f} frames/s): {folder}")
