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

from sampt.methods.base import VideoMethod
from sampt.output.writer import save
from sampt.prompts.query_points import QueryPoints
from sampt.trackers.clip import Clip


class Speed(ProgressColumn):
    """Frames per second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} frames/s" if task.speed else "")


def segment_clip(
    model: VideoMethod,
    clip: Clip,
    queries: QueryPoints,
    output: Path,
    *,
    overlay: bool = True,
    coco: Path | None = None,
    overwrite: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Segment ``clip`` into the folder ``output``; a progress bar on a terminal."""
    status = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    begin = time.perf_counter()
    columns = (TextColumn("segmenting"), BarColumn(), MofNCompleteColumn(), Speed(), TimeRemainingColumn())
    with Progress(*columns, console=status, transient=True, disable=not status.is_terminal) as bar:
        task = bar.add_task("", total=len(clip))
        saved = save(
            model.stream(clip, queries),
            output,
            overlay=overlay,
            coco=coco,
            overwrite=overwrite,
            settings=settings,
            progress=lambda done: bar.update(task, completed=done),
        )
    if model.segmenter.preview:
        status.print(
            f"Note: masks by {model.segmenter.name} are of preview quality; "
            "for the method's own quality use --config sam_pt."
        )
    for stretch in saved.worth_checking:
        status.print(f"Worth checking: {stretch}.")
    seconds = time.perf_counter() - begin
    status.print(
        f"{saved.frames} frames in {seconds:.1f} s ({saved.frames / seconds:.1f} frames/s): {saved.folder}"
    )
