"""Command groups that import their commands when called and suggest close names."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass

import click

from sampt._internal.names import unknown_name


class Group(click.Group):
    """Click group that suggests the closest command for an unknown name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        known = self.list_commands(ctx)
        if name not in known and not name.startswith("-"):
            raise click.ClickException(unknown_name("command", name, known))
        return super().resolve_command(ctx, args)


@dataclass(frozen=True)
class Listed:
    """Entry of a command in ``sampt --help``.

    Attributes:
        module: module that holds it as ``command``; imported only when it is called.
        help: one-line description.
        stopped: how to resume it after an interruption; empty if there is nothing to say.
    """

    module: str
    help: str
    stopped: str = ""


class SectionedGroup(Group):
    """Group that lists its commands in sections, without importing them."""

    def __init__(self, *args: object, sections: Mapping[str, Mapping[str, Listed]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.sections = sections
        self.listed = {name: entry for entries in sections.values() for name, entry in entries.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.listed)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.listed:
            return None
        command: click.Command = importlib.import_module(self.listed[name].module, __package__).command
        command.name = name  # all are functions called ``command``
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, self.listed))
        for title, entries in self.sections.items():
            with formatter.section(title):
                # Names are padded, so that the columns of all sections line up.
                formatter.write_dl([(name.ljust(widest), entry.help) for name, entry in entries.items()])


def unknown_option(error: click.NoSuchOption) -> str:
    """Message for an option that a command does not have, in the words of ``unknown_name``."""
    if error.ctx is None:
        return error.format_message()
    parameters = error.ctx.command.get_params(error.ctx)
    known = [o for p in parameters if isinstance(p, click.Option) for o in (*p.opts, *p.secondary_opts)]
    path = error.ctx.command_path
    return unknown_name("option", error.option_name, known, f"`{path} --help` lists those of {path}")
