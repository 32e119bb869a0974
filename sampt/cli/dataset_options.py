"""Options and progress bar of the commands that read a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from sampt._internal.console import progress

Function = TypeVar("Function", bound=Callable[..., Any])


def dataset_options(required: bool = False) -> Callable[[Function], Function]:
    """Decorator that adds ``--dataset``, ``--root``, ``--split`` and ``-d`` to a command."""

    def decorate(command: Function) -> Function:
        for option in reversed(
            (
                click.option(
                    "--dataset",
                    required=required,
                    metavar="NAME",
                    help="Dataset; `sampt datasets list` shows them.",
                ),
                click.option(
                    "--root",
                    type=click.Path(path_type=Path),
                    required=required,
                    help="Folder of the dataset.",
                ),
                click.option(
                    "--split",
                    help="Split, such as val or test-dev; by default the one that is usually scored.",
                ),
                click.option(
                    "-d",
                    "options",
                    multiple=True,
                    metavar="KEY=VALUE",
                    help="Option of the dataset; may be repeated.",
                ),
            )
        ):
            command = option(command)
        return command

    return decorate


@contextmanager
def sequence_progress(
    label: str, begin: Callable[[], None] | None = None
) -> Iterator[Callable[[int, int | None], None]]:
    """Progress bar over a dataset's sequences.

    Args:
        label: what is being done, such as "segmenting".
        begin: called once before the first report, when all input has been accepted.

    Yields:
        A function that takes the number of finished sequences and their total, which is None while unknown.
    """
    with progress(label, unit="sequences") as shown:
        begun = False

        def report(done: int, total: int | None) -> None:
            nonlocal begun
            if begin and not begun:
                begin()
            begun = True
            shown.update(done, total)

        yield report
