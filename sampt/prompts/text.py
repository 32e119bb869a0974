"""Parsers of ``--point``, ``--box`` and ``--span`` values, and of SAM-PT's text format."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from sampt.errors import PromptError

_OPTION = re.compile(r"(?P<object>[0-9]{1,9}):(?P<frame>[0-9]{1,9}):(?P<numbers>[^:]+)(:(?P<sign>[+-]))?")
_SPAN = re.compile(r"([0-9]{1,9}):([0-9]{1,9})-([0-9]{1,9})")


def parse_point_option(text: str) -> tuple[int, int, NDArray[np.float32], str]:
    """Object id, query frame, (2,) float32 of x, y and sign of ``OBJ:T:X,Y[:+|:-]``, by default ``+``."""
    match = _OPTION.fullmatch(text)
    xy = _numbers(match["numbers"], 2) if match else None
    if match is None or xy is None:
        raise PromptError(
            f"--point {text}: expected OBJ:T:X,Y with :+ (on the object) or :- (off it) after it, "
            "for example 1:0:320,240:+"
        )
    return int(match["object"]), int(match["frame"]), xy, match["sign"] or "+"


def parse_box_option(text: str) -> tuple[int, int, NDArray[np.float32]]:
    """Object id, query frame and (4,) float32 of x0, y0, x1, y1 of ``OBJ:T:X0,Y0,X1,Y1``."""
    match = _OPTION.fullmatch(text)
    box = _numbers(match["numbers"], 4) if match else None
    if match is None or box is None or match["sign"]:
        raise PromptError(f"--box {text}: expected OBJ:T:X0,Y0,X1,Y1, for example 1:0:200,100,440,380")
    return int(match["object"]), int(match["frame"]), box


def parse_span_option(text: str) -> tuple[int, tuple[int, int]]:
    """Object id, and first and last frame, of ``OBJ:FIRST-LAST``."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise PromptError(f"--span {text}: expected OBJ:FIRST-LAST, for example 1:120-400")
    id, first, last = map(int, match.groups())
    return id, (first, last)


def parse_text_format(text: str, source: str) -> list[tuple[int, NDArray[np.float32], NDArray[np.float32]]]:
    """Query frame, positives (P, 2) and negatives (N, 2) of each object of SAM-PT's text format.

    The first line is the number of positives of every object; then each line is an object,
    ``frame;x,y x,y …``, the positives first.

    Raises:
        PromptError: a line is malformed; the message gives its number in ``source``.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise PromptError(f"{source} is empty; give points as JSON or in SAM-PT's text format")
    first, count = lines[0]
    if not re.fullmatch("[0-9]{1,6}", count):
        raise PromptError(
            f"{source}, line {first}: expected JSON, or the number of positive points with which SAM-PT's "
            f"text format begins, not {count[:40]!r}"
        )
    return [_parse_object(line, int(count), f"{source}, line {number}") for number, line in lines[1:]]


def _parse_object(
    line: str, positives: int, where: str
) -> tuple[int, NDArray[np.float32], NDArray[np.float32]]:
    frame, separator, rest = line.partition(";")
    if not separator or not re.fullmatch("[0-9]{1,9}", frame.strip()):
        raise PromptError(f"{where}: expected 'frame;x,y x,y …' with a whole frame number, not {line[:40]!r}")
    points = np.zeros((0, 2), np.float32)
    for word in rest.split():
        xy = _numbers(word, 2)
        if xy is None:
            raise PromptError(f"{where}: {word!r} is not a point; write it as x,y in pixels")
        points = np.vstack([points, xy])
    if len(points) < positives:
        raise PromptError(
            f"{where}: {len(points)} points, but the first line promises {positives} positive ones"
        )
    return int(frame), points[:positives], points[positives:]


def _numbers(text: str, count: int) -> NDArray[np.float32] | None:
    """``count`` finite numbers with commas between them, or None."""
    try:
        values = np.array([float(part) for part in text.split(",")])
    except ValueError:
        return None
    return values.astype(np.float32) if len(values) == count and (np.abs(values) < 1e9).all() else None
