"""Options for how a benchmark's work is distributed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .option_groups import option_group

if TYPE_CHECKING:
    from sampt.benchmarks import Engine


@dataclass(frozen=True)
class EngineOptions:
    """Values of ``--engine``, ``--workers``, ``--address`` and ``--strict``."""

    engine_name: str
    workers: int | None
    address: str | None
    strict: bool

    @property
    def engine(self) -> Engine:
        """The engine that these options choose.

        Raises:
            ConfigError: an address is given for another engine than Ray, or Ray is not installed.
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
        help="Run in processes on this machine, or in actors of a Ray cluster.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=1),
        help="Number of workers  [default: local: 1; ray: one per GPU]",
    ),
    click.option(
        "--address", help="Address of a Ray cluster, such as auto; by default, one is started here."
    ),
    click.option("--strict", is_flag=True, help="Stop at the first sequence that fails."),
)


engine_options = option_group("engine", EngineOptions, _OPTIONS)
"""Decorator that gives a command these options as one argument, ``engine``."""
