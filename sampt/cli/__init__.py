"""The command line: each subcommand lives in a module of its own, imported only when it is called."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

from sampt.version import __version__

# name: (module, one line of help), so that `sampt --help` imports none of them.
COMMANDS = {
    "segment": (".segment", "Segment objects through a video from points, boxes or a mask."),
    "demo": (".demo", "Segment a generated scene and score the result; needs nothing."),
    "evaluate": (".evaluate", "Score results against annotations: J, F and J&F."),
    "evaluate-tracks": (".evaluate_tracks", "Score point trackers with the measures of TAP-Vid."),
    "vos": (".vos", "Run a semi-supervised VOS benchmark: DAVIS, YouTube-VOS, MOSE, BDD100K, …"),
    "vis": (".vis", "Find and track everything in videos: UVO, YouTube-VIS, OVIS."),
    "evaluate-vis": (".evaluate_vis", "Score masklets: AP and AR of video instance segmentation."),
    "app": (".app", "Click on objects in a web page, and correct what comes out."),
    "interactive-benchmark": (
        ".interactive_benchmark",
        "Simulate annotators who correct points, in every video of a dataset.",
    ),
    "ablate": (".ablate", "Compare settings on a VOS dataset, each with several seeds."),
    "datasets": (".datasets", "List datasets, check what is there, make a miniature of one."),
    "prepare": (".prepare", "Bring a dataset into the layout that is read."),
    "submission": (".submission", "Pack results for a benchmark's server, and check the package."),
    "propose": (".propose", "Find masks of everything in an image or in frames of a video."),
    "track": (".track", "Track points through a video, without segmenting it."),
    "sample": (".sample", "Draw what each point sampler picks for a mask."),
    "weights": (".weights", "List, download, verify or remove checkpoints."),
    "info": (".info", "Show versions, the device, and what can be loaded."),
}


class LazyGroup(click.Group):
    """A click group that imports a subcommand's module when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[name][0], __name__).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sampt")
@click.option("--debug", is_flag=True, help="Show tracebacks and debug messages; works after a command, too.")
def sampt(debug: bool) -> None:
    """Segment anything in a video from a few points."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code: 0, 2 for what the user can mend, 130 for Ctrl-C."""
    import logging

    from sampt._internal.extras import extras_for
    from sampt.errors import SamptError

    debug = "--debug" in arguments
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING, format="%(levelname)s: %(message)s"
    )
    logging.getLogger("sampt").setLevel(logging.DEBUG if debug else logging.INFO)
    command = next((argument for argument in arguments if argument in COMMANDS), "")
    try:
        with extras_for(f"sampt {command}".rstrip()):
            return sampt.main([a for a in arguments if a != "--debug"], standalone_mode=False) or 0
    except click.exceptions.Abort:
        click.echo("Interrupted.", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return 2
    except (SamptError, OSError) as error:  # OSError: a full disk, a file that may not be read
        if debug:
            raise
        click.echo(f"Error: {' '.join(str(error).split())}", err=True)
        return 2
    except RuntimeError as error:
        torch = sys.modules.get("torch")  # imported by the subcommand, or its memory has not run out
        if debug or torch is None or not isinstance(error, torch.OutOfMemoryError):
            raise
        click.echo(
            "Error: the GPU's memory is not enough; close other programs that use it, choose a smaller "
            "segmenter such as mobile-sam, or use --device cpu",
            err=True,
        )
        return 2
