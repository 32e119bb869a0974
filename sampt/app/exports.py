"""Files that visitors can export from the page."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Collection, Generator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from sampt._internal.files import replacing
from sampt.interactive.session import InteractiveSession
from sampt.methods.results import FrameResult
from sampt.output.coco import CocoWriter
from sampt.output.overlay import OverlayPainter
from sampt.prompts.label_maps import palette_image
from sampt.prompts.query_points import ObjectQuery, QueryPoints
from sampt.video.frames import file_name
from sampt.video.reader import Video
from sampt.video.writer import VideoWriter

FILES = {
    "masks.zip": "Masks (PNG)",
    "overlay.mp4": "Overlay video",
    "coco.json": "COCO JSON",
    "points.json": "Points",
    "session.json": "Session",
}
"""Title of each file on the page."""

_OF_FRAMES = {"masks.zip", "overlay.mp4", "coco.json"}


def export(
    session: InteractiveSession,
    video: Video,
    folder: Path,
    files: Collection[str],
    turn: Callable[[], AbstractContextManager[None]],
) -> Generator[int, None, None]:
    """Write some of ``FILES`` into ``folder``.

    The files appear when all of them are complete, so none appears if the caller stops early. ``points.json``
    holds each object's points in the frame where it was first marked, ``session.json`` all edits.

    Args:
        session: the session to export.
        video: the session's video.
        folder: an existing folder.
        files: names from ``FILES``.
        turn: makes a context manager that is entered while the session is used.

    Yields:
        The number of each finished frame.

    Raises:
        OutputError: a file cannot be written.
    """
    with ExitStack() as stack:
        if "points.json" in files:
            session.queries().write(folder / "points.json")
        if "session.json" in files:
            session.save(folder / "session.json")
        if not _OF_FRAMES.intersection(files):
            return
        masks = stack.enter_context(MaskZip(folder / "masks.zip")) if "masks.zip" in files else None
        names = [known.name or f"object {known.id}" for known in session.objects]
        painter = OverlayPainter(names, colours=[known.id - 1 for known in session.objects])
        path = folder / "overlay.mp4"
        overlay = None
        if path.name in files:
            overlay = stack.enter_context(
                VideoWriter(path, video.fps, video.size, pixel_aspect=video.pixel_aspect)
            )
        categories = QueryPoints(tuple(ObjectQuery(k.id, 0, name=k.name) for k in session.objects))
        coco = CocoWriter(folder / "coco.json", categories) if "coco.json" in files else None
        for frame in range(len(video)):
            with turn():
                result = session.frame(frame)
                picture = video[frame] if overlay else None
            if masks:
                masks.write(result, each_object=session.method.overlapping)
            if overlay and picture is not None:
                overlay.write(painter(picture, result), float(video.timestamps[frame]))
            if coco:
                coco.write(result, file_name(video, frame))
            yield frame
        if coco:
            coco.close()


class MaskZip:
    """Zip archive of label maps as PNG files in DAVIS's palette, written completely or not at all."""

    def __init__(self, path: Path) -> None:
        self._stack = ExitStack()
        self._path = path

    def __enter__(self) -> MaskZip:
        temporary = self._stack.enter_context(replacing(self._path))
        self._zip = self._stack.enter_context(zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]

    def write(self, result: FrameResult, each_object: bool) -> None:
        """Add a frame's label map and, with ``each_object``, each object's whole mask in its own folder."""
        for place, labels in result.mask_files(each_object):
            file = io.BytesIO()
            palette_image(labels).save(file, "PNG")
            self._zip.writestr(place, file.getvalue())
