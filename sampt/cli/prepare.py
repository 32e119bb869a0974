"""``sampt prepare``: datasets that have to be made from others."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sampt.benchmarks.datasets.bdd100k_prepare import prepare_bdd100k


@click.group(no_args_is_help=True)
def command() -> None:
    """Make datasets for video object segmentation out of others."""


@command.command()
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    required=True,
    help="The folder with images/seg_track_20 and labels/seg_track_20/bitmasks.",
)
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Where to write the set.")
@click.option("--split", type=click.Choice(["val", "train"]), default="val", show_default=True)
@click.option("--copy", is_flag=True, help="Copy the frames; otherwise the set links to them.")
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Videos at a time.")
def bdd100k(root: Path, output: Path, split: str, copy: bool, workers: int) -> None:
    """Make the set on which SAM-PT is evaluated, from the bitmasks of BDD100K's MOTS 2020.

    Instances marked as ignored or crowd are left out, and videos with more than 100 objects become several
    sequences. Called again, it goes on where it was interrupted. Use the result as --dataset bdd100k.
    """
    status = Console(stderr=True)
    columns = (TextColumn("preparing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=status, transient=True, disable=not status.is_terminal) as bar:
        task = bar.add_task("", total=None)
        made = prepare_bdd100k(
            root,
            output,
            split,
            copy=copy,
            workers=workers,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for name in made.empty:
        click.echo(f"Note: no object is left in {name}")
    click.echo(
        f"{output / split}: {made.sequences} sequences with {made.objects} objects, "
        f"from {made.videos} videos; use it with --dataset bdd100k --root {output}"
    )
