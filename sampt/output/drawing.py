"""Drawing of results: colours of objects, tinted masks, outlines, and names."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]

# Red is left out: it is the colour of invisible points.
COLOURS: tuple[Colour, ...] = (
    *((31, 119, 255), (255, 159, 28), (46, 196, 182), (177, 92, 255), (155, 229, 100)),
    *((255, 112, 200), (244, 224, 77), (127, 212, 255), (176, 137, 104)),
)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def colour(k: int) -> Colour:
    """RGB colour of the ``k``-th object."""
    return COLOURS[k % len(COLOURS)]


def colour_table() -> NDArray[np.uint8]:
    """Table of colours, (256, 3) uint8 RGB: black, then the colours of objects 0 to 254."""
    return np.array([BLACK, *map(colour, range(255))], np.uint8)


def stacked(masks: NDArray[np.bool_], labels: Sequence[int]) -> NDArray[np.uint8]:
    """Label map, (H, W) uint8, of masks (K, H, W), with smaller masks on top of larger ones."""
    together = np.zeros(masks.shape[1:], np.uint8)
    areas = [cv2.countNonZero(mask.view(np.uint8)) for mask in masks]
    for k in np.argsort(areas, kind="stable")[::-1]:
        np.putmask(together, masks[k], labels[k])
    return together


def tinted(
    frame: NDArray[np.uint8], labels: NDArray[np.uint8], table: NDArray[np.uint8], opacity: float
) -> NDArray[np.uint8]:
    """A copy of ``frame``, tinted with the colours of labels.

    Args:
        frame: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8; where they are 0, the frame is left unchanged.
        table: (256, 3) uint8 RGB, the colours of the labels.
        opacity: opacity of the colours, 0 to 1.
    """
    colours = np.asarray(cv2.LUT(cv2.merge([labels] * 3), table[None]), np.uint8)
    cv2.copyTo(frame, (labels == 0).view(np.uint8), colours)
    return np.asarray(cv2.addWeighted(frame, 1 - opacity, colours, opacity, 0), np.uint8)


def outline(scene: NDArray[np.uint8], mask: NDArray[np.bool_], ink: Colour, thickness: int) -> None:
    """Draw the border of a mask, (H, W) bool, into ``scene``."""
    shape = np.ascontiguousarray(mask).view(np.uint8)
    borders, _ = cv2.findContours(shape, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(scene, borders, -1, ink, thickness, cv2.LINE_AA)


def disc(scene: NDArray[np.uint8], centre: tuple[int, int], radius: int, ink: Colour) -> None:
    """Draw a disc with a white rim, or without one if it would be nothing but rim."""
    cv2.circle(scene, centre, radius, ink, -1, cv2.LINE_AA)
    if radius > 2:
        cv2.circle(scene, centre, radius, WHITE, 1, cv2.LINE_AA)


def write_names(
    scene: NDArray[np.uint8], boxes: NDArray[np.float64], names: Sequence[str], inks: Sequence[Colour]
) -> None:
    """Write names in small boxes of the objects' colours, at the top of their objects.

    They stay inside the frame, and move down if they would cover each other.

    Args:
        scene: (H, W, 3) uint8 RGB, drawn into.
        boxes: (K, 4) of x0, y0, x1, y1 in pixels, the box of each named object.
        names: K names.
        inks: K RGB colours.
    """
    height, width = scene.shape[:2]
    scale = 0.45 * max(1.0, max(height, width) / 1000)
    stroke, padding = max(1, round(1.6 * scale)), max(3, round(9 * scale))
    taken: list[tuple[int, int, int, int]] = []
    for k in np.argsort(boxes[:, 1], kind="stable").tolist():
        (text_width, ascent), descent = cv2.getTextSize(names[k], _FONT, scale, stroke)
        w, h = text_width + 2 * padding, ascent + descent + padding
        x = round(max(0.0, min((boxes[k, 0] + boxes[k, 2] - w) / 2, width - w)))
        y = _free_row(x, max(0, round(boxes[k, 1]) - h), w, h, taken)
        y = max(0, min(y, height - h))
        taken.append((x, y, x + w, y + h))
        cv2.rectangle(scene, (x, y), (x + w - 1, y + h - 1), inks[k], -1)
        place = (x + padding, y + padding // 2 + ascent)
        cv2.putText(scene, names[k], place, _FONT, scale, BLACK, stroke, cv2.LINE_AA)


def _free_row(x: int, y: int, w: int, h: int, taken: Sequence[tuple[int, int, int, int]]) -> int:
    """First row from ``y`` on in which a box of this size covers none of the boxes that are already drawn."""
    for left, top, right, bottom in sorted(taken, key=lambda box: box[1]):
        if left < x + w and x < right and top < y + h and y < bottom:
            y = bottom
    return y
