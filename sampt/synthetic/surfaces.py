"""Textured surfaces of synthetic scenes, which move by exactly invertible maps."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]
Time: TypeAlias = float | NDArray[np.floating[Any]]

WAVE_NUMBER = 2.2
"""Radians of the bending waves per local unit: about half a wave across an object."""

_ANGLES = 8192
"""Number of directions in an outline's table of radii, which defines the outline."""


@dataclass(frozen=True)
class Wave:
    """Motion of one parameter of a pose: ``mean + drift·t + amplitude·sin(rate·t + phase)``."""

    mean: float
    amplitude: float = 0.0
    rate: float = 0.0
    phase: float = 0.0
    drift: float = 0.0

    def __call__(self, t: Time) -> NDArray[np.float64]:
        return np.asarray(self.mean + self.drift * t + self.amplitude * np.sin(self.rate * t + self.phase))

    @property
    def highest(self) -> float:
        """Largest value (without drift)."""
        return self.mean + abs(self.amplitude)


@dataclass(frozen=True)
class Motion:
    """Map from a surface's local coordinates to the image at any time, and back.

    A local point (u, v) is bent by two shears, ``u += bend·sin(k·v + a(t))`` and then
    ``v += bend·sin(k·u + b(t))``, each undone exactly by its own subtraction; then it is rotated, scaled to
    pixels and shifted. Times and coordinates may be arrays and broadcast against each other; results have the
    floating type of the coordinates, while the pose itself is always computed in float64.
    """

    x: Wave
    y: Wave
    scale: Wave
    angle: Wave
    bend: float = 0.0
    bend_u: Wave = Wave(0.0)
    bend_v: Wave = Wave(0.0)

    def to_image(self, t: Time, u: Array, v: Array) -> tuple[Array, Array]:
        """Image position in pixels of the local point (u, v) at time t."""
        if self.bend:
            u = u + self.bend * np.sin(WAVE_NUMBER * v + _turn(self.bend_u(t)).astype(v.dtype))
            v = v + self.bend * np.sin(WAVE_NUMBER * u + _turn(self.bend_v(t)).astype(v.dtype))
        cos, sin = self._rotation(t, self.scale(t), u)
        return (
            self.x(t).astype(u.dtype) + cos * u - sin * v,
            self.y(t).astype(u.dtype) + sin * u + cos * v,
        )

    def to_local(self, t: Time, x: Array, y: Array) -> tuple[Array, Array]:
        """Local point that is at (x, y) at time t: the inverse of ``to_image``."""
        cos, sin = self._rotation(t, 1 / self.scale(t), x)
        dx, dy = x - self.x(t).astype(x.dtype), y - self.y(t).astype(x.dtype)
        u, v = cos * dx + sin * dy, cos * dy - sin * dx
        if self.bend:
            v = v - self.bend * np.sin(WAVE_NUMBER * u + _turn(self.bend_v(t)).astype(v.dtype))
            u = u - self.bend * np.sin(WAVE_NUMBER * v + _turn(self.bend_u(t)).astype(v.dtype))
        return u, v

    def _rotation(self, t: Time, scale: NDArray[np.float64], like: Array) -> tuple[Array, Array]:
        angle = self.angle(t)
        return (scale * np.cos(angle)).astype(like.dtype), (scale * np.sin(angle)).astype(like.dtype)


class Outline:
    """Closed curve around the local origin, given by its radius in every direction (area π)."""

    KINDS = ("blob", "star", "polygon", "ellipse")

    def __init__(self, kind: str, rng: np.random.Generator) -> None:
        phi = np.linspace(-np.pi, np.pi, _ANGLES, endpoint=False)
        radius = _radii(kind, phi, rng)
        radius /= np.sqrt(np.mean(radius**2))
        slope = (np.roll(radius, -1) - np.roll(radius, 1)) / (4 * np.pi / _ANGLES)
        self.reach = float(radius.max())
        self._radius = radius.astype(np.float32)
        self._steepness = (1 / np.hypot(1, slope / radius)).astype(np.float32)

    def distance(self, u: Array, v: Array) -> Array:
        """Signed distance to the curve in local units, negative inside; first-order exact near the curve."""
        direction = np.arctan2(v, u)
        index = ((direction + np.pi) * (_ANGLES / (2 * np.pi))).astype(np.int32) % _ANGLES
        distance: Array = (np.hypot(u, v) - self._radius[index]) * self._steepness[index]
        return distance


@dataclass(frozen=True)
class Texture:
    """Picture, (h, w, 3) uint8 RGB, around the local origin, with ``density`` texels per local unit."""

    image: NDArray[np.uint8]
    density: float

    def __call__(self, u: Array, v: Array) -> NDArray[np.uint8]:
        """Colours at local points, 2-D arrays of one shape; bilinear, and mirrored beyond the picture."""
        height, width = self.image.shape[:2]
        columns = (u * self.density + (width - 1) / 2).astype(np.float32)
        rows = (v * self.density + (height - 1) / 2).astype(np.float32)
        found = cv2.remap(self.image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        return found.astype(np.uint8, copy=False)


def object_texture(
    outline: Outline, style: int, hue: float, density: float, contrast: float, rng: np.random.Generator
) -> Texture:
    """Texture of marble, spots or clouds in shades of one hue, with shading and a dark rim."""
    half = int(np.ceil(density * (outline.reach + 0.1))) + 2
    v, u = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32) / density
    coarse, fine = _fractal(rng, u.shape, half / 2), _fractal(rng, u.shape, half / 6)
    if style % 3 == 0:
        along = u * np.cos(hue * 40) + v * np.sin(hue * 40)
        field = 0.5 + 0.5 * np.sin(7.0 * along + 1.6 * coarse)
    elif style % 3 == 1:
        field = 1 / (1 + np.exp(-5.0 * (coarse - 0.2)))
    else:
        field = 1 / (1 + np.exp(-1.5 * coarse))
    shades = [(hue - 0.03, 0.92, 0.50), (hue, 0.85, 0.88), (hue + 0.07, 0.42, 1.0)]
    picture = _paint(field, shades) * (1 + 0.10 * fine)[..., None]
    distance = outline.distance(u, v)
    light = 1.06 - 0.18 * np.hypot(u + 0.35, v + 0.45) ** 2
    rim = np.clip(1 + distance / 0.10, 0, 1) ** 2
    picture *= (light * (1 - 0.5 * rim))[..., None]
    return Texture(_with_contrast(picture, contrast, distance < 0), density)


def background_texture(
    height: int, width: int, density: float, contrast: float, hue: float, rng: np.random.Generator
) -> Texture:
    """Texture of muted clouds, (height, width) texels, so that the saturated objects stand out."""
    shape, span = (height, width), min(height, width)
    coarse, fine = _fractal(rng, shape, span / 3, 0.5), _fractal(rng, shape, 12.0)
    shades = [(hue, 0.55, 0.20), (hue + 0.04, 0.38, 0.42), (hue + 0.09, 0.22, 0.62), (hue + 0.14, 0.12, 0.80)]
    contours = np.sin(5.0 * _fractal(rng, shape, span / 2, 0.4))
    picture = _paint(1 / (1 + np.exp(-1.5 * coarse - 0.35 * contours)), shades)
    picture *= (1 + 0.08 * fine)[..., None]
    return Texture(_with_contrast(picture, contrast, np.ones((height, width), bool)), density)


def _turn(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same angle in [0, 2π), so that nothing is lost when it becomes a float32."""
    return np.mod(angle, 2 * np.pi)


def _radii(kind: str, phi: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    if kind == "ellipse":
        ratio = rng.uniform(0.62, 0.78)
        return np.asarray(1 / np.hypot(np.cos(phi), np.sin(phi) / ratio))
    if kind == "star":
        return np.asarray(1 + rng.uniform(0.16, 0.22) * np.cos(rng.integers(5, 7) * phi))
    if kind == "polygon":
        sector = 2 * np.pi / rng.integers(3, 6)
        corners = np.cos(sector / 2) / np.cos(np.mod(phi, sector) - sector / 2)
        frequencies = np.fft.rfftfreq(_ANGLES, 1 / _ANGLES)
        rounded = np.fft.irfft(np.fft.rfft(corners) * np.exp(-0.5 * (frequencies * 0.14) ** 2), _ANGLES)
        return np.asarray(rounded)
    harmonics = np.arange(2, 6)
    sizes, phases = rng.uniform(0.4, 1.0, 4) * 0.26 / harmonics, rng.uniform(0, 2 * np.pi, 4)
    return np.asarray(1 + (sizes * np.cos(harmonics * phi[:, None] + phases)).sum(1))


def _fractal(
    rng: np.random.Generator, shape: tuple[int, ...], cell: float, persistence: float = 0.62
) -> NDArray[np.float32]:
    """Smooth noise of unit deviation: octaves from ``cell`` pixels to 3, each weaker by ``persistence``."""
    height, width = shape
    total, weight = np.zeros((height, width), np.float32), 1.0
    cell = max(cell, 3.0)
    while cell >= 3.0:
        rows, columns = int(np.ceil(height / cell)) + 3, int(np.ceil(width / cell)) + 3
        grid = rng.standard_normal((rows, columns), np.float32)
        shift_y, shift_x = (int(s) for s in rng.integers(0, int(cell), 2))
        grown = cv2.resize(grid, None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC)
        total += weight * grown[shift_y : shift_y + height, shift_x : shift_x + width]
        cell, weight = cell / 2, weight * persistence
    return np.asarray((total - total.mean()) / max(float(total.std()), 1e-6), np.float32)


def _paint(field: Array, shades: list[tuple[float, float, float]]) -> NDArray[np.float32]:
    """Colours of a field of 0…1, interpolated through ``shades``, (hue, saturation, value) each."""
    colours = np.array([colorsys.hsv_to_rgb(hue % 1, s, value) for hue, s, value in shades]) * 255
    stops = np.linspace(0, 1, len(shades))
    return np.stack([np.interp(field, stops, colours[:, c]) for c in range(3)], -1).astype(np.float32)


def _with_contrast(
    picture: NDArray[np.float32], contrast: float, where: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    mean = picture[where].mean(0)
    faded: NDArray[np.float32] = mean + contrast * (picture - mean)
    return np.clip(np.rint(faded), 0, 255).astype(np.uint8)
