"""The options that say who does the work of a benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .option_groups import option_group

if TYPE_CHECKING:
    from sampt.benchmarks import Engine


@dataclass(frozen=True)
class EngineOptions:
    """What ``--engine``, ``--workers``, ``--address`` and ``--strict`` say."""

    engine_name: str
    workers: int | None
    address: str | None
    strict: bool

    @property
    def engine(self) -> Engine:
        """
        Raises:
            ConfigError: an address is given, but not for Ray, or Ray is not installed.
        """
        from sampt.benchmarks import Engine

        return Engine(self.engine_name, self.workers, self.address)


_OPTIONS = (
    click.option(
        "--engine",
        "engine_name",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Processes of this machine, or actors of a Ray cluster.",
    ),
    click.option("--workers", type=click.IntRange(min=1), help="How many [local: 1; ray: one a GPU]."),
    click.option("--address", help="Of the Ray cluster, such as auto; else one is started here."),
    click.option("--strict", is_flag=True, help="Stop at the first sequence that fails."),
)


engine_options = option_group("engine", EngineOptions, _OPTIONS)
"""Gives a command these options as one argument, ``engine``."""
