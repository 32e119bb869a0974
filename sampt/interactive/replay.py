"""Runs of whole videos with points in several frames of one object, as an interactive session makes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sampt._internal.stopwatch import Stopwatch
from sampt.methods.base import VideoMethod
from sampt.methods.frame_points import FramePoints
from sampt.methods.results import FrameResult
from sampt.methods.runs import Segmentation
from sampt.prompts.edits import Edit
from sampt.prompts.prompts import Prompts, SavedSession, home_queries, moved_in_time
from sampt.prompts.query_points import QueryPoints
from sampt.trackers.clip import Clip, FrameSource
from sampt.video.frames import file_name

from .session import InteractiveSession, Progress


def start(method: VideoMethod, clip: Clip, asked: QueryPoints | Prompts | SavedSession) -> Segmentation:
    """A run that segments a clip by anything that a person may say about it.

    Queries alone are the method's own ``stream``. With points in other frames, or a saved session, the run is
    that of an ``InteractiveSession`` with the same edits.

    Raises:
        PromptError: the prompts do not fit the clip, or the clip has no length and they need one.
    """
    if isinstance(asked, QueryPoints):
        return method.stream(clip, asked)
    if isinstance(asked, Prompts) and not asked.corrections:
        return method.stream(clip, asked.queries)
    whole = not clip.endless and clip.indices == range(len(Clip(clip.source)))
    session = InteractiveSession(method, cast(FrameSource, clip.source) if whole else clip)
    try:
        if isinstance(asked, SavedSession):
            return EditedSegmentation(session, clip, asked.edits)
        positions = {number: position for position, number in enumerate(clip.indices)}
        here = moved_in_time(asked, positions)
        given = any(query.mask is not None or query.box is not None for query in here.queries.objects)
        sampled = method.first_points(session.video, here.queries, session.encoder) if given else None
        edits = here.edits(sampled or QueryPoints(()))
        masks = {(q.frame, q.id): q.mask for q in here.queries.objects if q.mask is not None}
        return EditedSegmentation(session, clip, edits, masks)
    except BaseException:
        session.close()
        raise


class EditedSegmentation(Segmentation):
    """Run of an interactive session through a whole clip.

    Frames come in the clip's order as soon as they are final: those before an object's home frame when it has
    been tracked back to them, all others as they are made.

    Args:
        session: a session without edits on the clip's frames; closed with the run.
        clip: the frames; the session counts them from 0.
        edits: edits to make.
        given: masks that an object has exactly, (H, W) bool, by position and object id.
    """

    def __init__(
        self,
        session: InteractiveSession,
        clip: Clip,
        edits: Sequence[Edit],
        given: Mapping[tuple[int, int], NDArray[np.bool_]] | None = None,
    ) -> None:
        self._session, self._given = session, dict(given or {})
        self.method, self.clip, self.size = session.method, clip, session.size
        self.stopwatch, self.encoder, self.lost, self.done = Stopwatch(), session.encoder, {}, 0
        session.apply(edits)
        queries = home_queries(session.document)
        latest = max(query.frame for query in queries.objects)
        self.queries = replace(
            queries,
            objects=tuple(replace(query, frame=clip.indices[query.frame]) for query in queries.objects),
        )
        # What comes before the last home frame first, so that the frames from there on can follow in order.
        self._steps: Iterator[Progress] = chain(session.run(range(latest)), session.run())

    def __repr__(self) -> str:
        return f"<EditedSegmentation of {self._session!r}, {self.done} frames done>"

    def __next__(self) -> FrameResult:
        position = self.done
        if not self.clip.has(position):
            raise StopIteration
        with self.stopwatch("segment"):
            while not self._session.finished(position):
                if next(self._steps, None) is None:
                    break
            result = self._session.frame(position)
        self.done += 1
        return self._named(self._with_given(self._marked(result), position), self.clip.indices[position])

    def _marked(self, result: FrameResult) -> FrameResult:
        """The result without objects that have no points."""
        ids = tuple(query.id for query in self.queries.objects)
        if ids == result.object_ids:
            return result
        rows = [result.object_ids.index(id) for id in ids]
        objects = {id: result[id] for id in ids}
        return FrameResult.assembled(
            index=result.index,
            masks=result.masks[rows],
            logits=result.logits[rows],
            scores={id: one.score for id, one in objects.items()},
            points={id: FramePoints(o.points, o.positive, o.visibility) for id, o in objects.items()},
            object_ids=ids,
        )

    def _with_given(self, result: FrameResult, position: int) -> FrameResult:
        given = {id: mask for (at, id), mask in self._given.items() if at == position}
        if not given:
            return result
        masks, logits = result.masks.copy(), result.logits.copy()
        for row, id in enumerate(result.object_ids):
            if id in given:
                masks[row] = given[id]
            elif not self.method.overlapping:
                masks[row] &= ~np.any(list(given.values()), axis=0)
            logits[row] = np.where(masks[row], 1, -1)
        return replace(result, masks=masks, logits=logits)

    def _named(self, result: FrameResult, number: int) -> FrameResult:
        return replace(result, index=number, name=Path(file_name(self.clip.source, number)).stem)

    def write_prompts(self, folder: Path) -> None:
        """Write all edits as a session, whose frames are the clip's.

        Raises:
            OutputError: it cannot be written.
        """
        self._session.save(folder / "session.json")

    def close(self) -> None:
        self._session.close()
