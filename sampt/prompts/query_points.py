"""Query points of all objects, and the files and options that they are read from.

``docs/points.md`` documents the JSON schema.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampt._internal.files import parsed_json, read_text, replacing
from sampt._internal.names import first_few, plural
from sampt.errors import PromptError

from .label_maps import read_label_map
from .object_query import MAX_OBJECTS, ObjectQuery, checked_keys
from .text import parse_box_option, parse_point_option, parse_span_option, parse_text_format

__all__ = ["ObjectQuery", "QueryPoints"]

SCHEMA_VERSION = 1


@dataclass(frozen=True, eq=False, repr=False)
class QueryPoints:
    """Queries of all objects of a video; ``a + b`` combines two of them.

    Attributes:
        objects: one query per object, in the given order.
        source: file or option that they come from, for error messages.
    """

    objects: tuple[ObjectQuery, ...]
    source: str = "query points"

    def __repr__(self) -> str:
        ids = [query.id for query in self.objects]
        return f"<QueryPoints from {self.source}: {plural(len(ids), 'object')}, {first_few(ids)}>"

    def __add__(self, other: QueryPoints) -> QueryPoints:
        """The objects of both; queries of the same object in the same frame are merged.

        Raises:
            PromptError: an object has two query frames, boxes, masks, names or spans.
        """
        objects = {query.id: query for query in self.objects}
        for query in other.objects:
            known = objects.get(query.id)
            objects[query.id] = query if known is None else known.joined(query)
        return replace(self, objects=tuple(objects.values()))

    @classmethod
    def click(cls, object_id: int, frame: int, xy: Sequence[float], positive: bool = True) -> QueryPoints:
        """One point, (x, y) in pixels, on an object or (if not ``positive``) off it.

        >>> QueryPoints.click(1, frame=0, xy=(320, 180)) + QueryPoints.click(1, frame=0, xy=(340, 200))
        <QueryPoints from a click: 1 object, 1>
        """
        points, none = np.array([xy], np.float32), np.zeros((0, 2), np.float32)
        on, off = (points, none) if positive else (none, points)
        return cls((ObjectQuery(object_id, frame, on, off),), "a click")

    @classmethod
    def from_box(cls, object_id: int, frame: int, box: Sequence[float]) -> QueryPoints:
        """One object in a box of x0, y0, x1, y1 in pixels."""
        return cls((ObjectQuery(object_id, frame, box=np.array(box, np.float32)),), "a box")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> QueryPoints:
        """Query points of a file, which is JSON or SAM-PT's text format.

        Raises:
            PromptError: the file cannot be read, or is neither; the message says where.
        """
        try:
            text = read_text(path)
        except OSError as error:
            raise PromptError(f"cannot read the points file {path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise PromptError(
                f"{path} is not a text file; give points as JSON or in SAM-PT's text format"
            ) from error
        if not text.lstrip().startswith(("{", "[")):
            found = enumerate(parse_text_format(text, str(path)), 1)
            return cls(tuple(ObjectQuery(id, *query) for id, query in found), str(path))
        return cls.from_json(parsed_json(text, path, PromptError, "see docs/points.md"), str(path))

    @classmethod
    def from_json(cls, data: object, source: str = "query points") -> QueryPoints:
        """Query points from the plain dicts and lists of ``docs/points.md``.

        Raises:
            PromptError: a key is unknown or missing, or a value has the wrong type.
        """
        top = checked_keys(data, ("version", "objects"), source)
        if top.get("version", SCHEMA_VERSION) != SCHEMA_VERSION:
            raise PromptError(
                f"{source}: version {top['version']!r} of the format is unknown; use {SCHEMA_VERSION}"
            )
        objects = top.get("objects")
        if not isinstance(objects, list):
            raise PromptError(f"{source}: 'objects' must be a list of objects, see docs/points.md")
        return cls(
            tuple(ObjectQuery.from_json(item, f"{source}, object {n}") for n, item in enumerate(objects, 1)),
            source,
        )

    @classmethod
    def from_masks(cls, labels: NDArray[Any], frame: int = 0, source: str = "mask") -> QueryPoints:
        """One object for each value but 0 in ``labels``, an (H, W) map of integers (or bools).

        Raises:
            PromptError: no pixel is labelled, or the labels are not integers from 0 to 255.
        """
        if labels.ndim != 2 or labels.dtype.kind not in "bui":
            raise PromptError(
                f"{source}: a label map is (H, W) integers, not {labels.dtype} of shape {labels.shape}; "
                "give one integer label per pixel"
            )
        ids = [int(value) for value in np.unique(labels) if value]
        if not ids:
            raise PromptError(f"{source}: the mask is empty; mark at least one pixel of an object")
        if ids[0] < 1 or ids[-1] > MAX_OBJECTS:
            raise PromptError(
                f"{source}: labels run from {ids[0]} to {ids[-1]}; use 1 to {MAX_OBJECTS}, and 0 elsewhere"
            )
        return cls(tuple(ObjectQuery(id, frame, mask=labels == id) for id in ids), source)

    @classmethod
    def from_mask_file(cls, path: str | os.PathLike[str], frame: int = 0) -> QueryPoints:
        """One object for each label of a mask image, by what it shows; see ``docs/inputs.md``.

        Raises:
            PromptError: the image cannot be read, could mean several things, or holds no object.
        """
        return cls.from_masks(read_label_map(path), frame, str(path))

    def shares(self, size: tuple[int, int]) -> dict[int, float]:
        """Share of the frame, (height, width), of each object that is given by a mask or a box, 0 to 1."""
        area = size[0] * size[1]
        shares: dict[int, float] = {}
        for query in self.objects:
            if query.mask is not None:
                shares[query.id] = float(np.count_nonzero(query.mask) / area)
            elif query.box is not None:
                x0, y0, x1, y1 = query.box.tolist()
                shares[query.id] = (x1 - x0) * (y1 - y0) / area
        return shares

    @classmethod
    def from_cli(
        cls, points: Sequence[str] = (), boxes: Sequence[str] = (), spans: Sequence[str] = ()
    ) -> QueryPoints:
        """From ``--point OBJ:T:X,Y[:+|:-]``, ``--box OBJ:T:X0,Y0,X1,Y1``, ``--span OBJ:FIRST-LAST`` values.

        Raises:
            PromptError: a value is malformed, or values contradict one another.
        """
        objects: dict[int, ObjectQuery] = {}
        for text in points:
            id, frame, xy, sign = parse_point_option(text)
            query = _same_frame(objects.get(id, ObjectQuery(id, frame)), frame, f"--point {text}")
            if sign == "+":
                objects[id] = replace(query, positives=np.vstack([query.positives, xy]))
            else:
                objects[id] = replace(query, negatives=np.vstack([query.negatives, xy]))
        for text in boxes:
            id, frame, box = parse_box_option(text)
            query = _same_frame(objects.get(id, ObjectQuery(id, frame)), frame, f"--box {text}")
            if query.box is not None:
                raise PromptError(f"--box {text}: object {id} already has a box; give one box per object")
            objects[id] = replace(query, box=box)
        source = "--point" if points or not boxes else "--box"
        return cls(tuple(objects.values()), source).with_spans(spans)

    def with_spans(self, spans: Sequence[str]) -> QueryPoints:
        """The same objects, segmented only in the frames of ``--span OBJ:FIRST-LAST`` (both included).

        Raises:
            PromptError: a value is malformed, names no object, or names an object again.
        """
        found: dict[int, tuple[int, int]] = {}
        known = {query.id for query in self.objects}
        for text in spans:
            id, span = parse_span_option(text)
            if id not in known:
                raise PromptError(f"--span {text}: there is no object {id}; give it points, a box or a mask")
            if id in found:
                raise PromptError(f"--span {text}: object {id} already has a span; give one span per object")
            found[id] = span
        objects = (replace(query, span=found.get(query.id, query.span)) for query in self.objects)
        return replace(self, objects=tuple(objects))

    def to_json(self) -> dict[str, Any]:
        """The query points as plain dicts and lists, as ``docs/points.md`` describes; masks are left out."""
        return {"version": SCHEMA_VERSION, "objects": [query.to_json() for query in self.objects]}

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write JSON, completely or not at all.

        Raises:
            PromptError: an object has nothing but a mask, which the format does not hold.
            OutputError: the file cannot be written.
        """
        for query in self.objects:
            if not len(query.positives) and query.box is None:
                raise PromptError(
                    f"{path}: object {query.id} has neither points nor a box; sample its mask first"
                )
        lines = ",\n ".join(json.dumps(query.to_json(), ensure_ascii=False) for query in self.objects)
        with replacing(path) as temporary:
            temporary.write_text(
                f'{{"version": {SCHEMA_VERSION}, "objects": [\n {lines}\n]}}\n', encoding="utf-8"
            )

    def validate(self, frames: Sequence[int], size: tuple[int, int]) -> None:
        """Check that every query fits a video.

        Args:
            frames: numbers of the frames in use, ascending, such as ``range(0, 100, 2)``.
            size: (height, width) of the frames in pixels.

        Raises:
            PromptError: something does not fit; the message names the source, the object and the remedy.
        """
        if not self.objects:
            raise PromptError(f"{self.source}: there are no objects; give at least one point, box or mask")
        if len(self.objects) > MAX_OBJECTS:
            raise PromptError(
                f"{self.source}: {len(self.objects)} objects are too many; give at most {MAX_OBJECTS}"
            )
        if not frames:
            raise PromptError(f"{self.source}: the video has no frames in use; give it at least one")
        seen: set[int] = set()
        for query in self.objects:
            if query.id in seen:
                raise PromptError(
                    f"{self.source}: object {query.id} is given twice; give every object its own id"
                )
            seen.add(query.id)
            query.validate(frames, size, self.source)


def _same_frame(query: ObjectQuery, frame: int, option: str) -> ObjectQuery:
    if query.frame != frame:
        raise PromptError(
            f"{option}: object {query.id} is also given at frame {query.frame}; give it one query frame"
        )
    return query
