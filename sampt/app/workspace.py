"""State of one visitor of the page: a folder, the open video, and its session."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import Any

from sampt.errors import PromptError
from sampt.interactive.session import InteractiveSession
from sampt.output.review import Stretch
from sampt.video.reader import Video

from .doubts import doubtful, note_after_run
from .exports import FILES, export
from .model_menu import ModelMenu, PartNames
from .pictures import data_url, drawable, painted
from .turns import Turns
from .views import described

MOST_EDITS = 5000
"""Maximum number of edits of a saved session; each keeps a list of all points."""


class _EditedError(Exception):
    """Work is out of date, because of an edit."""


@dataclass
class Job:
    """Work in progress: ``frame`` was the ``done``-th of ``total``."""

    label: str
    total: int
    done: int = 0
    frame: int | None = None


class Workspace:
    """Workspace of one visitor; any thread may call any method.

    Args:
        folder: an existing folder, which ``close`` removes. Nothing is written anywhere else.
        models: models that the visitor can choose from.
        turn: lock that all visitors hold while computing.
        make_room: called with the workspace during its turn, before it makes embeddings.

    Attributes:
        token: secret that the visitor's URLs begin with.
        seen: time of the page's last sign of life, by ``time.monotonic``.
        worked: time when it last made embeddings, by ``time.monotonic``.
        revision: grows with every change of the picture or the page.
        edits: grows with every change of the results.
        doubts: stretches of the last run whose masks may be wrong; none after an edit.
    """

    def __init__(
        self, folder: Path, models: ModelMenu, turn: Turns, make_room: Callable[[Workspace], None]
    ) -> None:
        self.folder, self.token = folder, secrets.token_urlsafe(24)
        self.seen = self.worked = time.monotonic()
        self.choice = models.first
        self.revision = self.edits = self.opened = 0
        self.active: int | None = None
        self.note = ""
        self.exports: dict[str, Path] = {}
        self.doubts: list[Stretch] = []
        self.job: Job | None = None
        self.closed = False
        self._models, self._turn, self._make_room = models, turn, make_room
        self._video: Video | None = None
        self._session: InteractiveSession | None = None
        self._name = ""
        self._cancelled, self._busy, self._arriving = Event(), Lock(), Lock()

    @contextmanager
    def arriving(self, suffix: str = "") -> Iterator[Path]:
        """Path for a file from the browser; the file is removed if the block fails.

        Raises:
            PromptError: another file is being uploaded.
        """
        if not self._arriving.acquire(blocking=False):
            raise PromptError("another file is already being uploaded; wait for it")
        path = (self.folder / secrets.token_hex(8)).with_suffix(suffix)
        try:
            yield path
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            self._arriving.release()

    def open(self, path: Path, name: str) -> None:
        """Open another video; the previous one is closed, and removed if it is in the folder.

        Raises:
            VideoError: the video cannot be read.
            ConfigError: the model cannot be used.
            CheckpointError: its weights are damaged.
        """
        with ExitStack() as stack:
            video = stack.enter_context(Video(path))
            with self._turn:
                self._not_closed()
                session = InteractiveSession(self._models[self.choice], video)
                self._forget()
                stack.pop_all()
                self._video, self._session, self._name = video, session, name
                self.opened += 1
                self._edited("Click on an object to mark it.")

    def open_session(self, path: Path) -> None:
        """Load a saved session of this video.

        Raises:
            PromptError: it is not a saved session, belongs to another video, or has too many edits.
        """
        with self._turn:
            session = self._opened()
            session.load(path, most=MOST_EDITS)
            self.active = session.objects[-1].id if session.objects else None
            self._edited("The session is loaded. Press Run to make its masks.")

    def choose(self, choice: PartNames) -> None:
        """Switch to another model; all points stay.

        Raises:
            ConfigError: there is no such model here.
            CheckpointError: its weights are damaged.
        """
        if choice == self.choice:
            return
        with self._turn:
            self._not_closed()
            model = self._models[choice]
            if self._session is not None:
                assert self._video is not None
                session = InteractiveSession(model, self._video)
                path = self.folder / "moving.json"
                self._session.save(path)
                session.load(path)
                self._session.close()
                self._session = session
            self.choice = choice
            self._edited(
                f"Now using {choice.segmenter} and {choice.tracker}. Press Run to make the masks again."
            )

    def _forget(self) -> None:
        if self._session is not None:
            self._session.close()
        if self._video is not None:
            self._video.close()
            if self._video.path.parent == self.folder:
                self._video.path.unlink(missing_ok=True)
        self._session = self._video = self.active = None
        self._forget_exports()

    def _forget_exports(self) -> None:
        exports, self.exports = self.exports, {}
        for path in exports.values():
            path.unlink(missing_ok=True)

    def _not_closed(self) -> None:
        if self.closed:
            raise PromptError("this session has ended; reload the page")

    def _opened(self) -> InteractiveSession:
        self._not_closed()
        if self._session is None:
            raise PromptError("there is no video yet; open one first")
        return self._session

    @contextmanager
    def _editing(self) -> Iterator[InteractiveSession]:
        with self._turn:
            yield self._opened()
            self._edited()

    def _edited(self, note: str = "") -> None:
        self._forget_exports()
        self.doubts = []
        self.note = note
        self.revision += 1
        self.edits += 1

    @contextmanager
    def _working(self) -> Iterator[None]:
        """The turn, with room for embeddings."""
        with self._turn:
            if self._session is not None:
                self._make_room(self)
            yield

    @contextmanager
    def _working_unless_edited(self, edits: int) -> Iterator[None]:
        """The turn, with room for embeddings, unless something was edited since ``edits``.

        Raises:
            _EditedError: something was.
        """
        with self._working():
            if edits != self.edits:
                raise _EditedError
            yield

    @property
    def embedding_bytes(self) -> int:
        """Bytes that embeddings take. This and the next two need the turn."""
        return 0 if self._session is None else self._session.encoder.cache.nbytes

    @property
    def embedding_budget(self) -> int:
        """Bytes that embeddings may take on the segmenter's device."""
        if self._session is None:
            return 0
        model = self._session.method
        on_cpu = model.segmenter.device.type == "cpu"
        return model.cache.host_bytes if on_cpu else model.cache.device_bytes

    def forget_embeddings(self) -> None:
        """Free the memory of embeddings; frames are encoded again when needed."""
        if self._session is not None:
            self._session.encoder.cache.clear()

    def add_object(self, name: str | None = None) -> None:
        """Add an object, which becomes the active one."""
        with self._editing() as session:
            self.active = session.add_object(name or None)

    def select_object(self, object_id: int) -> None:
        with self._turn:
            if object_id not in {known.id for known in self._opened().objects}:
                raise PromptError(f"there is no object {object_id}; it may have been removed")
            self.active = object_id

    def rename_object(self, object_id: int, name: str) -> None:
        with self._editing() as session:
            session.rename_object(object_id, name.strip()[:60] or None)

    def remove_object(self, object_id: int) -> None:
        with self._editing() as session:
            session.remove_object(object_id)
            self._keep_active(session)

    def add_point(self, frame: int, x: float, y: float, positive: bool) -> None:
        """Add a point to the active object, adding an object first if none is active."""
        with self._editing() as session:
            if self.active is None:
                self.active = session.add_object()
            session.add_point(self.active, frame, (x, y), positive)

    def move_point(self, point: int, frame: int, x: float, y: float) -> None:
        with self._editing() as session:
            session.move_point(point, frame, (x, y))

    def remove_point(self, point: int, frame: int) -> None:
        with self._editing() as session:
            session.remove_point(point, frame)

    def undo(self) -> None:
        with self._editing() as session:
            session.undo()
            self._keep_active(session)

    def redo(self) -> None:
        with self._editing() as session:
            session.redo()
            self._keep_active(session)

    def _keep_active(self, session: InteractiveSession) -> None:
        ids = [known.id for known in session.objects]
        if self.active not in ids:
            self.active = ids[-1] if ids else None

    def picture(self, frame: int, masks: bool = True) -> dict[str, Any]:
        """A frame for the page: its image, with the masks painted on request, and its points.

        Raises:
            PromptError: there is no such frame, or no video.
        """
        with self._working():
            session = self._opened()
            assert self._video is not None
            result, points = session.frame(frame), session.points_at(frame)
            finished, revision = session.finished(frame), self.revision
            image = self._video[frame]
        return {
            "frame": frame,
            "revision": revision,
            "image": data_url(painted(image, result) if masks else image),
            "points": drawable(points, frame),
            "finished": finished,
        }

    def run(self) -> Iterator[None]:
        """Make all missing masks, yielding after each frame, until it is done or cancelled.

        Raises:
            PromptError: nothing is marked, or other work is in progress.
        """
        with self._turn:
            session = self._opened()
            missing = len(session.pending())
        if not any(session.home(known.id) is not None for known in session.objects):
            raise PromptError("nothing is marked yet; click on an object first")
        with self._job(Job("Following the objects", missing)) as job:
            steps = session.run()
            while not self._stopped():
                with self._working():
                    step = next(steps, None) if session is self._session else None
                if step is None:
                    break
                job.label = "Tracking points" if step.tracking else "Following the objects"
                job.done, job.total, job.frame = step.done, step.total, step.frame
                yield
            doubts = yield from self._doubts(session, job)
        with self._turn:
            if session is not self._session:
                return
            left = len(session.pending())
            self._edited(note_after_run(left, len(doubts)))
            self.doubts = doubts

    def _doubts(self, session: InteractiveSession, job: Job) -> Generator[None, None, list[Stretch]]:
        """Look for doubtful masks, if all are made, yielding after each frame."""
        with self._turn:
            video, edits = self._video, self.edits
            if video is None or session is not self._session or session.pending():
                return []
        job.label, job.done, job.total = "Looking for doubtful masks", 0, len(video)
        steps = doubtful(
            session,
            video,
            lambda: self._turn,
            lambda: session is self._session and edits == self.edits and not self._stopped(),
        )
        while True:
            try:
                job.frame = next(steps)
            except StopIteration as end:
                found: list[Stretch] = end.value
                return found
            job.done = job.frame + 1
            yield

    def export(self, files: Collection[str]) -> Iterator[None]:
        """Write files for download, yielding after each frame, until it is done or cancelled.

        Raises:
            PromptError: there is nothing to write, or other work is in progress.
            OutputError: a file cannot be written.
        """
        with self._turn:
            session, video = self._opened(), self._video
            assert video is not None
            left = len(session.pending())
            marked = any(session.home(known.id) is not None for known in session.objects)
        chosen = [name for name in FILES if name in files]
        if not chosen or not marked:
            raise PromptError("there is nothing to export; mark an object and choose at least one file")
        with self._job(Job("Writing files", len(video))) as job:
            with self._turn:
                self._forget_exports()
                folder, edits = self.folder / "exports", self.edits
            folder.mkdir(exist_ok=True)
            try:
                turn = partial(self._working_unless_edited, edits)
                with suppress(_EditedError), closing(export(session, video, folder, chosen, turn)) as frames:
                    for frame in frames:
                        if self._stopped():
                            break
                        job.done, job.frame = frame + 1, frame
                        yield
                with self._turn:
                    if self._stopped() or edits != self.edits:
                        self.note = "Nothing was written, because the export was stopped."
                        return
                    self.exports = {name: folder / name for name in chosen}
                    self.note = "The files are ready." + (
                        f" {left} frames were not finished." if left else ""
                    )
            finally:
                if not self.exports:
                    shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _job(self, job: Job) -> Iterator[Job]:
        if not self._busy.acquire(blocking=False):
            raise PromptError("other work is in progress; wait for it, or cancel it")
        self._cancelled.clear()
        self.job, self.note = job, ""
        try:
            yield job
        finally:
            self.job = None
            self.revision += 1
            self._busy.release()

    def _stopped(self) -> bool:
        return self._cancelled.is_set() or self.closed

    def cancel(self) -> None:
        """Stop the current work after its current frame."""
        self._cancelled.set()
        if self._session is not None:
            self._session.cancel()

    def say(self, note: str) -> None:
        """Show a sentence on the page."""
        self.note = note.encode(errors="backslashreplace").decode()  # half a character cannot be sent
        self.revision += 1

    def view(self) -> dict[str, Any]:
        """Everything that the page shows except the picture, as plain values."""
        with self._turn:
            session, video = self._session, self._video
            if session is None or video is None:
                return {"token": self.token, "revision": self.revision, "frames": 0, "note": self.note}
            return {
                "token": self.token,
                "revision": self.revision,
                "video": self.opened,
                "name": self._name,
                "active": self.active,
                "job": None if self.job is None else vars(self.job).copy(),
                "note": self.note,
                "exports": [
                    {"name": name, "bytes": path.stat().st_size} for name, path in self.exports.items()
                ],
                "doubts": [vars(stretch) for stretch in self.doubts],
                **described(session, video),
            }

    def close(self) -> None:
        """Close the video and the session, and remove the folder."""
        self.closed = True
        self.cancel()
        with self._turn:
            self._forget()
            shutil.rmtree(self.folder, ignore_errors=True)
