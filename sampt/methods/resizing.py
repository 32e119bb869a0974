"""Methods that work at another size than that of the frames: prompts go in, and results come out, resized."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from sampt.prompts.edits import Document
from sampt.prompts.object_query import ObjectQuery
from sampt.prompts.query_points import QueryPoints
from sampt.trackers.clip import Clip
from sampt.video.reader import Video
from sampt.video.resized import Size, moved_points, resized_labels, resized_mask

from .results import FrameResult, exclusive
from .runs import InteractiveSolver, SeenPoint, Segmentation

GIVEN_LOGIT = 1e4
"""Logit of a given mask at its own frame, so that it wins over any prediction."""

_INSIDE = 1e-3
"""Least distance, in pixels, of a moved point from the far edges, against rounding."""


class ResizedSegmentation(Segmentation):
    """Run whose results are resized.

    Args:
        inner: the run at its own size.
        clip: the frames as they were given.
        size: (height, width) of the results.
        given: objects with masks, at ``size``, that replace the predicted ones in their query frames.
        opened: video to close at the end.
    """

    def __init__(
        self,
        inner: Segmentation,
        clip: Clip,
        size: Size,
        given: Sequence[ObjectQuery] = (),
        opened: Video | None = None,
    ) -> None:
        self.method, self.clip, self.size = inner.method, clip, size
        self.queries = moved_queries(inner.queries, inner.size, size)
        self.stopwatch, self.encoder, self.lost = inner.stopwatch, inner.encoder, inner.lost
        self.asked, self.first_masks = inner.asked, inner.first_masks
        self.done = 0
        self._inner, self._opened = inner, opened
        self._given = {(q.id, q.frame): q.mask for q in given if q.mask is not None}

    def __repr__(self) -> str:
        return f"{self._inner!r} at {self.size[1]}×{self.size[0]}"

    def __next__(self) -> FrameResult:
        result = next(self._inner)
        self.done += 1
        with self.stopwatch("upscale"):
            return resized_result(result, self.size, self.method.overlapping, self._given)

    def close(self) -> None:
        self._inner.close()
        if self._opened is not None:
            self._opened.close()


class ResizedSolver(InteractiveSolver):
    """Solver for a document of one size that works at another.

    Args:
        inner: the solver at its own size, with a document without points.
        document: the document at the frames' size.
        overlapping: whether masks may overlap.
    """

    def __init__(self, inner: InteractiveSolver, document: Document, overlapping: bool) -> None:
        self.document, self._inner, self._overlapping = document, inner, overlapping

    def switch(self, document: Document) -> None:
        self.document = document
        self._inner.switch(moved_document(document, self._inner.document.size))

    def missing(self, frame: int) -> list[int]:
        return self._inner.missing(frame)

    def visits(self, frames: Collection[int] | None) -> list[tuple[int, list[int]]]:
        return self._inner.visits(frames)

    def begin(self) -> None:
        self._inner.begin()

    def prepare(self, frame: int, ids: Sequence[int]) -> Iterator[None]:
        return self._inner.prepare(frame, ids)

    def finish(self, frame: int, ids: Sequence[int], following: Sequence[int] = ()) -> None:
        self._inner.finish(frame, ids, following)

    def result(self, frame: int) -> FrameResult:
        return resized_result(self._inner.result(frame), self.document.size, self._overlapping)

    def points_at(self, frame: int) -> list[SeenPoint]:
        inner = self._inner.document.size
        return [
            replace(
                seen,
                point=self.document.point(seen.point.id),
                xy=moved_points(seen.xy, inner, self.document.size),
            )
            for seen in self._inner.points_at(frame)
        ]


def moved_document(document: Document, size: Size) -> Document:
    """The document for frames of ``size`` (height, width)."""
    points = []
    for point in document.points:
        x, y = _inside(np.array([point.x, point.y], np.float32), document.size, size).tolist()
        points.append(replace(point, x=x, y=y))
    return replace(document, size=size, points=tuple(points))


def moved_queries(queries: QueryPoints, before: Size, after: Size) -> QueryPoints:
    """The queries of frames of one (height, width) for frames of another."""
    if before == after:
        return queries
    return replace(queries, objects=tuple(_moved(query, before, after) for query in queries.objects))


def _moved(query: ObjectQuery, before: Size, after: Size) -> ObjectQuery:
    box = query.box
    return replace(
        query,
        positives=_inside(query.positives, before, after),
        negatives=_inside(query.negatives, before, after),
        box=None if box is None else _inside(box.reshape(2, 2), before, after).reshape(4),
        mask=None if query.mask is None else resized_mask(query.mask, after),
    )


def _inside(points: NDArray[np.float32], before: Size, after: Size) -> NDArray[np.float32]:
    """Points (..., 2) moved to frames of another size, without leaving them by rounding."""
    most = np.array([after[1], after[0]], np.float32) - np.float32(0.5 + _INSIDE)
    return np.asarray(np.clip(moved_points(points, before, after), -0.5, most), np.float32)


def resized_result(
    result: FrameResult,
    size: Size,
    overlapping: bool,
    given: Mapping[tuple[int, int], NDArray[np.bool_]] | None = None,
) -> FrameResult:
    """The result at ``size`` (height, width).

    Logits are resized bilinearly (without antialiasing, as in the reference implementation), and masks follow
    from them.

    Args:
        overlapping: whether masks may overlap.
        given: masks by object id and frame that replace the predicted ones.
    """
    before: Size = result.logits.shape[1:]
    logits = resized_logits(result.logits, size)
    for row, id in enumerate(result.object_ids):
        mask = (given or {}).get((id, result.index))
        if mask is not None:
            logits[row] = np.where(resized_labels(mask, size), GIVEN_LOGIT, -GIVEN_LOGIT)
    masks = logits > 0
    return replace(
        result,
        masks=masks if overlapping else exclusive(masks, logits),
        logits=logits,
        points=moved_points(result.points, before, size),
    )


def resized_logits(logits: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    """Logits (K, H, W) at ``size`` (height, width); objects that are −inf everywhere remain so."""
    resized = np.full((len(logits), *size), -np.inf, np.float32)
    for row, one in enumerate(logits):
        if np.isfinite(one[0, 0]):
            tensor = torch.from_numpy(one)[None, None]
            resized[row] = torch.nn.functional.interpolate(
                tensor, size, mode="bilinear", align_corners=False
            )[0, 0].numpy()
    return resized
