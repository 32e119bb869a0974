"""``sampt app``: the web page for marking and correcting objects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sampt.errors import VideoError

from .model_options import ModelChoice, model_options

if TYPE_CHECKING:
    from sampt.app.model_menu import ModelMenu
    from sampt.config import Config


@click.command()
@click.argument("video", type=click.Path(path_type=Path), required=False)
@model_options
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="Port; 0 picks a free one."
)
@click.option("--max-upload", default="2GB", show_default=True, help="Largest video that can be uploaded.")
@click.option(
    "--max-pages",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Maximum number of pages open at once.",
)
@click.option("--browser", is_flag=True, help="Open the page in a browser.")
def command(
    video: Path | None,
    model: ModelChoice,
    host: str,
    port: int,
    max_upload: str,
    max_pages: int,
    browser: bool,
) -> None:
    """Mark objects in a video by clicking, watch and correct their masks, and export them.

    VIDEO is a file or a folder of frames; without it, the page asks for one. By default only this machine can
    open the page. There is no password: to open it from another machine, prefer an SSH tunnel to --host.
    """
    from sampt.app.uploads import parse_size

    settings, limit = model.settings(), parse_size(max_upload)
    if video is not None and not video.exists():
        raise VideoError(f"{video} does not exist; give a video file or a folder of frames")
    model.announce(settings)
    # torch takes seconds to import: a mistyped option must not wait for it.
    from sampt.app.server import is_loopback, serve

    def started(address: str) -> None:
        click.echo(f"Open {address} in a browser; press Ctrl-C to stop.")
        if not is_loopback(host):
            click.echo("Anyone who can reach this address can use the page: there is no password.", err=True)
        if browser:
            click.launch(address)

    serve(_models(model, settings), video, host, port, limit, max_pages, started)


def _models(model: ModelChoice, settings: Config) -> ModelMenu:
    """The models to choose from, starting with the one that the options name."""
    from sampt.app.model_menu import ModelMenu, PartNames

    first = PartNames(settings.segmenter.name, settings.tracker.name)

    def of(choice: PartNames) -> Config:
        if choice == first:
            return settings
        named = ("segmenter.name=", "tracker.name=")
        return replace(
            model,
            overrides=tuple(o for o in model.overrides if not o.startswith(named)),
            segmenter=choice.segmenter,
            segmenter_checkpoint=model.segmenter_checkpoint if choice.segmenter == first.segmenter else None,
            tracker=choice.tracker,
            tracker_checkpoint=model.tracker_checkpoint if choice.tracker == first.tracker else None,
        ).settings()

    return ModelMenu(of, first)
