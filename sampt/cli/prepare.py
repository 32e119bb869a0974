"""``sampt prepare``: datasets that have to be made from others, or from videos."""

from __future__ import annotations

from pathlib import Path

import click

from sampt.benchmarks.datasets.bdd100k_prepare import prepare_bdd100k
from sampt.benchmarks.vis.uvo_prepare import prepare_uvo

from .dataset_options import sequence_progress
from .groups import Group


@click.group(cls=Group, no_args_is_help=True)
def command() -> None:
    """Make datasets out of others, or out of videos."""


@command.command()
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    required=True,
    help="The folder with images/seg_track_20 and labels/seg_track_20/bitmasks.",
)
@click.option(
    "--output", "-O", type=click.Path(path_type=Path), required=True, help="Where to write the set."
)
@click.option("--split", type=click.Choice(["val", "train"]), default="val", show_default=True)
@click.option("--copy", is_flag=True, help="Copy the frames; otherwise the set links to them.")
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Videos at a time.")
def bdd100k(root: Path, output: Path, split: str, copy: bool, workers: int) -> None:
    """Make the set on which SAM-PT is evaluated, from the bitmasks of BDD100K's MOTS 2020.

    Instances marked as ignored or crowd are left out, and videos with more than 100 objects become several
    sequences. Called again, it goes on where it was interrupted. Use the result as --dataset bdd100k.
    """
    with sequence_progress("preparing") as progress:
        made = prepare_bdd100k(root, output, split, copy=copy, workers=workers, progress=progress)
    for name in made.empty:
        click.echo(f"Note: no object is left in {name}")
    click.echo(
        f"{output / split}: {made.sequences} sequences with {made.objects} objects, "
        f"from {made.videos} videos; use it with --dataset bdd100k --root {output}"
    )


@command.command()
@click.option("--root", type=click.Path(path_type=Path), required=True, help="The folder of UVO v1.0.")
@click.option("--split", type=click.Choice(["val", "train", "test"]), default="val", show_default=True)
@click.option("--videos", type=click.Path(path_type=Path), help="The videos' folder [ROOT/uvo_videos_dense].")
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Videos at a time.")
def uvo(root: Path, split: str, videos: Path | None, workers: int) -> None:
    """Make the frames that UVO's annotations name from its dense videos.

    They go to ROOT/uvo_videos_dense_frames. Called again, it goes on where it was interrupted.
    """
    with sequence_progress("preparing") as progress:
        made = prepare_uvo(root, split, videos=videos, workers=workers, progress=progress)
    there = f", {made.before} of them from before" if made.before else ""
    click.echo(
        f"{made.frames} frames of {made.videos} videos{there}; use them with --dataset uvo --root {root}"
    )
