"""What a person says about a whole video: queries, and points in other frames that correct masks."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampt.errors import PromptError

from .edit_file import read_edits
from .edits import AddObject, AddPoint, Document, Edit, edits_to_json
from .object_query import ObjectQuery, check_place, check_query_frame, shortest
from .query_points import QueryPoints
from .text import parse_box_option, parse_point_option


@dataclass(frozen=True)
class Prompts:
    """Queries, and points in any frames.

    Attributes:
        queries: the objects, each with everything that is given in its query frame.
        clicks: the points that were given one by one, in order, including those in query frames.
    """

    queries: QueryPoints
    clicks: tuple[AddPoint, ...] = ()

    @classmethod
    def from_options(
        cls, points: Sequence[str], boxes: Sequence[str], first: QueryPoints | None = None
    ) -> Prompts:
        """From ``--point OBJ:T:X,Y[:+|:-]`` and ``--box OBJ:T:X0,Y0,X1,Y1`` values.

        An object's query frame is that of its mask, of its entry in a file, or of its box; otherwise that of
        its first point.

        Args:
            points: values of ``--point``, in order.
            boxes: values of ``--box``.
            first: objects from elsewhere, such as a mask.

        Raises:
            PromptError: a value is malformed, or values contradict one another.
        """
        homes = {query.id: query.frame for query in first.objects} if first else {}
        for text in boxes:
            id, frame, _ = parse_box_option(text)
            homes.setdefault(id, frame)
        clicks, at_home = [], []
        for text in points:
            id, frame, xy, sign = parse_point_option(text)
            clicks.append(_click(id, frame, xy, sign == "+"))
            if homes.setdefault(id, frame) == frame:
                at_home.append(text)
        queries = QueryPoints.from_cli(at_home, boxes)
        return cls(queries if first is None else first + queries, tuple(clicks))

    @property
    def corrections(self) -> tuple[AddPoint, ...]:
        """The points that were given outside their object's query frame, in order."""
        homes = {query.id: query.frame for query in self.queries.objects}
        return tuple(click for click in self.clicks if click.frame != homes[click.object_id])

    def validate(self, frames: Sequence[int], size: tuple[int, int]) -> None:
        """Check that everything fits a video; arguments as in ``QueryPoints.validate``.

        Raises:
            PromptError: something does not fit.
        """
        self.queries.validate(frames, size)
        for click in self.corrections:
            where = f"--point: object {click.object_id}"
            check_query_frame(click.frame, frames, where)
            check_place((click.x, click.y), size, where)
        if self.corrections and any(query.span for query in self.queries.objects):
            id = self.corrections[0].object_id
            raise PromptError(
                f"--point: object {id} has points in several frames, which spans cannot be combined with; "
                "leave out all spans, or give each object one query frame"
            )

    def edits(self, expanded: QueryPoints) -> list[Edit]:
        """The same as edits of a session, in the order in which a person would make them.

        Args:
            expanded: the objects that are given by a mask or a box, with points instead.
        """
        sampled = {query.id: query for query in expanded.objects}
        edits: list[Edit] = [AddObject(query.id, query.name) for query in self.queries.objects]
        done = set()
        for query in self.queries.objects:
            clicked = sum(c.object_id == query.id and c.frame == query.frame for c in self.clicks)
            if query.id in sampled or clicked < len(query.positives) + len(query.negatives):
                edits += _points_of(sampled.get(query.id, query))
                done.add((query.id, query.frame))
        edits += [click for click in self.clicks if (click.object_id, click.frame) not in done]
        return edits

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values, masks as digests, to tell whether two requests are equal."""
        masks = {
            str(query.id): hashlib.sha256(np.packbits(query.mask).tobytes()).hexdigest()
            for query in self.queries.objects
            if query.mask is not None
        }
        corrections = edits_to_json(self.corrections)
        return {"objects": self.queries.to_json()["objects"], "masks": masks, "corrections": corrections}


def _points_of(query: ObjectQuery) -> list[AddPoint]:
    signed = ((query.positives, True), (query.negatives, False))
    return [_click(query.id, query.frame, xy, sign) for points, sign in signed for xy in points]


def _click(object_id: int, frame: int, xy: NDArray[np.float32], positive: bool) -> AddPoint:
    x, y = shortest(xy)
    return AddPoint(object_id, frame, x, y, positive)


@dataclass(frozen=True)
class SavedSession:
    """Edits of a session that was saved, and what results from them."""

    edits: tuple[Edit, ...]
    document: Document

    @classmethod
    def read(cls, path: str | os.PathLike[str], length: int, size: tuple[int, int]) -> SavedSession:
        """A session of a video of ``length`` frames of ``size`` (height, width).

        Raises:
            PromptError: the file cannot be read, belongs to another video, or marks no object.
        """
        history = read_edits(path, Document(length, size))
        document = history[-1][1] if history else Document(length, size)
        if not document.points:
            raise PromptError(f"{path} marks no object; click on one and save the session again")
        return cls(tuple(edit for edit, _ in history), document)

    @property
    def queries(self) -> QueryPoints:
        """The objects that have points, with those of their home frames."""
        return home_queries(self.document)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values, to tell whether two requests are equal."""
        return {"edits": edits_to_json(self.edits)}


def home_queries(document: Document) -> QueryPoints:
    """The objects of a document that have points, with those of their home frames."""
    objects = []
    for known in document.objects:
        home = document.home(known.id)
        if home is not None:
            points = [p for p in document.of(known.id) if p.frame == home]
            on, off = (
                np.array([(p.x, p.y) for p in points if p.positive is sign], np.float32)
                for sign in (True, False)
            )
            objects.append(ObjectQuery(known.id, home, on, off, name=known.name))
    return QueryPoints(tuple(objects), "the session")


def moved_in_time(prompts: Prompts, positions: Mapping[int, int]) -> Prompts:
    """The prompts with each frame's number replaced by its position among the frames in use."""
    queries = (replace(query, frame=positions[query.frame]) for query in prompts.queries.objects)
    clicks = (replace(click, frame=positions[click.frame]) for click in prompts.clicks)
    return Prompts(replace(prompts.queries, objects=tuple(queries)), tuple(clicks))
