"""What the commands on datasets share: the options that name one, and a bar that counts its sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from sampt._internal.console import progress

Function = TypeVar("Function", bound=Callable[..., Any])


def dataset_options(required: bool = False) -> Callable[[Function], Function]:
    """``--dataset``, ``--root``, ``--split`` and ``-d`` for a command, as ``dataset``, …, ``options``."""

    def decorate(command: Function) -> Function:
        for option in reversed(
            (
                click.option(
                    "--dataset", required=required, metavar="NAME", help="See `sampt datasets list`."
                ),
                click.option(
                    "--root", type=click.Path(path_type=Path), required=required, help="Where the dataset is."
                ),
                click.option("--split", help="Such as val or test-dev; else the one that is usually scored."),
                click.option("-d", "options", multiple=True, metavar="KEY=VALUE", help="A dataset's option."),
            )
        ):
            command = option(command)
        return command

    return decorate


@contextmanager
def sequence_progress(
    label: str, begin: Callable[[], None] | None = None
) -> Iterator[Callable[[int, int | None], None]]:
    """Says how far a command is, and gives what it is told by: how many are done, and how many there are.

    How many there are may be None until it is known. ``begin`` is called before the first of them: whatever
    can be refused has not been by then.
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
