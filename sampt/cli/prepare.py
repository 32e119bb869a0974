"""``sampt prepare``: builds datasets from other datasets or from videos."""

from __future__ import annotations

from pathlib import Path

import click

from sampt.benchmarks.datasets.bdd100k_prepare import prepare_bdd100k
from sampt.benchmarks.vis.uvo_prepare import prepare_uvo

from .dataset_options import sequence_progress
from .groups import Group


@click.group(cls=Group, no_args_is_help=True)
def command() -> None:
    """Build datasets from other datasets or from videos."""


@command.command()
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder with images/seg_track_20 and labels/seg_track_20/bitmasks.",
)
@click.option(
    "--output", "-O", type=click.Path(path_type=Path), required=True, help="Folder to write the dataset to."
)
@click.option("--split", type=click.Choice(["val", "train"]), default="val", show_default=True)
@click.option("--copy", is_flag=True, help="Copy the frames instead of linking to them.")
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Videos at a time.")
def bdd100k(root: Path, output: Path, split: str, copy: bool, workers: int) -> None:
    """Build the dataset on which SAM-PT is evaluated from the bitmasks of BDD100K's MOTS 2020.

    Instances marked as ignored or crowd are left out, and videos with more than 100 objects are split into
    several sequences. If interrupted, run it again to resume. Use the result with --dataset bdd100k.
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
@click.option("--root", type=click.Path(path_type=Path), required=True, help="Folder of UVO v1.0.")
@click.option("--split", type=click.Choice(["val", "train", "test"]), default="val", show_default=True)
@click.option(
    "--videos", type=click.Path(path_type=Path), help="Folder of the videos  [default: ROOT/uvo_videos_dense]"
)
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Videos at a time.")
def uvo(root: Path, split: str, videos: Path | None, workers: int) -> None:
    """Extract the frames that UVO's annotations name from its dense videos.

    They go to ROOT/uvo_videos_dense_frames. If interrupted, run it again to resume.
    """
    with sequence_progress("preparing") as progress:
        made = prepare_uvo(root, split, videos=videos, workers=workers, progress=progress)
    there = f", {made.before} of them already there" if made.before else ""
    click.echo(
        f"{made.frames} frames of {made.videos} videos{there}; use them with --dataset uvo --root {root}"
    )
