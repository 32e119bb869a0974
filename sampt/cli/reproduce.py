"""``sampt reproduce``: lists the rows of SAM-PT's papers, and runs one beside the published number."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from sampt.errors import ConfigError

from .dataset_options import sequence_progress
from .engine_options import EngineOptions, engine_options
from .model_options import ModelChoice, PartsChoice, parts_options
from .run_options import exit_if_failed

if TYPE_CHECKING:
    from sampt.benchmarks.ablations.sweep import Sweep
    from sampt.benchmarks.reproduce.catalogue import Row
    from sampt.config import Config


@click.command()
@click.argument("name", required=False)
@click.option("--root", type=click.Path(path_type=Path), help="Folder of the row's dataset.")
@click.option(
    "--sequence", "sequences", multiple=True, metavar="NAME", help="Run only this sequence; may be repeated."
)
@parts_options
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    help="Number of seeds  [default: 1, or as in the ablation's file]",
)
@click.option(
    "--output", "-O", type=click.Path(path_type=Path), help="Folder for the run  [default: results/NAME]"
)
@click.option("--overwrite", is_flag=True, help="Start over if the folder already holds a run.")
@click.option("--dry-run", is_flag=True, help="Only print the plain command that does the same.")
@engine_options
@click.pass_context
def command(
    context: click.Context,
    name: str | None,
    root: Path | None,
    sequences: tuple[str, ...],
    parts: PartsChoice,
    seeds: int | None,
    output: Path | None,
    overwrite: bool,
    dry_run: bool,
    engine: EngineOptions,
) -> None:
    """Run the row NAME of SAM-PT's papers, and print ours beside the published number.

    Without NAME, list all rows: the published number, the dataset, the command, the checkpoints, and whether
    the row can run here. The options that choose parts change the published settings, and the result says
    so. If the command is interrupted, running it again resumes it. If a sequence fails, the others still
    finish, and the exit code is 3.

    \b
    sampt reproduce
    sampt reproduce arxiv_table3_sam_pt --root DAVIS --seeds 8
    """
    from sampt.benchmarks.reproduce.catalogue import find_row

    if name is None:
        if root or output or dry_run:
            raise ConfigError("give the NAME of a row; `sampt reproduce` lists them")
        from .reproduce_tables import print_rows

        print_rows()
        return
    row = find_row(name)
    if not row.run:
        raise ConfigError(f"{name} cannot run: {row.why_not}")
    row.check_seeds(seeds)
    if dry_run:
        _print_plain(row, root, context)
        return
    if root is None:
        raise ConfigError(f"{name} needs the folder of {row.dataset}; give --root FOLDER")
    _run(context, row, root, sequences, parts.on(row.config), seeds, output, overwrite, engine)


def _run(
    context: click.Context,
    row: Row,
    root: Path,
    sequences: tuple[str, ...],
    model: ModelChoice,
    seeds: int | None,
    output: Path | None,
    overwrite: bool,
    engine: EngineOptions,
) -> None:
    from sampt._internal.extras import require
    from sampt.benchmarks.reproduce.running import run_row
    from sampt.config import Config

    from .reproduce_tables import print_row

    require("pandas", "matplotlib", "jinja2", purpose="sampt reproduce")
    settings, changed = _settings(row, model)

    def announce() -> None:
        if isinstance(settings, Config):
            model.announce(settings)

    with sequence_progress("annotating" if row.run == "interactive" else "segmenting", announce) as progress:
        done = run_row(
            row,
            root,
            output or Path("results") / row.name,
            settings,
            adapt=model.checked,
            sequences=sequences,
            seeds=seeds,
            engine=engine.engine,
            strict=engine.strict,
            overwrite=overwrite,
            progress=progress,
        )
    print_row(row, done, changed)
    exit_if_failed(context, done.failures)


def _settings(row: Row, model: ModelChoice) -> tuple[Config | Sweep, dict[str, tuple[object, object]]]:
    """The row's settings with the user's changes, and those changes: key → (used, published)."""
    from sampt.benchmarks.ablations.sweep import read_sweep
    from sampt.benchmarks.reproduce.comparison import differing
    from sampt.benchmarks.vis.settings import VisConfig

    if row.run != "ablate":
        config = model.settings(schema=VisConfig if row.run == "vis" else None)
        return config, differing(config, row.configs()[0])
    sweep = read_sweep(row.config, None, model.chosen)
    changed: dict[str, tuple[object, object]] = {}
    for setting, published in zip(sweep.settings(), row.configs(), strict=True):
        changed |= differing(sweep.config(setting), published)
    return sweep, changed


def _print_plain(row: Row, root: Path | None, context: click.Context) -> None:
    """Print the plain command with every option that was given, except those of this command alone."""
    from sampt.benchmarks.reproduce.plain import plain_command

    more: list[str] = []
    for option in context.command.params:
        name = str(option.name)
        given = context.get_parameter_source(name) is not ParameterSource.DEFAULT
        if given and name not in ("name", "root", "dry_run"):
            more += _words(option.opts[0], context.params[name])
    click.echo(shlex.join(plain_command(row, str(root or "ROOT"), more)))


def _words(option: str, value: Any) -> list[str]:
    """The words of an option on the command line."""
    if value is True:
        return [option]
    return [word for one in (value if isinstance(value, tuple) else (value,)) for word in (option, str(one))]
