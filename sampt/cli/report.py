"""``sampt report``: the page about a run again, or one that compares several runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sampt.benchmarks.running.saved_runs import SavedRun


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--output",
    "-O",
    type=click.Path(path_type=Path),
    help="The page  [default: one run: RUN/report.html; several: comparison.html]",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="Folder of the dataset, if it is not where it was during the run.",
)
@click.option(
    "--overlays",
    is_flag=True,
    help="Also write RUN/overlays/SEQUENCE.mp4, a video of the masks over the frames, and link to it.",
)
def command(runs: tuple[Path, ...], output: Path | None, root: Path | None, overlays: bool) -> None:
    """Write the page about a run of `sampt vos` or `sampt vis` again, or compare several runs.

    Nothing is segmented: everything comes from the runs' folders. Runs are compared on the sequences that all
    of them have finished; they must be of the same dataset and split. The folder of `sampt ablate` stands for
    the runs of all its settings.

    \b
    sampt report results/davis2017-val-sam_pt --overlays
    sampt report results/first results/second -O comparison.html
    """
    from sampt._internal.extras import require
    from sampt._internal.files import check_file

    require("pandas", "jinja2", purpose="sampt report")
    from sampt.benchmarks.running.comparison import Comparison, write_comparison
    from sampt.benchmarks.running.report import write_report
    from sampt.benchmarks.running.saved_runs import SavedRun, runs_in

    folders = [folder for run in runs for folder in runs_in(run)]
    page = output or (folders[0] / "report.html" if len(folders) == 1 else Path("comparison.html"))
    check_file(page)
    saved = [SavedRun(folder, root) for folder in folders]
    comparison = Comparison.of(saved) if len(saved) > 1 else None  # refuses before videos are written
    for run in saved if overlays else ():
        _write_overlays(run)
    if comparison:
        write_comparison(page, comparison)
    else:
        write_report(page, saved[0].report())
        _tell_without_frames(saved[0])
    click.echo(f"Open {page}", err=True)


def _write_overlays(run: SavedRun) -> None:
    from .dataset_options import sequence_progress

    with sequence_progress(f"drawing {run.path.name}") as progress:
        run.write_overlays(progress)


def _tell_without_frames(run: SavedRun) -> None:
    if not run.has_frames:
        click.echo(
            f"Note: the dataset is not in {run.choice.root}, so the page has no pictures; "
            "say where it is with --root.",
            err=True,
        )
