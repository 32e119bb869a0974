"""Interactive sessions: a person edits points on any frame, the method updates the masks.

``docs/interactive.md`` says what an edit touches.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import index
from threading import Event
from typing import cast

import numpy as np

from sampt._internal.closing import Closing
from sampt._internal.names import plural
from sampt.errors import PromptError, VideoError
from sampt.methods.base import VideoMethod
from sampt.methods.results import FrameResult
from sampt.methods.runs import SeenPoint
from sampt.prompts.edit_file import read_edits, write_edits
from sampt.prompts.edits import (
    AddObject,
    AddPoint,
    Document,
    Edit,
    MovePoint,
    Point,
    RemoveObject,
    RemovePoint,
    RenameObject,
    SessionObject,
)
from sampt.prompts.object_query import MAX_OBJECTS
from sampt.prompts.prompts import home_queries
from sampt.prompts.query_points import QueryPoints
from sampt.segmenters.encoder import FrameEncoder
from sampt.trackers.clip import Clip, FrameSource
from sampt.video.frames import Frames, as_frame, open_frames
from sampt.video.reader import Video

__all__ = ["InteractiveSession", "Point", "Progress", "SeenPoint", "SessionObject"]


_STEPS = 8
"""Seconds of tracking between two reports of progress."""


@dataclass(frozen=True)
class Progress:
    """Progress of a run.

    Attributes:
        done: number of visits to frames that are done.
        total: number of visits in all.
        frame: frame of the last visit.
        tracking: whether that visit is still waiting for points to be tracked to its frame.
    """

    frame: int
    done: int
    total: int
    tracking: bool = False


class InteractiveSession(Closing):
    """One video being annotated: points are added, moved and removed on any frame, and masks follow.

    An edit discards the masks that it affects, and no others. ``frame`` makes the masks of one frame at once,
    from what is known there; ``run`` makes all missing masks. Tracks are kept, and finished masks are stored
    as run lengths, so a session on a long video stays small. Masks with a low predicted IoU are kept, since a
    person is looking.

    Only one thread at a time may use a session, except for ``cancel``, which any thread may call.

    Args:
        method: segments the video; its ``VideoMethod.solver`` decides which masks an edit affects.
        video: as ``VideoMethod.stream`` takes it, but with a length.
        backward: whether to also segment an object before the frame in which it was first marked.
        encoder: encoder for this method's segmenter and this video; the caller closes it.

    Raises:
        VideoError: ``video`` is not a video, or has no frames.
        PromptError: ``video`` has no length.
    """

    def __init__(
        self,
        method: VideoMethod,
        video: Frames,
        *,
        backward: bool = True,
        encoder: FrameEncoder | None = None,
    ) -> None:
        self.method, self._encoder_is_ours = method, encoder is None
        self.video, self._opened = _whole_source(video)
        self.encoder = encoder or method.encoder(self.video)
        height, width = as_frame(self.video[0], 0).shape[:2]
        self.size: tuple[int, int] = (height, width)
        self._empty = Document(len(self.video), self.size, backward)
        self._solver = method.solver(self.video, self.encoder, self._empty)
        self._history: list[tuple[Edit, Document]] = []
        self._undone: list[tuple[Edit, Document]] = []
        self._cancelled = Event()

    def __repr__(self) -> str:
        said = f"{plural(len(self.objects), 'object')}, {plural(len(self.points), 'point')}"
        return f"<InteractiveSession: {said}, {len(self.video)} frames>"

    @property
    def document(self) -> Document:
        """All objects and points, as they result from the edits."""
        return self._solver.document

    @property
    def objects(self) -> tuple[SessionObject, ...]:
        """The objects, in the order in which they were added."""
        return self.document.objects

    @property
    def points(self) -> tuple[Point, ...]:
        """All points, the oldest first, including those that were removed only from some frame on."""
        return self.document.points

    def home(self, object_id: int) -> int | None:
        """Frame in which an object was first marked and from which it is tracked; None without points."""
        return self.document.home(object_id)

    def add_object(self, name: str | None = None) -> int:
        """Add an object without points, and return its id, the lowest free one.

        Raises:
            PromptError: there are 255 objects already, or the name cannot be saved as text.
        """
        taken = {known.id for known in self.objects}
        free = next((id for id in range(1, MAX_OBJECTS + 1) if id not in taken), None)
        if free is None:
            raise PromptError(f"there are {MAX_OBJECTS} objects already; remove one first")
        self._do(AddObject(free, name))
        return free

    def rename_object(self, object_id: int, name: str | None) -> None:
        """Change an object's name; None removes it.

        Raises:
            PromptError: there is no such object, or the name cannot be saved as text.
        """
        self._do(RenameObject(object_id, name))

    def remove_object(self, object_id: int) -> None:
        """Remove an object with all its points.

        Raises:
            PromptError: there is no such object.
        """
        self._do(RemoveObject(object_id))

    def add_point(self, object_id: int, frame: int, xy: Sequence[float], positive: bool = True) -> int:
        """Add a point, (x, y) in pixels, on the object or (if not ``positive``) off it, and return its id.

        Raises:
            PromptError: there is no such object or frame, or the point is outside the frame.
        """
        id = self.document.next_point
        self._do(AddPoint(object_id, index(frame), *_float32(xy), bool(positive)))
        return id

    def remove_point(self, point_id: int, frame: int | None = None) -> None:
        """Remove a point from ``frame`` on, away from its object's home frame; by default everywhere.

        Raises:
            PromptError: there is no such point, or it is not used in that frame.
        """
        where = self.document.point(point_id).frame if frame is None else index(frame)
        self._do(RemovePoint(point_id, where))

    def move_point(self, point_id: int, frame: int, xy: Sequence[float]) -> int:
        """Move a point to (x, y) in ``frame``, and return its id.

        In its own frame a point keeps its id; in another it is removed from there on and a new one is added.

        Raises:
            PromptError: as for ``remove_point`` and ``add_point``.
        """
        stays = frame == self.document.point(point_id).frame
        id = point_id if stays else self.document.next_point
        self._do(MovePoint(point_id, index(frame), *_float32(xy)))
        return id

    @property
    def can_undo(self) -> bool:
        return bool(self._history)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    def undo(self) -> bool:
        """Undo the last edit; False if there is nothing to undo."""
        if not self._history:
            return False
        self._undone.append(self._history.pop())
        self._solver.switch(self._history[-1][1] if self._history else self._empty)
        return True

    def redo(self) -> bool:
        """Redo the edit that was undone last; False if there is nothing to redo."""
        if not self._undone:
            return False
        self._history.append(self._undone.pop())
        self._solver.switch(self._history[-1][1])
        return True

    def _do(self, edit: Edit) -> None:
        self.apply([edit])

    def apply(self, edits: Iterable[Edit]) -> None:
        """Make several edits, all or none; each can be undone by itself.

        Raises:
            PromptError: one of them is not possible.
        """
        document, made = self.document, []
        for edit in edits:
            document = edit.apply(document)
            made.append((edit, document))
        self._history += made
        self._undone.clear()
        self._solver.switch(document)

    def frame(self, frame: int) -> FrameResult:
        """Current result of a frame: finished masks, and others made from the points that are known there.

        Known points are those given in the frame itself, and others as far as they have been tracked. Objects
        are in the order of ``objects``. ``points`` holds each object's points of ``points_at``, followed by
        those that were sampled for it. ``logits`` are only ±1: real ones are not kept.

        Raises:
            PromptError: the video has no such frame.
        """
        self.document.check_frame(frame)
        return self._solver.result(frame)

    def points_at(self, frame: int) -> list[SeenPoint]:
        """The person's points that are used in a frame, as far as they have been tracked, oldest first.

        Raises:
            PromptError: the video has no such frame.
        """
        self.document.check_frame(frame)
        return self._solver.points_at(frame)

    def finished(self, frame: int) -> bool:
        """Whether ``run`` has nothing to do in a frame."""
        return not self._solver.missing(frame)

    def pending(self) -> list[int]:
        """Frames in which ``run`` has something to do, in ascending order."""
        return [frame for frame in range(len(self.video)) if not self.finished(frame)]

    def run(self, frames: Collection[int] | None = None) -> Iterator[Progress]:
        """Make all missing masks, frame by frame: first forward in time, then backward.

        It ends early if it is cancelled or something is edited meanwhile; finished work is kept.

        Args:
            frames: only make masks of these, and of frames between them and an object's home frame if the
                model needs those first.

        Yields:
            The progress after each finished frame, or after points were tracked through a few frames.

        Raises:
            DeviceMemoryError: the GPU's memory is too small.
        """
        self._cancelled.clear()
        self._solver.begin()
        document, visits = self.document, self._solver.visits(frames)

        def over() -> bool:
            return self._cancelled.is_set() or self.document is not document

        for done, (frame, ids) in enumerate(visits):
            if over():
                return
            for step, _ in enumerate(self._solver.prepare(frame, ids), 1):
                if step % _STEPS == 0:
                    yield Progress(frame, done, len(visits), tracking=True)
                if over():
                    return
            following = [later for later, _ in visits[done + 1 : done + 1 + 2 * self.encoder.batch]]
            self._solver.finish(frame, ids, following)
            yield Progress(frame, done + 1, len(visits))

    def cancel(self) -> None:
        """Stop the current ``run`` after its current frame; any thread may call this."""
        self._cancelled.set()

    def queries(self) -> QueryPoints:
        """The objects with the points of their home frames, as a start for ``SamPt.stream``."""
        known = home_queries(self.document).objects
        return QueryPoints(tuple(query for query in known if len(query.positives)), "interactive session")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all edits that are not undone as JSON; the masks can be made again from them.

        Raises:
            OutputError: the file cannot be written.
        """
        write_edits(path, (edit for edit, _ in self._history), self.document)

    def load(self, path: str | os.PathLike[str], most: int | None = None) -> None:
        """Replace this session with a saved one of the same video; only the edits of that can be undone.

        Args:
            path: a file written by ``save``.
            most: maximum number of edits; None for any number.

        Raises:
            PromptError: the file cannot be read, is not a saved session, belongs to another video, or is too
                long.
        """
        history = read_edits(path, self._empty, most)
        self._solver.switch(self._empty)
        self._history, self._undone = history, []
        if history:
            self._solver.switch(history[-1][1])

    def close(self) -> None:
        """Stop all background work."""
        self.cancel()
        if self._encoder_is_ours:
            self.encoder.close()
        if self._opened is not None:
            self._opened.close()


def _float32(xy: Sequence[float]) -> tuple[float, float]:
    """The coordinates rounded to float32, in the fewest digits."""
    x, y = (float(str(np.float32(value))) for value in xy)
    return x, y


def _whole_source(video: Frames) -> tuple[FrameSource, Video | None]:
    """The frames by index, and the video that was opened for them, if any."""
    clip, opened = open_frames(video)
    if clip.endless:
        raise PromptError(
            "a session needs frames in any order, which an iterator cannot give; use a file or a list"
        )
    if not len(clip):
        raise VideoError("the video has no frames; give one that has")
    return cast(FrameSource, clip if isinstance(video, Clip) else clip.source), opened
