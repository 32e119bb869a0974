"""Layout and motion of the objects of a synthetic scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .surfaces import Array, Motion, Outline, Texture, Time, Wave, background_texture, object_texture


@dataclass(frozen=True)
class Background:
    """Textured plane that pans, turns and zooms a little."""

    motion: Motion
    texture: Texture


@dataclass(frozen=True)
class Body:
    """Textured object: the part of a plane within its outline."""

    motion: Motion
    outline: Outline
    texture: Texture

    def distance(self, time: float, u: Array, v: Array) -> Array:
        """Signed distance in pixels from local points to the outline, negative inside."""
        distance: Array = self.outline.distance(u, v) * self.motion.scale(time).astype(u.dtype)
        return distance

    def covers(self, time: Time, x: Array, y: Array) -> NDArray[np.bool_]:
        """Whether image points are on the object: a pixel centred there is at least half covered."""
        return self.outline.distance(*self.motion.to_local(time, x, y)) <= 0

    def window(self, time: float, size: tuple[int, int]) -> tuple[slice, slice] | None:
        """Rows and columns of a frame of ``size`` that the object can touch, or None."""
        reach = _reach(self.motion.scale.highest, self.outline) + 1
        x, y = float(self.motion.x(time)), float(self.motion.y(time))
        rows = slice(max(0, int(y - reach)), min(size[0], int(y + reach) + 2))
        columns = slice(max(0, int(x - reach)), min(size[1], int(x + reach) + 2))
        return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


@dataclass(frozen=True)
class Look:
    """Options of ``SyntheticScene`` that its parts need; ``contrast`` is its ``texture``."""

    rotation: float
    contrast: float
    occlusion: bool
    leaving: bool


@dataclass(frozen=True)
class _Cell:
    """Part of the frame for one object, in pixels: centre, width and height, and its place in its row."""

    x: float
    y: float
    width: float
    height: float
    column: int
    last: bool


_BEND = 0.09
"""Amplitude of the bending waves, in local units (an object's mean radius)."""

_GOLDEN = (5**0.5 - 1) / 2


def make_background(height: int, width: int, hue: float, look: Look, rng: np.random.Generator) -> Background:
    """Background that extends a fifth beyond the frame on all sides, and is mirrored beyond that."""
    unit = min(height, width) / 2
    phase = rng.uniform(0, 2 * np.pi, 4)
    motion = Motion(
        x=Wave((width - 1) / 2, 0.06 * width, 2 * np.pi / 170, phase[0]),
        y=Wave((height - 1) / 2, 0.05 * height, 2 * np.pi / 130, phase[1]),
        scale=Wave(unit, 0.06 * unit, 2 * np.pi / 210, phase[2]),
        angle=Wave(0.0, 0.04 * look.rotation, 2 * np.pi / 190, phase[3]),
    )
    texture = background_texture(int(1.4 * height), int(1.4 * width), unit, look.contrast, hue, rng)
    return Background(motion, texture)


def make_bodies(height: int, width: int, objects: int, hue: float, look: Look, seed: int) -> list[Body]:
    """The objects, farthest first, with hues as far apart as a golden-ratio walk makes them."""
    bodies = []
    for k, cell in enumerate(_layout(height, width, objects)):
        rng = np.random.default_rng([seed, k + 1])
        outline = Outline(Outline.KINDS[(seed + k) % len(Outline.KINDS)], rng)
        radius = min(
            (0.34 if look.occlusion else 0.26) * min(cell.width, cell.height), 0.25 * min(height, width)
        )
        radius *= rng.uniform(0.88, 1.08)
        scale = Wave(radius, 0.1 * radius, *_swing(rng, 90))
        angle = Wave(
            rng.uniform(0, 2 * np.pi) if look.rotation else 0.0,
            0.25 * look.rotation,
            *_swing(rng, 70),
            drift=0.012 * look.rotation * rng.choice([-1, 1]),
        )
        x, y = _path(cell, (height, width), _reach(scale.highest, outline), radius, look, rng)
        waves = [Wave(0.0, drift=_swing(rng, 36)[0]) for _ in range(2)]
        motion = Motion(x, y, scale, angle, _BEND, *waves)
        shade = hue + 0.2 + k * _GOLDEN
        bodies.append(
            Body(motion, outline, object_texture(outline, seed + k, shade, 1.1 * radius, look.contrast, rng))
        )
    return bodies


def _layout(height: int, width: int, objects: int) -> list[_Cell]:
    """Cells in rows that fill the frame, each about as wide as high."""
    if not objects:
        return []
    rows = min(objects, max(1, round((objects * height / width) ** 0.5)))
    cells = []
    for row, members in enumerate(np.array_split(np.arange(objects), rows)):
        n, cell_height = len(members), height / rows
        for column in range(n):
            centre_x, centre_y = (column + 0.5) * width / n - 0.5, (row + 0.5) * cell_height - 0.5
            cells.append(_Cell(centre_x, centre_y, width / n, cell_height, column, column == n - 1))
    return cells


def _path(
    cell: _Cell, size: tuple[int, int], reach: float, radius: float, look: Look, rng: np.random.Generator
) -> tuple[Wave, Wave]:
    """Motion of the centre: back and forth in both directions, opposite for neighbours in a row."""
    height, width = size
    room_x, room_y = max(0.0, cell.width / 2 - reach), max(0.0, cell.height / 2 - reach)
    if look.occlusion:
        room_x, room_y = min(0.44 * cell.width, 0.22 * width), 0.17 * cell.height
    left, right, top, bottom = cell.x - room_x, cell.x + room_x, cell.y - room_y, cell.y + room_y
    phase = np.pi * (cell.column % 2)
    if look.leaving and cell.last:
        # From well inside to outside: it starts on its way out, and is back after about 60 frames.
        inner = cell.x - (0.15 * cell.width if look.occlusion else 0.0)
        left, right, phase = max(inner, width - 2.5 * radius), width + 1.15 * radius, -np.pi / 3
    if not look.leaving:
        left, right = max(left, reach), min(right, width - 1 - reach)
        top, bottom = max(top, reach), min(bottom, height - 1 - reach)
    rate, jitter = 2 * np.pi / rng.uniform(68, 76), rng.uniform(-0.25, 0.25)
    x = Wave((left + right) / 2, (right - left) / 2, rate, phase + jitter)
    return x, Wave((top + bottom) / 2, (bottom - top) / 2, *_swing(rng, 84))


def _reach(scale: float, outline: Outline) -> float:
    """Maximum distance of any part of an object from its centre, in pixels."""
    return scale * (outline.reach + 2**0.5 * _BEND)


def _swing(rng: np.random.Generator, period: float) -> tuple[float, float]:
    """Rate and phase of an oscillation of about ``period`` frames."""
    return 2 * np.pi / (period * rng.uniform(0.85, 1.15)), rng.uniform(0, 2 * np.pi)
