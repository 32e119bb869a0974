"""Run a method over a clip, write the results and print a summary, for ``segment`` and ``demo``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sampt._internal.console import progress, status_console
from sampt._internal.names import plural
from sampt.interactive.replay import start
from sampt.methods.base import VideoMethod
from sampt.output.outputs import Outputs
from sampt.output.writer import write_results
from sampt.prompts.prompts import Prompts, SavedSession
from sampt.prompts.query_points import QueryPoints
from sampt.trackers.clip import Clip
from sampt.video.sources import length

BETTER = "--segmenter mobile-sam (a download of 41 MB)"
"""Smallest segmenter that is not only for previews."""


def segment_clip(
    model: VideoMethod,
    clip: Clip,
    asked: QueryPoints | Prompts | SavedSession,
    output: Path,
    outputs: Outputs | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    settings: Mapping[str, Any] | None = None,
    request: Mapping[str, Any] | None = None,
) -> None:
    """Segment ``clip`` into the folder ``output``, with what ``outputs`` names, and with a progress bar."""
    status = status_console()
    begin = time.perf_counter()
    run = start(model, clip, asked)
    names = {query.id: query.name for query in run.queries.objects}

    def doubtful(object_id: int, doubt: str) -> None:
        name = f" '{names[object_id]}'" if names[object_id] else ""
        better = f", or use {BETTER}" if model.segmenter.preview else ""
        status.print(
            f"Doubtful: object {object_id}{name}: {doubt}; add points on and off the object, give a box"
            f"{better}."
        )

    with progress("segmenting", length(clip)) as shown:
        saved = write_results(
            run,
            output,
            outputs or Outputs(),
            overwrite=overwrite,
            resume=resume,
            settings=settings,
            request=request,
            progress=shown.update,
            doubtful=doubtful,
        )
    if model.segmenter.preview:
        status.print(f"Note: masks by {model.segmenter.name} are of preview quality; better ones: {BETTER}.")
    for stretch in saved.worth_checking:
        status.print(f"Worth checking: {stretch}.")
    seconds = time.perf_counter() - begin
    speed = f"{saved.frames / seconds:.1f} frames/s"
    status.print(f"{plural(saved.frames, 'frame')} in {seconds:.1f} s ({speed}): {saved.folder}")
