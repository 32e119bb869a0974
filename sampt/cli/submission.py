"""``sampt submission``: packs results as a zip file for a benchmark's server."""

from __future__ import annotations

from pathlib import Path

import click

from sampt._internal.files import check_file
from sampt._internal.names import plural
from sampt.benchmarks.datasets.registry import open_dataset, parse_options
from sampt.benchmarks.vos.submission import check_submission, write_submission
from sampt.errors import EvaluationError

from .dataset_options import dataset_options, sequence_progress

_MOST_SHOWN = 20


@click.command()
@dataset_options(required=True)
@click.option(
    "--results", type=click.Path(path_type=Path), help="Folder with one folder of PNGs per sequence."
)
@click.option(
    "--output", "-O", type=click.Path(path_type=Path), help="Write this zip file, if it passes the check."
)
@click.option("--check", type=click.Path(path_type=Path), help="Only check this zip file.")
def command(
    dataset: str,
    root: Path,
    split: str | None,
    options: tuple[str, ...],
    results: Path | None,
    output: Path | None,
    check: Path | None,
) -> None:
    """Pack results for a benchmark's server (DAVIS 2017 test-dev, YouTube-VOS, MOSE), and check them first.

    The package must hold exactly the masks that the server asks for: palette PNGs of the frames' sizes, with
    the ids of the given objects from the frames in which they appear.
    """
    if (check is None) == (results is None and output is None) or (results is None) != (output is None):
        raise click.UsageError("Give --results and --output to write a zip file, or --check to check one.")
    if output:
        check_file(output)
    opened = open_dataset(dataset, root, split, parse_options(options))
    problems: list[str] = []
    with sequence_progress("checking") as progress:
        if results and output:
            write_submission(opened, results, output, progress=progress)
        elif check:
            problems = check_submission(opened, check, progress=progress)
    for problem in problems[:_MOST_SHOWN]:
        click.echo(f"Problem: {problem}.", err=True)
    if problems:
        raise EvaluationError(
            f"{check} would be refused or scored as wrong: {plural(len(problems), 'problem')} in all; "
            "fix the results and write it again with --output"
        )
    click.echo(f"{output or check} is complete and correct for {opened.name} {opened.split}.")
