"""The code blocks of a Markdown page, and how they are run."""

from __future__ import annotations

import ast
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from sampt.cli import run as run_command_line
from sampt.cli import sampt

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

NEEDS = ("weights", "dataset", "server", "network", "checkout", "minutes")
"""What a block may need that a test does not have: ``<!-- needs: weights -->`` in the line before it."""

_BLOCK = re.compile(
    r"^(?:<!-- needs: (?P<needs>[\w, ]+) -->\n)?"
    r'```(?P<language>\w*)(?: title="(?P<title>[^"]+)")?\n(?P<code>.*?)^```$',
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    line: of its first line of code, from 1.
    title: the file that it is, or empty.
    needs: what it needs besides the prepared inputs, or empty.
    """

    page: Path
    line: int
    language: str
    title: str
    needs: str
    code: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_code(self) -> bool:
        """Whether a reader would run it."""
        return self.language in ("sh", "python")

    def run(self, namespace: dict[str, Any]) -> None:
        """Run it in the current folder; ``namespace`` is shared by the Python blocks of a page."""
        if self.language == "python":
            exec(compile(self.code, str(self), "exec"), namespace)
            return
        for command in self.commands():
            program, *arguments = command
            assert program == "sampt", f"{self} cannot run {program}; mark what it needs"
            assert run_command_line(arguments) == 0, f"{self} failed: {shlex.join(command)}"

    def check(self) -> None:
        """Parse what cannot run: commands and their options must exist, and so must what is imported."""
        if self.language == "python":
            imports = [
                node for node in ast.parse(self.code).body if isinstance(node, ast.Import | ast.ImportFrom)
            ]
            exec(compile(ast.Module(imports, []), str(self), "exec"), {})
            return
        for program, *arguments in self.commands():
            if program == "sampt":
                command: click.Command | None = sampt
                while isinstance(command, click.Group):
                    name, *arguments = arguments
                    command = command.get_command(click.Context(command), name)
                assert command is not None, f"{self}: there is no command {name}"
                command.make_context(name, arguments)

    def commands(self) -> list[list[str]]:
        """The words of each command of a shell block, with variables in the place of their names."""
        lines = self.code.replace("\\\n", " ").splitlines()
        words = [shlex.split(os.path.expandvars(line), comments=True) for line in lines]
        return [command for command in words if command]


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    text = page.read_text()
    return [
        Block(
            page,
            text.count("\n", 0, found.start("code")) + 1,
            found["language"],
            found["title"] or "",
            found["needs"] or "",
            found["code"],
        )
        for found in _BLOCK.finditer(text)
    ]
