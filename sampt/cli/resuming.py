"""Runs of ``sampt segment`` that continue in the folder of an earlier one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from sampt._internal.files import read_json
from sampt.errors import OutputError
from sampt.prompts.prompts import Prompts, SavedSession
from sampt.trackers.clip import Clip

_NOT_COMPARED = {
    *("output", "overwrite", "resume"),
    *("points", "clicks", "boxes", "mask", "spans", "session"),  # compared by what they say
    *("config", "overrides", "method", "tracker", "segmenter", "device"),  # compared by their settings
    *("tracker_checkpoint", "segmenter_checkpoint"),
}
"""Options that are not compared by their values."""

_ONLY_HOW = ("settings.device", "settings.compile", "settings.frames_per_batch", "settings.cache.")
"""Prefixes of settings that only say where and how fast a run is done."""

_DAMAGED = "give --overwrite to start over"


def request_of(
    options: Mapping[str, Any], asked: Prompts | SavedSession, clip: Clip, size: tuple[int, int]
) -> dict[str, Any]:
    """What a run is asked to do, as plain values.

    Args:
        options: values of all options by name; files among them count by their names, wherever they are.
        asked: what is to be segmented.
        clip: the frames in use.
        size: their (height, width).
    """
    plain = {key: _plain(value) for key, value in options.items() if key not in _NOT_COMPARED}
    plain["video"] = [Path(path).name for path in options["video"]]
    frames = None if clip.endless else len(clip)
    whole = {"options": plain, "frames": frames, "size": list(size), "prompts": asked.to_json()}
    request: dict[str, Any] = json.loads(json.dumps(whole))  # as it comes back from a file
    return request


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return value.name
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def is_finished(folder: Path, request: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether an earlier run in a folder, if there is one, has done all that this one would do.

    Raises:
        OutputError: the folder holds results of another run, or none that can be continued.
    """
    file = folder / "result.json"
    if not file.exists():
        if any((folder / "masks").glob("*")):
            raise OutputError(f"{folder} holds masks but no result.json that says whose they are; {_DAMAGED}")
        return False
    before = read_json(file, OutputError, _DAMAGED)
    if not isinstance(before, dict) or not isinstance(before.get("request"), dict):
        raise OutputError(f"{file} does not say what was asked for, so it cannot be continued; {_DAMAGED}")
    there = _flat({"settings": before.get("settings"), **before["request"]})
    here = _flat({"settings": json.loads(json.dumps(settings)), **request})
    for key in {**there, **here}:
        if there.get(key) != here.get(key) and not key.startswith(_ONLY_HOW):
            raise OutputError(
                f"{folder} holds another run ({key} is {_short(there.get(key))} there and "
                f"{_short(here.get(key))} here); choose another --output, or {_DAMAGED}"
            )
    return before.get("finished") is True


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(values, Mapping) and values:
        return {k: v for key, value in values.items() for k, v in _flat(value, f"{prefix}{key}.").items()}
    return {prefix.removesuffix("."): values}


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"


def check_resumable(resume: bool, overwrite: bool, clip: Clip) -> None:
    """Check that ``--resume`` makes sense.

    Raises:
        OutputError: it does not.
    """
    if resume and overwrite:
        raise OutputError("--resume and --overwrite contradict each other; give one of them")
    if resume and clip.endless:
        raise OutputError("--resume needs frames that can be read again; leave it out for a camera or stream")


def tell_finished(folder: Path, frames: int) -> None:
    """Say that nothing has to be done."""
    click.echo(f"Already finished: {frames} frames in {folder}; --overwrite starts over", err=True)
