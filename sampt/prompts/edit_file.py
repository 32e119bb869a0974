"""Saved sessions: their edits as JSON, in the format that ``docs/interactive.md`` describes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

from sampt._internal.files import read_json, replacing
from sampt.errors import PromptError

from .edits import Document, Edit, edit_from_json, edits_to_json
from .object_query import checked_keys

FILE_VERSION = 1


def write_edits(path: str | os.PathLike[str], edits: Iterable[Edit], document: Document) -> None:
    """Write edits of the document's video.

    Raises:
        OutputError: the file cannot be written.
    """
    lines = ",\n ".join(json.dumps(edit, ensure_ascii=False) for edit in edits_to_json(edits))
    with replacing(path) as temporary:
        temporary.write_text(
            f'{{"version": {FILE_VERSION}, "video": {json.dumps(_video(document))}, '
            f'"edits": [\n {lines}\n]}}\n',
            encoding="utf-8",
        )


def read_edits(
    path: str | os.PathLike[str], document: Document, most: int | None = None
) -> list[tuple[Edit, Document]]:
    """The edits of a file, each with the document that results from it, starting from an empty one.

    Args:
        path: a file written by ``write_edits``.
        document: any document of this video.
        most: maximum number of edits; None for any number.

    Raises:
        PromptError: the file cannot be read, is not a saved session of this video, or is too long.
    """
    data = read_json(path, PromptError, "give a session that was saved by the page or by InteractiveSession")
    top = checked_keys(data, ("version", "video", "edits"), str(path))
    if top.get("version") != FILE_VERSION:
        raise PromptError(f"{path}: version {top.get('version')!r} is unknown; use {FILE_VERSION}")
    if top.get("video") != _video(document):
        raise PromptError(
            f"{path} belongs to another video ({top.get('video')}, but this is {_video(document)}); "
            "open that one"
        )
    if not isinstance(top.get("edits"), list):
        raise PromptError(f"{path}: 'edits' must be a list of edits, see docs/interactive.md")
    if most is not None and len(top["edits"]) > most:
        raise PromptError(f"{path} has {len(top['edits']):,} edits; it may have {most:,}")
    history = []
    for n, item in enumerate(top["edits"], 1):
        edit = edit_from_json(item, f"{path}, edit {n}")
        try:
            document = edit.apply(document)
        except PromptError as error:
            raise PromptError(f"{path}, edit {n}: {error}") from error
        history.append((edit, document))
    return history


def _video(document: Document) -> dict[str, int]:
    height, width = document.size
    return {"frames": document.length, "height": height, "width": width}
