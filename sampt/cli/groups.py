"""Groups of commands, imported when they are called, and what is said of a name that none of them has."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass

import click

from sampt._internal.names import unknown_name


class Group(click.Group):
    """A click group that names the closest command where there is none of that name."""

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
    """A command as ``sampt --help`` shows it.

    Attributes:
        module: holds it, as ``command``; imported only when it is called.
        help: one line.
        stopped: how to go on if it is stopped before its end; empty where nothing would be left to say.
    """

    module: str
    help: str
    stopped: str = ""


class SectionedGroup(Group):
    """A group whose commands are listed in sections, without importing them."""

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
                # Names are padded, so that the sections' columns stand below each other.
                formatter.write_dl([(name.ljust(widest), entry.help) for name, entry in entries.items()])


def unknown_option(error: click.NoSuchOption) -> str:
    """What to say of an option that a command does not have, in the words of ``unknown_name``."""
    if error.ctx is None:
        return error.format_message()
    parameters = error.ctx.command.get_params(error.ctx)
    known = [o for p in parameters if isinstance(p, click.Option) for o in (*p.opts, *p.secondary_opts)]
    path = error.ctx.command_path
    return unknown_name("option", error.option_name, known, f"`{path} --help` lists those of {path}")
