"""A sweep's folder: a description of its own, and in it the run of each setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sampt.config import Config

from ..running.description import describe
from ..running.folder import RunFolder, open_run
from .sweep import Setting


@contextmanager
def open_sweep(
    path: Path,
    settings: Sequence[Setting],
    configs: Mapping[str, Config],
    dataset: dict[str, Any],
    seeds: Sequence[int],
    overwrite: bool = False,
) -> Iterator[dict[str, RunFolder]]:
    """The runs of all settings, by their slugs, new or begun earlier, for this process alone.

    configs: of the settings, by their slugs. dataset: its name, split, root and options.

    Raises:
        OutputError: ``path`` holds another sweep, a run or other files, another process is at it, or it
            cannot be written.
        CheckpointError: a checkpoint is missing, or cannot be downloaded.
    """
    runs = {slug: describe("vos", dataset, config, seeds) for slug, config in configs.items()}
    # Only which settings there are; what they say is compared in the runs' own folders.
    own = {"task": "ablate", "config": {"settings": {s.name: s.slug for s in settings}}, "checkpoints": {}}
    with ExitStack() as stack:
        stack.enter_context(open_run(path, next(iter(runs.values())) | own, overwrite))
        yield {slug: stack.enter_context(open_run(path / slug, run, overwrite)) for slug, run in runs.items()}
