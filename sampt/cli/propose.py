"""``sampt propose``: finds masks of everything in an image, or in frames of a video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sampt._internal.names import plural
from sampt.errors import ConfigError, VideoError
from sampt.video.camera import Camera
from sampt.video.frames import file_name
from sampt.video.reader import Video
from sampt.video.sources import open_source

from .model_options import SegmenterChoice, segmenter_options

if TYPE_CHECKING:
    from sampt.proposals.settings import ProposeConfig
    from sampt.segmenters.base import PromptableSegmenter

DEFAULT_SEGMENTER = "sam-vit-b"

_path = click.Path(path_type=Path)


@click.command()
@click.argument("source", nargs=-1, required=True, metavar="IMAGE|VIDEO...")
@click.option("--output", "-O", type=_path, required=True, help="Folder for the results.")
@segmenter_options
@click.option("--frame", type=click.IntRange(min=0), help="Frame of a video to use.  [default: 0]")
@click.option("--every", type=click.IntRange(min=1), help="Use every n-th frame of a video.")
@click.option("--overwrite", is_flag=True, help="Replace results that are already in the folder.")
def command(
    source: tuple[str, ...],
    output: Path,
    model: SegmenterChoice,
    frame: int | None,
    every: int | None,
    overwrite: bool,
) -> None:
    """Find masks of everything in an image, or in frames of a video, without any prompt.

    Several images, or a pattern for them such as 'frames/*.jpg', are frames of one video.

    The segmenter is chosen by --segmenter or --config and is sam-vit-b by default. -o also sets proposals.KEY
    (docs/proposals.md).

    \b
    sampt propose photo.jpg --output out
    sampt propose clip.mp4 --every 10 --segmenter mobile-sam -o proposals.points_per_side=16 --output out
    """
    from sampt._internal.console import progress, status_console
    from sampt._internal.devices import check_device, check_dtype
    from sampt.config.schema import SegmenterConfig, TrackerConfig
    from sampt.output.folder import check_folder
    from sampt.proposals.settings import ProposeConfig, no_proposals
    from sampt.segmenters.registry import WITHOUT_WEIGHTS, check_segmenter

    if frame is not None and every is not None:
        raise ConfigError("--frame and --every cannot be used together; give one of them")
    plain = ProposeConfig(
        segmenter=SegmenterConfig(DEFAULT_SEGMENTER),
        tracker=TrackerConfig("dis"),  # never made
    )
    settings = model.settings(plain)
    check_device(settings.device)
    check_dtype(settings.dtype)
    check_segmenter(settings.segmenter)
    if settings.segmenter.name == WITHOUT_WEIGHTS:
        raise ConfigError(no_proposals(WITHOUT_WEIGHTS))
    check_folder(output, overwrite)
    status = status_console()
    with _opened(source) as frames:
        indices = _indices(frames, frame, every)
        segmenter = _proposing(settings, frames[indices[0]].shape[:2])
        status.print(f"Using segmenter {segmenter.name}, device {segmenter.device}.")
        # torch takes seconds to import: a mistyped option must not wait for it.
        from sampt.proposals.generator import propose
        from sampt.proposals.writer import ProposalWriter

        with ProposalWriter(output, overwrite) as writer, progress("proposing", len(indices)) as shown:
            for index in indices:
                image = frames[index]
                found = propose(image, segmenter, settings.proposals)
                writer.write(index, image, found, Path(file_name(frames, index)).stem)
                shown.advance()
    status.print(f"{writer.count} masks in {plural(len(indices), 'frame')}: {output}")


def _proposing(settings: ProposeConfig, size: tuple[int, ...]) -> PromptableSegmenter:
    """The segmenter of these settings, checked to be able to make proposals in frames of ``size``."""
    from sampt._internal.devices import choose_device, choose_dtype
    from sampt._internal.environment import check_torchvision
    from sampt.segmenters.registry import create_segmenter

    check_torchvision()
    from sampt.proposals.generator import check_proposable

    device = choose_device(settings.device)
    made = create_segmenter(
        settings.segmenter.name,
        settings.segmenter.checkpoint,
        device,
        choose_dtype(settings.dtype, device),
        settings.segmenter.options,
        settings.compile,
    )
    check_proposable(made, (size[0], size[1]), settings.proposals)
    return made


def _opened(source: tuple[str, ...]) -> Video:
    video = open_source(source)
    if isinstance(video, Camera):
        video.close()
        raise VideoError(f"{video.name} has no frames to choose from; save some as a video or images first")
    return video


def _indices(video: Video, frame: int | None, every: int | None) -> range:
    if every is not None:
        return range(0, len(video), every)
    first = frame or 0
    if first >= len(video):
        raise VideoError(
            f"--frame {first} is beyond {video.path}, which has {plural(len(video), 'frame')}, counted from 0"
        )
    return range(first, first + 1)
