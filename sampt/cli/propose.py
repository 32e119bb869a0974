"""``sampt propose``: masks of everything in an image, or in frames of a video."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from sampt.errors import ConfigError, VideoError
from sampt.video.reader import Video, read_image

IMAGES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}

_path = click.Path(path_type=Path)


@click.command()
@click.argument("source", type=_path, metavar="IMAGE|VIDEO")
@click.option("--output", "-O", type=_path, required=True, help="The folder for the results.")
@click.option("--segmenter", default="sam-vit-b", show_default=True, help="One of the SAM family.")
@click.option("--checkpoint", type=_path, help="Its checkpoint file.")
@click.option("--device", default="auto", show_default=True, help="cuda, cpu or auto.")
@click.option("--frame", type=click.IntRange(min=0), help="The frame of a video to use.  [default: 0]")
@click.option("--every", type=click.IntRange(min=1), help="Use every n-th frame of a video instead.")
@click.option("-o", "overrides", multiple=True, metavar="KEY=VALUE", help="A setting (docs/proposals.md).")
@click.option("--overwrite", is_flag=True, help="Replace results that the folder already holds.")
def command(
    source: Path,
    output: Path,
    segmenter: str,
    checkpoint: Path | None,
    device: str,
    frame: int | None,
    every: int | None,
    overrides: tuple[str, ...],
    overwrite: bool,
) -> None:
    """Find masks of everything in an image, or in frames of a video, without any prompt.

    \b
    sampt propose photo.jpg --output out
    sampt propose clip.mp4 --every 10 --segmenter mobile-sam -o points_per_side=16 --output out
    """
    from rich.console import Console
    from rich.progress import track

    from sampt._internal.devices import choose_device, choose_dtype
    from sampt._internal.environment import check_torchvision
    from sampt.config.loading import settings_from
    from sampt.segmenters.registry import create_segmenter

    check_torchvision()
    from sampt.proposals.generator import ProposalSettings, check_proposable, propose
    from sampt.proposals.writer import ProposalWriter

    settings = settings_from(ProposalSettings, overrides)
    status = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    with _opened(source) as frames:
        indices = _indices(source, len(frames), frame, every)
        height, width = frames[indices[0]].shape[:2]
        chosen = choose_device(device)
        weights = None if checkpoint is None else str(checkpoint)
        model = create_segmenter(segmenter, weights, chosen, choose_dtype("auto", chosen))
        check_proposable(model, (height, width), settings)
        with ProposalWriter(output, overwrite) as writer:
            for index in track(
                indices, "proposing", console=status, transient=True, disable=not status.is_terminal
            ):
                image = frames[index]
                writer.write(index, image, propose(model, image, settings))
    status.print(f"{writer.count} masks in {len(indices)} frame{'s' * (len(indices) > 1)}: {output}")


@contextmanager
def _opened(source: Path) -> Iterator[Video | list[NDArray[np.uint8]]]:
    """The frames of a video, or the only one of an image."""
    if source.suffix.lower() in IMAGES and source.is_file():
        yield [read_image(source)]
    else:
        with Video(source) as video:
            yield video


def _indices(source: Path, count: int, frame: int | None, every: int | None) -> range:
    if frame is not None and every is not None:
        raise ConfigError("--frame and --every exclude each other; give one of them")
    if every is not None:
        return range(0, count, every)
    first = frame or 0
    if first >= count:
        frames = f"{count} frame{'s' * (count > 1)}"
        raise VideoError(f"--frame {first} is beyond {source}, which has {frames}, counted from 0")
    return range(first, first + 1)
