"""State of an interactive session: objects, points, and the edits that led to them.

Everything here is immutable: applying an edit to a document gives another document, and undoing returns to
the previous one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from sampt.errors import PromptError

from .object_query import MAX_OBJECTS, checked_keys


@dataclass(frozen=True)
class SessionObject:
    """Object of a session; ``id``, 1 to 255, is its value in label maps, ``name`` is only for display."""

    id: int
    name: str | None = None

    def __post_init__(self) -> None:
        if self.name is not None and any("\ud800" <= character <= "\udfff" for character in self.name):
            raise PromptError(f"the name {self.name!a} holds half a character; type it again")


@dataclass(frozen=True)
class Point:
    """Point that was given in ``frame``, at (x, y) in pixels.

    Attributes:
        gone_before: frame before ``frame`` in which it was removed; it is used after that frame.
        gone_after: frame after ``frame`` in which it was removed; it is used before that frame.
    """

    id: int
    object_id: int
    frame: int
    x: float
    y: float
    positive: bool
    gone_before: int | None = None
    gone_after: int | None = None

    @property
    def place(self) -> tuple[int, float, float]:
        return self.frame, self.x, self.y


@dataclass(frozen=True)
class Document:
    """Objects and points of a video of ``length`` frames of ``size`` (height, width).

    An object's home frame is that of its oldest point. It is tracked from there in both directions, and an
    edit in a frame holds from that frame on, away from home. Without ``backward``, the home frame is that of
    the earliest point, and the object does not exist before it.
    """

    length: int
    size: tuple[int, int]
    backward: bool = True
    objects: tuple[SessionObject, ...] = ()
    points: tuple[Point, ...] = ()
    next_point: int = 1

    def object(self, id: int) -> SessionObject:
        """The object with this id.

        Raises:
            PromptError: there is no such object.
        """
        for known in self.objects:
            if known.id == id:
                return known
        raise PromptError(f"there is no object {id}; add it first")

    def point(self, id: int) -> Point:
        """The point with this id.

        Raises:
            PromptError: there is no such point.
        """
        for known in self.points:
            if known.id == id:
                return known
        raise PromptError(f"there is no point {id}; it may have been removed already")

    def of(self, object_id: int) -> tuple[Point, ...]:
        """The object's points, the oldest first."""
        return tuple(point for point in self.points if point.object_id == object_id)

    def home(self, object_id: int) -> int | None:
        """Frame from which the object is tracked; None without points."""
        return self._homes.get(object_id)

    @cached_property
    def _homes(self) -> dict[int, int]:
        homes: dict[int, int] = {}
        for point in self.points if self.backward else sorted(self.points, key=lambda p: p.frame):
            homes.setdefault(point.object_id, point.frame)
        return homes

    def keys(self, object_id: int) -> set[int]:
        """Frames in which the object was edited."""
        places = ((p.frame, p.gone_before, p.gone_after) for p in self.of(object_id))
        return {frame for place in places for frame in place if frame is not None}

    def loses_positive(self, object_id: int, frame: int) -> bool:
        """Whether a positive point of the object is removed from this frame on."""
        return any(p.positive and frame in (p.gone_before, p.gone_after) for p in self.of(object_id))

    def reach(self, point: Point) -> range:
        """The frames in which a point is used, where it is visible."""
        home = self.home(point.object_id)
        assert home is not None
        first = 0 if self.backward and point.frame <= home else point.frame
        last = self.length - 1 if point.frame >= home else point.frame
        if point.gone_before is not None:
            first = max(first, point.gone_before + 1)
        if point.gone_after is not None:
            last = min(last, point.gone_after - 1)
        return range(first, last + 1)

    def check_place(self, frame: int, x: float, y: float) -> None:
        """Check that a point can be placed at (x, y) in a frame.

        Raises:
            PromptError: the video has no such frame, or (x, y) is outside it.
        """
        self.check_frame(frame)
        height, width = self.size
        if not (-0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5):
            raise PromptError(f"the point {x:g},{y:g} is outside the {width}×{height} frame; move it inside")

    def check_frame(self, frame: int) -> None:
        """Check that the video has a frame.

        Raises:
            PromptError: it does not.
        """
        if not 0 <= frame < self.length:
            raise PromptError(f"the video has no frame {frame}, only 0 to {self.length - 1}")


def touched(before: Document, after: Document, shared: bool, chained: bool) -> dict[int, NDArray[np.bool_]]:
    """Frames, (T,) bool, in which an edit may change an object's prompt, by object id.

    Args:
        before: the document before the edit.
        after: the document after the edit.
        shared: whether an object's positives are negatives of the others.
        chained: whether a frame's prompt also depends on the frames between it and the home frame.
    """
    marks = {known.id: np.zeros(after.length, bool) for known in after.objects}
    old, new = ({p.id: p for p in document.points} for document in (before, after))
    for id in old.keys() | new.keys():
        was, now = old.get(id), new.get(id)
        if was and was == now and before.reach(was) == after.reach(now):
            continue
        frames = _frames(before, was) | _frames(after, now)
        if was and now and was.place == now.place:
            frames = _frames(before, was) ^ _frames(after, now)
        point = now or was
        assert point is not None
        for object_id, mark in marks.items():
            if object_id == point.object_id or (shared and point.positive):
                mark |= frames
    for object_id, mark in marks.items():
        home = after.home(object_id)
        if home != before.home(object_id):
            mark[:] = True
        elif chained and home is not None:
            mark[home:] = np.maximum.accumulate(mark[home:])
            mark[: home + 1] = np.maximum.accumulate(mark[home::-1])[::-1]
    return marks


def _frames(document: Document, point: Point | None) -> NDArray[np.bool_]:
    frames = np.zeros(document.length, bool)
    if point is not None:
        reach = document.reach(point)
        frames[reach.start : reach.stop] = True
    return frames


class Edit(Protocol):
    """One change that a person makes; ``kind`` is its name in files."""

    kind: ClassVar[str]

    def apply(self, document: Document) -> Document:
        """The document after this edit.

        Raises:
            PromptError: the edit is not possible in this document.
        """


@dataclass(frozen=True)
class AddObject:
    kind: ClassVar[str] = "add-object"
    object_id: int
    name: str | None = None

    def apply(self, document: Document) -> Document:
        if not 1 <= self.object_id <= MAX_OBJECTS:
            raise PromptError(f"object {self.object_id} has an id out of range; use 1 to {MAX_OBJECTS}")
        if any(known.id == self.object_id for known in document.objects):
            raise PromptError(f"there is an object {self.object_id} already; give every object its own id")
        return replace(document, objects=(*document.objects, SessionObject(self.object_id, self.name)))


@dataclass(frozen=True)
class RenameObject:
    kind: ClassVar[str] = "rename-object"
    object_id: int
    name: str | None

    def apply(self, document: Document) -> Document:
        renamed = replace(document.object(self.object_id), name=self.name)
        return replace(
            document, objects=tuple(renamed if o.id == renamed.id else o for o in document.objects)
        )


@dataclass(frozen=True)
class RemoveObject:
    kind: ClassVar[str] = "remove-object"
    object_id: int

    def apply(self, document: Document) -> Document:
        document.object(self.object_id)
        return replace(
            document,
            objects=tuple(o for o in document.objects if o.id != self.object_id),
            points=tuple(p for p in document.points if p.object_id != self.object_id),
        )


@dataclass(frozen=True)
class AddPoint:
    kind: ClassVar[str] = "add-point"
    object_id: int
    frame: int
    x: float
    y: float
    positive: bool

    def apply(self, document: Document) -> Document:
        document.object(self.object_id)
        document.check_place(self.frame, self.x, self.y)
        point = Point(document.next_point, self.object_id, self.frame, self.x, self.y, self.positive)
        return replace(document, points=(*document.points, point), next_point=point.id + 1)


@dataclass(frozen=True)
class RemovePoint:
    """Removal of a point from ``frame`` on, away from the home frame; everywhere in the point's own frame."""

    kind: ClassVar[str] = "remove-point"
    point_id: int
    frame: int

    def apply(self, document: Document) -> Document:
        point = document.point(self.point_id)
        document.check_frame(self.frame)
        if self.frame == point.frame:
            return replace(document, points=tuple(p for p in document.points if p.id != point.id))
        if self.frame not in document.reach(point):
            raise PromptError(f"point {point.id} is not used in frame {self.frame}; nothing to remove there")
        if self.frame > point.frame:
            return _with(document, replace(point, gone_after=self.frame))
        return _with(document, replace(point, gone_before=self.frame))


@dataclass(frozen=True)
class MovePoint:
    """Move of a point; in another frame than its own, it is removed and a new one is added."""

    kind: ClassVar[str] = "move-point"
    point_id: int
    frame: int
    x: float
    y: float

    def apply(self, document: Document) -> Document:
        point = document.point(self.point_id)
        document.check_place(self.frame, self.x, self.y)
        if self.frame == point.frame:
            return _with(document, replace(point, x=self.x, y=self.y))
        without = RemovePoint(self.point_id, self.frame).apply(document)
        return AddPoint(point.object_id, self.frame, self.x, self.y, point.positive).apply(without)


def _with(document: Document, point: Point) -> Document:
    return replace(document, points=tuple(point if p.id == point.id else p for p in document.points))


EDITS: dict[str, type[Any]] = {
    kind.kind: kind for kind in (AddObject, RenameObject, RemoveObject, AddPoint, RemovePoint, MovePoint)
}


def edits_to_json(edits: Iterable[Edit]) -> list[dict[str, Any]]:
    """One plain dict per edit, with its kind as ``edit`` and its fields."""
    return [{"edit": edit.kind, **asdict(edit)} for edit in edits]  # type: ignore[call-overload]


def edit_from_json(item: object, where: str) -> Edit:
    """The edit that a plain dict describes; ``where`` starts error messages.

    Raises:
        PromptError: it does not describe an edit.
    """
    kind = item.get("edit") if isinstance(item, Mapping) else None
    if not isinstance(kind, str) or kind not in EDITS:
        raise PromptError(f"{where}: 'edit' must be one of {', '.join(EDITS)}, not {kind!r}")
    known = {field.name: str(field.type) for field in fields(EDITS[kind])}
    data = dict(checked_keys(item, ("edit", *known), where))
    del data["edit"]
    for name, wanted in known.items():
        if name not in data:
            raise PromptError(f"{where}: {name!r} is missing; it belongs to {kind}")
        if not _fits(data[name], wanted):
            raise PromptError(f"{where}: {name!r} must be of type {wanted}, not {data[name]!r}")
        if wanted == "float":
            data[name] = float(data[name])
    edit: Edit = EDITS[kind](**data)
    return edit


def _fits(value: object, wanted: str) -> bool:
    if wanted == "bool":
        return isinstance(value, bool)
    if wanted == "str | None":
        return value is None or isinstance(value, str)
    numbers = int if wanted == "int" else int | float
    return isinstance(value, numbers) and not isinstance(value, bool) and abs(value) < 1e9
