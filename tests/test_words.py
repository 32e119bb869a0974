"""Plain English: unnatural phrases are kept out of docs, help texts, docstrings and messages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from sampt.cli import sampt

ROOT = Path(__file__).parent.parent

BETTER = {
    r"anew": "again, or: start over",
    r"mend(s|ed|ing)?": "fix, repair",
    r"who(m|so)?ever": "anyone who, or name the user or caller",
    r"(close |near )?at hand": "available",
    r"(can|could|may|might|to) be had": "is available, can be downloaded",
    r"so many": "a maximum of, the number of, this many",
    r"(go|goes|going|went|gone) on (where|from|with|nevertheless)": "resumes, continues",
    r"gone back to": "accessed again",
    r"likewise": "also, in the same way",
    r"thereof": "of it",
    r"of whichever": "of any",
    r"whatever (it|they) (is|are)": "say which ones",
    r"(give|gives|gave|giving) way": "is replaced by",
    r"as it is(?=[.,;:)])": "unchanged",
    r"(?<!there\s)(?<!which\s)is no (file|folder|video|image|point|number|key|mask|text)": "is not a",
    r"(once|twice|times|one|(two|three|four) \w+s|points|rows|row|prompts|bytes) an? "
    r"(object|frame|sequence|video|pixel|point|seed|tracker|gpu)(?=[.,;:)\]]|$)": "per object, per frame",
}  # fmt: skip
"""What to look for, as a regular expression of whole words, and what to write instead."""

BANNED = {
    re.compile(r"\b" + phrase.replace(" ", r"\s+") + r"(?!\w)", re.IGNORECASE): better
    for phrase, better in BETTER.items()
}

PARTS = ("README.md", "CONTRIBUTING.md", "docs", "examples", "sampt", "trackers", "benchmarks")
"""Where people read our words, relative to the repository."""


def problems(text: str, where: object, line: int = 1) -> list[str]:
    """Banned phrases in a text that starts in a line of ``where``, each as ``where:line: phrase``."""
    return [
        f"{where}:{line + text.count(chr(10), 0, match.start())}: '{match[0]}'; write: {better}"
        for pattern, better in BANNED.items()
        for match in pattern.finditer(text)
    ]


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a file with their first lines: the strings of a Python file, else all of it."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield 1, source
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def files(part: str) -> list[Path]:
    top = ROOT / part
    if top.is_file():
        return [top]
    return sorted(p for p in top.rglob("*") if p.suffix in {".py", ".md", ".html", ".jinja", ".js"})


def commands(group: click.Group, path: str = "sampt") -> Iterator[tuple[str, click.Command]]:
    yield path, group
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


@pytest.mark.parametrize("part", PARTS)
def test_files(part: str) -> None:
    read = files(part)
    assert read
    found = [
        problem
        for path in read
        for line, text in texts(path)
        for problem in problems(text, path.relative_to(ROOT), line)
    ]
    assert not found, "\n".join(found)


def test_help() -> None:
    found = [
        problem
        for path, command in commands(sampt)
        for problem in problems(command.get_help(click.Context(command, info_name=path)), f"{path} --help")
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "sentence",
    [
        "The same command begins anew.",
        "Mend the file.",
        "Whoever reads this",
        "At most so many frames.",
        "It goes on\n    where it was.",
        "notes.txt is no file",
        "Three points an object.",
        "Default: one a GPU.",
        "Left as it is.",
    ],
)
def test_finds(sentence: str) -> None:
    assert problems(sentence, "file")


@pytest.mark.parametrize(
    "sentence",
    [
        "We recommend an amendment, or commend it.",
        "There is no file of that name, which is no problem.",
        "The points an object has are tracked, as it is in the frame.",
        "A cat goes on the mat; the run goes on.",
        "The first one is an object. Frames per object; once per frame.",
    ],
)
def test_leaves_good_english_alone(sentence: str) -> None:
    assert not problems(sentence, "file")


def test_names_the_line() -> None:
    assert problems("One.\nTwo.\nOver\nand anew.", "a.md", line=10)[0].startswith("a.md:13: 'anew'")
