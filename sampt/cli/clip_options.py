"""Options that choose frames of a video."""

from __future__ import annotations

from dataclasses import dataclass

import click

from .option_groups import option_group


@dataclass(frozen=True)
class ClipChoice:
    """Values of ``--start``, ``--stride`` and ``--max-frames``."""

    start: int
    stride: int
    max_frames: int | None


clip_options = option_group(
    "frames",
    ClipChoice,
    (
        click.option("--start", type=click.IntRange(min=0), default=0, help="First frame to use."),
        click.option("--stride", type=click.IntRange(min=1), default=1, help="Use every n-th frame."),
        click.option("--max-frames", type=click.IntRange(min=1), help="Maximum number of frames to use."),
    ),
)
"""Decorator that gives a command these options as one argument, ``frames``."""
