"""Frames for the page: a JPEG with masks, and the points that the page draws itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt.interactive.session import SeenPoint
from sampt.methods.results import FrameResult
from sampt.output.drawing import colour, colour_table, outline, stacked, tinted
from sampt.trackers.base import Visibility

LONGEST_SIDE = 1600
"""Longest side of a shown frame in pixels; points are still in pixels of the original frame."""

_OPACITY = 0.45


def colour_of(object_id: int) -> tuple[int, int, int]:
    """RGB colour of an object, which it keeps when others are removed."""
    return colour(object_id - 1)


def painted(frame: NDArray[np.uint8], result: FrameResult) -> NDArray[np.uint8]:
    """A copy of ``frame``, (H, W, 3) uint8 RGB, with the masks painted and outlined."""
    picture = tinted(frame, stacked(result.masks, result.object_ids), colour_table(), _OPACITY)
    thickness = max(1, round(max(frame.shape[:2]) / 500))
    for object_id, mask in zip(result.object_ids, result.masks, strict=True):
        outline(picture, mask, colour_of(object_id), thickness)
    return picture


def data_url(picture: NDArray[np.uint8]) -> str:
    """Data URL of ``picture`` as a JPEG of at most ``LONGEST_SIDE``."""
    height, width = picture.shape[:2]
    scale = LONGEST_SIDE / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def drawable(points: Iterable[SeenPoint], frame: int) -> list[dict[str, Any]]:
    """Points as plain values; those with ``given`` were set in this frame, the others were tracked to it."""
    return [
        {
            "id": seen.point.id,
            "object": seen.point.object_id,
            "x": float(seen.xy[0]),
            "y": float(seen.xy[1]),
            "positive": seen.point.positive,
            "visible": seen.visibility == Visibility.VISIBLE,
            "given": seen.point.frame == frame,
        }
        for seen in points
        if np.isfinite(seen.xy).all()
    ]
