"""The command line: each subcommand lives in a module of its own, imported only when it is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from sampt._internal.signals import stopped_by_signals, stopping_signal
from sampt.version import __version__

from .groups import Listed, SectionedGroup, unknown_option

_KEPT = "Any finished results are in the output folder; run the command again with --overwrite to start over."
_RESUMABLE = (
    "Any finished results are in the output folder; run the command again with --resume to finish them, or "
    "with --overwrite to start over."
)
_RESUMES = "Any finished work is kept; run the same command again to resume."
_VIDEOS = "Finished videos are kept; run the same command again to write the rest."
_AGAIN = "Run the same command again to start over."

SECTIONS = {
    "Segment": {
        "segment": Listed(
            ".segment", "Segment objects through a video from points, boxes or a mask.", _RESUMABLE
        ),
        "track": Listed(".track", "Track points through a video, without segmenting it.", _KEPT),
        "propose": Listed(".propose", "Find masks of everything in an image or in frames of a video.", _KEPT),
        "app": Listed(".app", "Click on objects in a web page, and correct their masks."),
        "sample": Listed(".sample", "Draw the points that each sampler picks in a mask."),
        "demo": Listed(".demo", "Segment a generated scene and score the result; needs no files.", _AGAIN),
    },
    "Benchmarks": {
        "vos": Listed(".vos", "Semi-supervised VOS: DAVIS, YouTube-VOS, MOSE, BDD100K, …", _RESUMES),
        "vis": Listed(".vis", "Find and track everything in videos: UVO, YouTube-VIS, OVIS.", _RESUMES),
        "ablate": Listed(".ablate", "Compare settings on a VOS dataset, each with several seeds.", _RESUMES),
        "interactive-benchmark": Listed(
            ".interactive_benchmark",
            "Simulate annotators who correct points in every video of a dataset.",
            _RESUMES,
        ),
        "reproduce": Listed(".reproduce", "List the rows of SAM-PT's papers, and run one.", _RESUMES),
    },
    "Evaluate": {
        "evaluate": Listed(".evaluate", "Score results against annotations: J, F and J&F."),
        "evaluate-tracks": Listed(".evaluate_tracks", "Score point trackers with TAP-Vid's metrics."),
        "evaluate-vis": Listed(".evaluate_vis", "Score masklets: AP and AR of video instance segmentation."),
        "report": Listed(".report", "Write a run's page again, or compare several runs.", _VIDEOS),
        "submission": Listed(".submission", "Pack results for a benchmark's server, and check the package."),
    },
    "Data and weights": {
        "datasets": Listed(".datasets", "List datasets, check one on disk, or write a miniature of one."),
        "prepare": Listed(".prepare", "Convert a dataset to the layout that sampt reads.", _RESUMES),
        "weights": Listed(".weights", "List, download, verify or remove checkpoints.", _RESUMES),
        "info": Listed(".info", "Show versions, the device, and the available methods and models."),
    },
}


@click.group(cls=SectionedGroup, sections=SECTIONS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sampt")
@click.option("--debug", is_flag=True, help="Show tracebacks and debug messages; also works after a command.")
def sampt(debug: bool) -> None:
    """Segment anything in a video from a few points."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code.

    Returns:
        0 for success, 2 for an error that the user can fix, 3 if some sequences of a benchmark failed; 130
        for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
    """
    import logging

    from sampt._internal.console import write_any_text
    from sampt._internal.extras import extras_for
    from sampt.errors import SamptError

    debug = "--debug" in arguments
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING, format="%(levelname)s: %(message)s"
    )
    logging.getLogger("sampt").setLevel(logging.DEBUG if debug else logging.INFO)
    write_any_text()
    given = [a for a in arguments if a != "--debug"]
    called = next((a for a in given if a in sampt.listed), "")
    try:
        with stopped_by_signals(), extras_for(f"sampt {called}".rstrip()):
            return sampt.main(given, prog_name="sampt", standalone_mode=False) or 0
    except (click.exceptions.Abort, KeyboardInterrupt) as error:
        return _stopped(called, stopping_signal(error))
    except click.NoSuchOption as error:
        click.echo(f"Error: {unknown_option(error)}", err=True)
        return 2
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


def _stopped(called: str, number: int) -> int:
    """Print what was kept and how to resume; return the exit code that shells give for the signal."""
    import signal

    how = sampt.listed[called].stopped if called else ""
    what = "Interrupted." if number == signal.SIGINT else f"Stopped by {signal.Signals(number).name}."
    click.echo(f"{what} {how}".rstrip(), err=True)
    return 128 + number
