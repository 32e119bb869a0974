"""``sampt weights``: the checkpoints that can be had, and those that are here."""

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
    """The checkpoints that can be had, and those that are here.

    They lie in $SAMPT_HOME/weights, or in the platform's cache folder. SAMPT_WEIGHTS_URL is the address of a
    mirror to use instead of the official ones; with SAMPT_OFFLINE=1 nothing is downloaded.
    """


@command.command(name="list")
def list_() -> None:
    """Show every known checkpoint, its licence, and whether it is here."""
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
    """Download checkpoints that are not here yet; verify those that are."""
    for checkpoint in [find_checkpoint(name) for name in names]:
        click.echo(f"{checkpoint.name}: {checkpoint_path(checkpoint.name)}")


@command.command()
@click.argument("name")
def path(name: str) -> None:
    """Print the path of a checkpoint that is here."""
    checkpoint = find_checkpoint(name)
    if not cached(checkpoint).is_file():
        raise CheckpointError(f"{name} is not in {weights_folder()}; run `sampt weights download {name}`")
    click.echo(cached(checkpoint))


@command.command(name="verify")
@click.argument("names", nargs=-1, metavar="[NAME...]")
def verify_(names: tuple[str, ...]) -> None:
    """Compare checkpoints with their SHA-256: those named, or all that are here."""
    chosen = [find_checkpoint(name) for name in names]
    chosen = chosen or [c for c in CHECKPOINTS.values() if cached(c).is_file()]
    problems = []
    for checkpoint in chosen:
        try:
            verify(checkpoint)
        except CheckpointError as error:
            problems.append(str(error))
        else:
            click.echo(f"{checkpoint.name}: right")
    if problems:
        raise CheckpointError(". ".join(problems))
    if not chosen:
        click.echo(f"There is no checkpoint in {weights_folder()}")


@command.command(name="remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def remove_(names: tuple[str, ...]) -> None:
    """Delete checkpoints, and what has come of unfinished downloads."""
    for checkpoint in [find_checkpoint(name) for name in names]:
        found = remove(checkpoint)
        click.echo(f"{checkpoint.name}: {'removed' if found else 'was not here'}")
