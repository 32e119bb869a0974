"""``sampt weights``: lists, downloads, verifies and removes checkpoints."""

from __future__ import annotations

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sampt._internal.console import result_console
from sampt.errors import CheckpointError
from sampt.weights.download import cached, checkpoint_path, remove, state, verify, weights_folder
from sampt.weights.registry import CHECKPOINTS, find_checkpoint

from .groups import Group


@click.group(cls=Group, no_args_is_help=True)
def command() -> None:
    """List, download, verify or remove checkpoints.

    They are stored in $SAMPT_HOME/weights, or in the platform's cache folder. Set SAMPT_WEIGHTS_URL to use a
    mirror instead of the official addresses, and SAMPT_OFFLINE=1 to download nothing.
    """


@command.command(name="list")
def list_() -> None:
    """Show every known checkpoint, its licence, and whether it is downloaded."""
    console = result_console()
    table = Table(box=SIMPLE_HEAD)
    for title in ("name", "file", "size", "licence", "commercial use", "state"):
        table.add_column(title, justify="right" if title == "size" else "left", overflow="fold")
    for checkpoint in CHECKPOINTS.values():
        table.add_row(
            checkpoint.name,
            checkpoint.file,
            f"{checkpoint.size / 1e6:,.0f} MB" if checkpoint.size else "?",
            checkpoint.licence,
            {True: "yes", False: "no", None: "not stated"}[checkpoint.commercial],
            state(checkpoint),
        )
    console.print(table)
    console.print(f"In {weights_folder()}", soft_wrap=True)


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def download(names: tuple[str, ...]) -> None:
    """Download missing checkpoints, and verify those that are already downloaded."""
    for checkpoint in [find_checkpoint(name) for name in names]:
        click.echo(f"{checkpoint.name}: {checkpoint_path(checkpoint.name)}")


@command.command()
@click.argument("name")
def path(name: str) -> None:
    """Print the path of a downloaded checkpoint."""
    checkpoint = find_checkpoint(name)
    if not cached(checkpoint).is_file():
        raise CheckpointError(
            f"{name} is not in {weights_folder()}; run `sampt weights download {name}` to get it"
        )
    click.echo(cached(checkpoint))


@command.command(name="verify")
@click.argument("names", nargs=-1, metavar="[NAME...]")
def verify_(names: tuple[str, ...]) -> None:
    """Compare checkpoints with their SHA-256: those named, or all that are downloaded."""
    chosen = [find_checkpoint(name) for name in names]
    chosen = chosen or [c for c in CHECKPOINTS.values() if cached(c).is_file()]
    problems = []
    for checkpoint in chosen:
        try:
            verify(checkpoint)
        except CheckpointError as error:
            problems.append(str(error))
        else:
            click.echo(f"{checkpoint.name}: verified")
    if problems:
        raise CheckpointError(". ".join(problems))
    if not chosen:
        click.echo(f"No checkpoint is in {weights_folder()}")


@command.command(name="remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def remove_(names: tuple[str, ...]) -> None:
    """Delete checkpoints, and what is left of unfinished downloads."""
    for checkpoint in [find_checkpoint(name) for name in names]:
        found = remove(checkpoint)
        click.echo(f"{checkpoint.name}: {'removed' if found else 'was not downloaded'}")
