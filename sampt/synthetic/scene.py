"""Synthetic scenes with known ground truth: masks, trajectories and visibility."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import index as as_index
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from sampt._internal.files import replacing
from sampt.errors import OutputError
from sampt.prompts.label_maps import palette_image
from sampt.trackers.base import Trajectories, Visibility, check_queries

from .layout import Look, make_background, make_bodies
from .surfaces import Array, Time


class SyntheticScene:
    """Scene of textured objects that wobble, turn, grow, cross and leave the frame, over a moving background.

    A scene is a source of frames like ``sampt.Video``, with its ground truth. Every frame is a pure function
    of the seed and its number: nothing is stored, each frame costs the same, and a shorter scene of the same
    seed is the start of a longer one. Objects are numbered from 0, and a higher one passes in front of a
    lower one. Motion is in proportion to the frame's size: at 240×426 it is some 3 to 7 px per frame and
    never above 15; with fewer objects it is faster.

    Args:
        frames: length in frames.
        height: height of the frames in pixels, at least 16.
        width: width of the frames in pixels, at least 16.
        objects: number of objects, 0 to 255.
        seed: seed of shapes, colours, textures and motion.
        fps: frames per second, for ``timestamps``.
        speed: factor of all motion; 0 is a still picture.
        rotation: factor of the rotation of the objects and of the background.
        texture: contrast of the textures, 0 (flat colours) to 1.
        occlusion: whether objects cross; if not, each stays in its own part of the frame.
        leaving: whether objects leave the frame and come back (the last of each row of the layout completely,
            or nearly so); if not, every object stays inside entirely.

    Raises:
        ValueError: an argument outside the range given above.
    """

    def __init__(
        self,
        frames: int = 60,
        height: int = 240,
        width: int = 426,
        objects: int = 3,
        seed: int = 0,
        fps: float = 25.0,
        *,
        speed: float = 1.0,
        rotation: float = 1.0,
        texture: float = 1.0,
        occlusion: bool = True,
        leaving: bool = True,
    ) -> None:
        _require(frames >= 1, f"a scene needs at least 1 frame, not {frames}")
        _require(min(height, width) >= 16, f"a scene must be at least 16×16 pixels, not {height}×{width}")
        _require(0 <= objects <= 255, f"a scene has 0 to 255 objects, because masks are 8-bit, not {objects}")
        _require(seed >= 0, f"the seed must not be negative, but is {seed}")
        _require(0 < fps < np.inf, f"fps must be a positive number, not {fps}")
        _require(0 <= speed < np.inf, f"speed must be 0 or more, not {speed}")
        _require(bool(np.isfinite(rotation)), f"rotation must be a finite number, not {rotation}")
        _require(0 <= texture <= 1, f"texture is a contrast from 0 to 1, not {texture}")
        self.fps, self.size, self.objects = float(fps), (height, width), objects
        self.name = f"synthetic-{seed}"
        self._frames, self._speed = frames, speed
        rng = np.random.default_rng([seed, 0])
        hue = float(rng.uniform())
        look = Look(rotation, texture, occlusion, leaving)
        self._background = make_background(height, width, hue, look, rng)
        self._bodies = make_bodies(height, width, objects, hue, look, seed)

    def __repr__(self) -> str:
        height, width = self.size
        return f"<SyntheticScene: {len(self)} frames, {width}×{height}>"

    def __len__(self) -> int:
        return self._frames

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[t] for t in range(len(self)))

    @property
    def timestamps(self) -> NDArray[np.float64]:
        """Time stamps, (T,) float64, in seconds."""
        return np.arange(len(self)) / self.fps

    def __getitem__(self, t: int, /) -> NDArray[np.uint8]:
        """Frame t, (H, W, 3) uint8 RGB.

        Raises:
            IndexError: the scene has no such frame.
        """
        time = self._time(t)
        height, width = self.size
        x, y = np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]
        frame = self._background.texture(*self._background.motion.to_local(time, x, y))
        for body in self._bodies:
            window = body.window(time, self.size)
            if window is None:
                continue
            u, v = body.motion.to_local(time, x[:, window[1]], y[window[0]])
            coverage = np.clip(0.5 - body.distance(time, u, v), 0, 1)[..., None]
            behind = frame[window].astype(np.float32)
            frame[window] = np.rint(behind + coverage * (body.texture(u, v) - behind)).astype(np.uint8)
        return frame

    def label_map(self, t: int) -> NDArray[np.uint8]:
        """Label map of frame t, (H, W) uint8: 0 for the background, k + 1 for object k."""
        time = self._time(t)
        labels = np.zeros(self.size, np.uint8)
        for k, body in enumerate(self._bodies):
            window = body.window(time, self.size)
            if window is None:
                continue
            y, x = (np.arange(s.start, s.stop, dtype=np.float64) for s in window)
            labels[window][body.covers(time, x[None], y[:, None])] = k + 1
        return labels

    def masks(self, t: int) -> NDArray[np.bool_]:
        """The visible part of each object at frame t, (K, H, W) bool; masks never overlap."""
        masks: NDArray[np.bool_] = self.label_map(t) == np.arange(1, self.objects + 1)[:, None, None]
        return masks

    def trajectories(self, queries: ArrayLike, frames: range | None = None) -> Trajectories:
        """Exact trajectories of the surface points at ``queries``, (N, 3) of (t, x, y).

        A query belongs to the foremost object that covers it, else to the background. The result has one
        row for each of ``frames`` (default: all); points are VISIBLE, INVISIBLE (an object in front covers
        them) or OUTSIDE_FRAME (nearest to no pixel of the frame; covered or not).

        Raises:
            ValueError: ``queries`` have another shape or are outside the scene, or it lacks some frames.
        """
        checked = check_queries(queries, self)
        rows = range(len(self)) if frames is None else frames
        _require(
            all(0 <= t < len(self) for t in rows),
            f"frames must lie within 0 to {len(self) - 1}, not {rows}",
        )
        start, x, y = checked.astype(np.float64).T
        outside = np.flatnonzero(~self._inside(x, y)).tolist()
        height, width = self.size
        _require(
            not outside, f"queries {outside} lie outside the frame of {height}×{width} (height×width) pixels"
        )
        owner = self._foremost(start * self._speed, x, y)
        time = np.array(rows, np.float64)[:, None] * self._speed
        xy = np.empty((len(rows), len(checked), 2))
        for label in np.unique(owner):
            mine = owner == label
            motion = self._bodies[label - 1].motion if label else self._background.motion
            local = motion.to_local(start[mine] * self._speed, x[mine], y[mine])
            xy[:, mine] = np.stack(motion.to_image(time, *local), -1)
        covered = self._foremost(time, xy[..., 0], xy[..., 1]) > owner
        inside = self._inside(xy[..., 0], xy[..., 1])
        visibility = np.where(covered, Visibility.INVISIBLE, Visibility.VISIBLE)
        visibility = np.where(inside, visibility, Visibility.OUTSIDE_FRAME).astype(np.int8)
        result = Trajectories(xy.astype(np.float32), visibility)
        at_query = np.array(rows)[:, None] == checked[:, 0]
        result.xy[at_query] = np.broadcast_to(checked[:, 1:], xy.shape)[at_query]
        result.visibility[at_query] = Visibility.VISIBLE
        return result

    def sample_queries(
        self, points_per_object: int, rng: np.random.Generator, frame: int = 0
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Random pixels of every object visible at ``frame``: queries (N, 3) of (t, x, y), objects (N,).

        An object with fewer pixels than ``points_per_object`` repeats some; a hidden one gets none.
        """
        _require(points_per_object >= 1, f"points_per_object must be at least 1, not {points_per_object}")
        queries, owners = [np.empty((0, 3), np.float32)], [np.empty(0, np.int64)]
        for k, mask in enumerate(self.masks(frame)):
            y, x = np.nonzero(mask)
            if len(x):
                chosen = rng.choice(len(x), points_per_object, replace=len(x) < points_per_object)
                t = np.full(points_per_object, frame % len(self))
                queries.append(np.stack([t, x[chosen], y[chosen]], 1).astype(np.float32))
                owners.append(np.full(points_per_object, k))
        return np.concatenate(queries), np.concatenate(owners)

    def _time(self, t: int) -> float:
        t = as_index(t)
        if not -len(self) <= t < len(self):
            raise IndexError(f"the scene has {len(self)} frames, and no frame {t}")
        return (t % len(self)) * self._speed

    def _inside(self, x: Array, y: Array) -> NDArray[np.bool_]:
        height, width = self.size
        return (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)

    def _foremost(self, time: Time, x: Array, y: Array) -> NDArray[np.int64]:
        """Label, as in ``label_map``, of the front object at each point, inside the frame or not."""
        labels = np.zeros(np.broadcast_shapes(np.shape(time), x.shape), np.int64)
        for k, body in enumerate(self._bodies):
            labels[body.covers(time, x, y)] = k + 1
        return labels


def write_frames(scene: SyntheticScene, folder: str | Path) -> list[Path]:
    """Write each frame as a PNG, ``00000.png`` and so on, to ``folder``, which is created if missing.

    Raises:
        OutputError: ``folder`` cannot be written.
    """
    return _write(folder, len(scene), lambda t: Image.fromarray(scene[t]))


def write_masks(scene: SyntheticScene, folder: str | Path) -> list[Path]:
    """Write each frame's label map as a palette PNG in DAVIS's colours, named as by ``write_frames``.

    Raises:
        OutputError: ``folder`` cannot be written.
    """
    return _write(folder, len(scene), lambda t: palette_image(scene.label_map(t)))


def _write(folder: str | Path, frames: int, picture: Callable[[int], Image.Image]) -> list[Path]:
    folder = Path(folder)
    paths = [folder / f"{t:05d}.png" for t in range(frames)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for t, path in enumerate(paths):
            with replacing(path) as unfinished:
                picture(t).save(unfinished, format="PNG", compress_level=3)
    except OSError as error:
        raise OutputError(
            f"cannot write to {folder} ({error.strerror or error}); choose a writable folder"
        ) from error
    return paths


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)
