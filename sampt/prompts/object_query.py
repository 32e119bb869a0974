"""Query of one object: its prompts, its JSON form, and its validation."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampt._internal.names import unknown_name
from sampt.errors import PromptError

MAX_OBJECTS = 255


def _no_points() -> NDArray[np.float32]:
    return np.zeros((0, 2), np.float32)


@dataclass(frozen=True, eq=False, repr=False)
class ObjectQuery:
    """Query of one object: where it is in its query frame, and in which frames to segment it.

    Attributes:
        id: the object's value in label maps, 1 to 255.
        frame: number of the query frame in the video.
        positives: points on the object, (P, 2) float32 of (x, y) in pixels.
        negatives: points off the object, (N, 2) float32 of (x, y) in pixels.
        name: the object's name, only for display.
        span: first and last frame in which to segment the object, both included; None for the whole video.
            The query frame may be outside: the object is tracked from there, and only shown in the span.
        box: (4,) float32 of x0, y0, x1, y1 around the object, from which points are sampled.
        mask: (H, W) bool, the object in the query frame, from which points are sampled; never written to a
            file.

    Raises:
        PromptError: an array has the wrong shape, or holds NaNs or infinities.
    """

    id: int
    frame: int
    positives: NDArray[np.float32] = field(default_factory=_no_points)
    negatives: NDArray[np.float32] = field(default_factory=_no_points)
    name: str | None = None
    span: tuple[int, int] | None = None
    box: NDArray[np.float32] | None = None
    mask: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        self._set("id", int(self.id))
        self._set("frame", int(self.frame))
        self._set("positives", self._points("positives", self.positives))
        self._set("negatives", self._points("negatives", self.negatives))
        if self.span is not None:
            self._set("span", (int(self.span[0]), int(self.span[1])))
        if self.box is not None:
            box = np.asarray(self.box, np.float32)
            if box.shape != (4,):
                raise PromptError(f"object {self.id}: box must be x0, y0, x1, y1, not of shape {box.shape}")
            self._set("box", self._finite("box", box))
        if self.mask is not None:
            self._set("mask", np.asarray(self.mask, bool))

    def __repr__(self) -> str:
        what = [f"{len(self.positives)} positive, {len(self.negatives)} negative points"]
        what += [kind for kind, value in (("a box", self.box), ("a mask", self.mask)) if value is not None]
        return f"<ObjectQuery {self.name or self.id} at frame {self.frame}: {', '.join(what)}>"

    def joined(self, other: ObjectQuery) -> ObjectQuery:
        """This query merged with another one of the same object and frame.

        Raises:
            PromptError: they belong to different objects or frames, or both have a box, mask, name or span.
        """
        if (self.id, self.frame) != (other.id, other.frame):
            raise PromptError(
                f"object {self.id} at frame {self.frame} and object {other.id} at frame {other.frame} cannot "
                "be one; give each object one query frame"
            )
        single: dict[str, Any] = {}
        for key in ("name", "span", "box", "mask"):
            mine, theirs = getattr(self, key), getattr(other, key)
            if mine is not None and theirs is not None:
                raise PromptError(f"object {self.id} has a {key} already; give one per object")
            single[key] = theirs if mine is None else mine
        return replace(
            self,
            positives=np.vstack([self.positives, other.positives]),
            negatives=np.vstack([self.negatives, other.negatives]),
            **single,
        )

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _points(self, name: str, values: ArrayLike) -> NDArray[np.float32]:
        points = np.asarray(values, np.float32)
        if points.size == 0:
            return _no_points()
        if points.ndim != 2 or points.shape[1] != 2:
            raise PromptError(f"object {self.id}: {name} must be (x, y) pairs, not of shape {points.shape}")
        return self._finite(name, points)

    def _finite(self, name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
        if not np.isfinite(values).all():
            raise PromptError(f"object {self.id}: NaN or infinity in {name}; give pixel coordinates")
        return values

    def to_json(self) -> dict[str, Any]:
        """The query as plain values, as ``docs/points.md`` describes, without missing values and the mask."""
        data: dict[str, Any] = {"id": self.id, "frame": self.frame}
        if self.name is not None:
            data["name"] = self.name
        if len(self.positives):
            data["positive"] = [shortest(point) for point in self.positives]
        if len(self.negatives):
            data["negative"] = [shortest(point) for point in self.negatives]
        if self.span is not None:
            data["span"] = list(self.span)
        if self.box is not None:
            data["box"] = shortest(self.box)
        return data

    @classmethod
    def from_json(cls, item: object, where: str) -> ObjectQuery:
        """The query that a plain dict of ``docs/points.md`` describes; ``where`` starts error messages.

        Raises:
            PromptError: a key is unknown or missing, or a value has the wrong type.
        """
        data = checked_keys(item, ("id", "name", "frame", "positive", "negative", "span", "box"), where)
        if "id" not in data:
            raise PromptError(f"{where}: 'id' is missing; give every object a number from 1 to {MAX_OBJECTS}")
        name, span, box = data.get("name"), data.get("span"), data.get("box")
        if name is not None and not isinstance(name, str):
            raise PromptError(f"{where}: 'name' must be text, not {name!r}")
        if span is not None and not (isinstance(span, list) and len(span) == 2):
            raise PromptError(f"{where}: 'span' must be [first frame, last frame], not {span!r}")
        if box is not None and not _are_numbers(box, 4):
            raise PromptError(f"{where}: 'box' must be [x0, y0, x1, y1], not {box!r}")
        return cls(
            id=_whole(data["id"], "id", where),
            frame=_whole(data.get("frame", 0), "frame", where),
            positives=_points_from_json(data, "positive", where),
            negatives=_points_from_json(data, "negative", where),
            name=name,
            span=None if span is None else (_whole(span[0], "span", where), _whole(span[1], "span", where)),
            box=None if box is None else np.array(box, np.float32),
        )

    def validate(self, frames: Sequence[int], size: tuple[int, int], source: str = "query points") -> None:
        """Check that the query fits a video: one object's part of ``QueryPoints.validate``."""
        where = f"{source}: object {self.id}"
        if not 1 <= self.id <= MAX_OBJECTS:
            raise PromptError(f"{where} has an id out of range; use 1 to {MAX_OBJECTS}")
        _check_frames(self, frames, where)
        _check_geometry(self, size, where)


def checked_keys(data: object, known: Sequence[str], where: str) -> Mapping[str, Any]:
    """``data`` as a mapping; a PromptError if it is not one or has a key that is not ``known``."""
    if not isinstance(data, Mapping):
        raise PromptError(f"{where}: expected an object with the keys {', '.join(known)}, see docs/points.md")
    for key in data:
        if key not in known:
            raise PromptError(f"{where}: {unknown_name('key', str(key), known)}")
    return data


def shortest(values: NDArray[np.float32]) -> list[float]:
    """The values with the fewest digits that give the same float32s back."""
    return [float(str(value)) for value in values]


def _whole(value: object, key: str, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise PromptError(f"{where}: {key!r} must be a whole number, not {value!r}")
    return value


def _are_numbers(value: object, count: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == count
        and all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 1e9 for v in value)
    )


def _points_from_json(data: Mapping[str, Any], key: str, where: str) -> NDArray[np.float32]:
    points = data.get(key, [])
    if not isinstance(points, list):
        raise PromptError(f"{where}: {key!r} must be a list of [x, y] points, not {points!r}")
    for point in points:
        if not _are_numbers(point, 2):
            raise PromptError(f"{where}: {point!r} in {key!r} is not a point; write it as [x, y] in pixels")
    return np.array(points, np.float32).reshape(-1, 2)


def check_query_frame(frame: int, frames: Sequence[int], where: str) -> None:
    """Check that a frame is in use; ``frames`` are ascending, and ``where`` starts the message.

    Raises:
        PromptError: it is not.
    """
    if frame in frames:
        return
    first, last = frames[0], frames[-1]
    if last - first + 1 == len(frames):
        there = f"the {len(frames)} frames in use, {first} to {last}"
    else:
        there = f"the {len(frames)} frames in use between {first} and {last}"
    after = bisect_left(frames, frame)  # a camera's frames are too many to look at each
    nearest = min(frames[max(after - 1, 0) : after + 1], key=lambda number: abs(number - frame))
    raise PromptError(f"{where}: query frame {frame} is not among {there}; the nearest is {nearest}")


def _check_frames(query: ObjectQuery, frames: Sequence[int], where: str) -> None:
    check_query_frame(query.frame, frames, where)
    if query.span is None:
        return
    first, last = frames[0], frames[-1]
    start, end = query.span
    if start > end:
        raise PromptError(f"{where}: the span {start} to {end} runs backward; give its first frame first")
    if bisect_left(frames, start) >= bisect_right(frames, end):
        raise PromptError(
            f"{where}: the span {start} to {end} holds no frame in use; they run from {first} to {last}"
        )


def _check_geometry(query: ObjectQuery, size: tuple[int, int], where: str) -> None:
    height, width = size
    frame = f"the {width}×{height} frame"
    if query.mask is not None:
        if query.mask.shape != (height, width):
            given = "×".join(str(side) for side in query.mask.shape[::-1])
            raise PromptError(
                f"{where}: its mask is {given} pixels but the video is {width}×{height}; resize the mask"
            )
        if not query.mask.any():
            raise PromptError(f"{where}: its mask is empty; mark at least one pixel of the object")
    if query.box is not None:
        x0, y0, x1, y1 = query.box.tolist()
        given = f"the box {x0:g},{y0:g},{x1:g},{y1:g}"
        if x0 >= x1 or y0 >= y1:
            raise PromptError(f"{where}: {given} has no area; give its left, top, right and bottom edge")
        # Edges may be given as pixel centres or as the frame's outline, so both count as inside.
        if x0 < -0.5 or y0 < -0.5 or x1 > width or y1 > height:
            raise PromptError(f"{where}: {given} extends beyond {frame}; clip it to the frame")
    if not len(query.positives) and query.box is None and query.mask is None:
        raise PromptError(f"{where} has no positive point; mark the object with a point, box or mask")
    for xy in np.vstack([query.positives, query.negatives]).tolist():
        check_place(xy, size, where)


def check_place(xy: Sequence[float], size: tuple[int, int], where: str) -> None:
    """Check that a point is in a frame of ``size`` (height, width); ``where`` starts the message.

    Raises:
        PromptError: it is not.
    """
    (x, y), (height, width) = xy, size
    # Integers are pixel centres: the frame ends half a pixel beyond the first and the last of them.
    if not (-0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5):
        raise PromptError(
            f"{where}: the point {x:g},{y:g} is outside the {width}×{height} frame; move it inside"
        )
