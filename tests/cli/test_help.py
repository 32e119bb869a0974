"""Help, unknown names, and output that is not UTF-8."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sampt.cli import SECTIONS, sampt

from .conftest import Cli

COMMANDS = [name for entries in SECTIONS.values() for name in entries]


def test_commands_are_listed_in_sections(here: Cli) -> None:
    listed = here("--help").stdout
    titles = re.findall(r"^([A-Z][a-z ]+):$", listed, re.MULTILINE)
    assert titles == ["Options", "Segment", "Benchmarks", "Evaluate", "Data and weights"]
    commands = listed.partition("\nSegment:\n")[2]
    assert re.findall(r"^  ([a-z-]+) ", commands, re.MULTILINE) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_one_option_has_one_name(command: str) -> None:
    found = sampt.get_command(None, command)
    assert found is not None
    parts = [found, *getattr(found, "commands", {}).values()]
    options = {name for part in parts for p in part.params for name in (*p.opts, *p.secondary_opts)}
    assert "--checkpoint" not in options
    assert ("--output" in options) == ("-O" in options)
    assert ("--config" in options) <= ("-o" in options)


class TestUnknownNames:
    def test_a_close_command(self, here: Cli) -> None:
        done = here("segmnt")
        assert done.returncode == 2
        assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
        assert "'segmnt'" in done.stderr and "'segment'" in done.stderr

    def test_a_close_command_of_a_group(self, here: Cli) -> None:
        assert "'list'" in here("weights", "lst").stderr

    def test_no_command_is_close(self, here: Cli) -> None:
        said = here("zzzzz").stderr
        assert "did you mean" not in said
        assert all(name in said for name in COMMANDS)

    def test_a_close_option(self, here: Cli) -> None:
        said = here("segment", "clip.mp4", "--segmenter-chekpoint", "x").stderr
        assert "'--segmenter-checkpoint'" in said

    def test_no_option_is_close(self, here: Cli) -> None:
        said = here("segment", "clip.mp4", "--zzzzz").stderr
        assert "did you mean" not in said and "`sampt segment --help`" in said

    def test_no_segmenter_is_close(self, here: Cli) -> None:
        said = here("segment", "clip.mp4", "--output", "out", "--segmenter", "zzzzz").stderr
        assert "did you mean" not in said and "choose one of grabcut, " in said


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
@pytest.mark.parametrize(
    "arguments",
    [*[(name, "--help") for name in COMMANDS if name != "info"], ("--help",), ("datasets", "list")],
    ids=" ".join,
)
def test_output_in_another_encoding(arguments: tuple[str, ...], encoding: str, monkeypatch) -> None:
    """In this process, with streams of that encoding, as subprocesses would take a minute."""
    import io

    from sampt.cli import run

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert run(arguments) == 0


def test_what_an_encoding_lacks_is_written_plainly(sampt: Cli) -> None:
    done = sampt("--help", PYTHONIOENCODING="latin-1", LC_ALL="C")
    assert done.returncode == 0, done.stderr
    assert "BDD100K, ..." in done.stdout


def test_a_name_that_an_encoding_lacks_can_be_refused(sampt: Cli) -> None:
    done = sampt("segment", "日本.mp4", "--point", "1:0:1,1", "--output", "out", PYTHONIOENCODING="latin-1")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert r"\u65e5\u672c.mp4" in done.stderr


def test_a_closed_pipe_is_no_error_of_ours(tmp_path: Path) -> None:
    command = f"{sys.executable} -m sampt datasets list | true"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == ""
