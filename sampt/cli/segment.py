"""``sampt segment``: segments objects through a video."""

from __future__ import annotations

from pathlib import Path

import click

from sampt.video.camera import Camera
from sampt.video.sources import clip_of, open_source

from .clip_options import ClipChoice, clip_options
from .model_options import ModelChoice, model_options
from .prompt_options import PromptChoice, prompt_options, told
from .result_options import ResultOptions, result_options
from .resuming import check_resumable, is_finished, request_of, tell_finished

_path = click.Path(path_type=Path)


@click.command()
@click.argument("video", nargs=-1, required=True, metavar="VIDEO|IMAGE...")
@prompt_options
@model_options
@click.option("--output", "-O", type=_path, required=True, help="Folder for the results.")
@click.option("--overwrite", is_flag=True, help="Replace results that are already in the folder.")
@click.option("--resume", is_flag=True, help="Finish a run in the folder that was stopped.")
@result_options
@clip_options
@click.pass_context
def command(
    context: click.Context,
    video: tuple[str, ...],
    prompts: PromptChoice,
    model: ModelChoice,
    output: Path,
    overwrite: bool,
    resume: bool,
    results: ResultOptions,
    frames: ClipChoice,
) -> None:
    """Segment objects through VIDEO: a file, a folder of frames, images, a camera's number, or a stream's
    address.

    Choose the objects with --points, with --mask, or with any number of --point and --box. Points of an
    object in later frames correct it from there on. T is a frame number of the video itself, counted from 0,
    whatever --start and --stride are.

    \b
    sampt segment clip.mp4 --point 1:0:320,180:+ --point 1:0:340,200:+ --output out
    sampt segment 'frames/*.jpg' --mask first.png --point 1:30:340,200:- --output out
    sampt segment 0 --point 1:0:320,180:+ --output webcam
    """
    from sampt.config import as_mapping
    from sampt.methods.registry import build_method, check_live
    from sampt.output.folder import check_folder

    settings, outputs = model.settings(), results.outputs()
    check_folder(output, overwrite or resume)
    prompts.check()
    prompts.check_not_a_frame(video)
    with open_source(video) as opened:
        if isinstance(opened, Camera):
            check_live(settings)
        else:
            prompts.check_not_a_frame(video, opened.files)
        clip = clip_of(opened, frames.start, frames.stride, frames.max_frames)
        check_resumable(resume, overwrite, clip)
        asked = prompts.read(clip, opened.size)
        request = request_of(context.params, asked, clip, opened.size)
        if resume and is_finished(output, request, as_mapping(settings)):
            tell_finished(output, len(clip))
            return
        outputs.check(output, overwrite or resume, asked.queries, opened)
        # torch takes seconds to import: a mistyped option must not wait for it.
        from .runner import segment_clip

        model.announce(settings)
        click.echo(told(asked, opened.size), err=True)
        method = build_method(settings)
        segment_clip(
            method,
            clip,
            asked,
            output,
            outputs,
            overwrite=overwrite,
            resume=resume,
            settings=as_mapping(settings),
            request=request,
        )
