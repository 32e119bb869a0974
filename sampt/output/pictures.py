"""Pictures made from frames and masks: cutouts, mattes, and objects before another background."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt._internal.files import make_folder, replacing
from sampt.methods.results import FrameResult
from sampt.video.sound import Sound
from sampt.video.writer import VideoWriter

from .drawing import Colour
from .frame_writer import FrameWriter, RunFacts, stem

Compose = Callable[[NDArray[np.uint8], NDArray[np.bool_]], NDArray[np.uint8]]
"""Makes a picture from a frame, (H, W, 3) uint8 RGB, and a mask, (H, W) bool."""


class PictureWriter(FrameWriter):
    """Writer of one picture per frame: a PNG in a folder, or a frame of a video.

    Args:
        path: a video file, if ``video``, else a folder, which is created, without earlier pictures.
        compose: makes the pictures, (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA.
        facts: about the run.
        id: object whose mask is used; None for all objects together.
        video: whether to write a video.
        alpha: whether the pictures are RGBA.
        sound: sound for the video, or None.

    Raises:
        OutputError: the folder or the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        compose: Compose,
        facts: RunFacts,
        *,
        id: int | None = None,
        video: bool,
        alpha: bool = False,
        sound: Sound | None = None,
    ) -> None:
        self.path, self._compose, self._id = path, compose, id
        self._video: VideoWriter | None = None
        if video:
            aspect = facts.pixel_aspect
            self._video = VideoWriter(path, facts.fps, facts.size, aspect, sound=sound, alpha=alpha)
            return
        make_folder(path)
        for old in path.glob("*.png"):
            old.unlink()

    def write(self, frame: NDArray[np.uint8], result: FrameResult, timestamp: float | None = None) -> None:
        mask = np.any(result.masks, axis=0) if self._id is None else result[self._id].mask
        picture = self._compose(frame, mask)
        if self._video:
            rgb = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
            self._video.write(rgb, timestamp)
        else:
            with replacing(self.path / f"{stem(result)}.png") as temporary:
                Image.fromarray(picture).save(temporary, format="PNG", compress_level=3)

    def close(self) -> None:
        """Complete the video.

        Raises:
            OutputError: it cannot be written.
        """
        if self._video:
            self._video.close()


def cutout(frame: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The objects on transparency, (H, W, 4) uint8 RGBA, not premultiplied.

    Colours are kept for a few pixels around the objects, so that softer edges show the scene instead of a
    black fringe, and are black elsewhere.
    """
    margin = max(4, round(max(mask.shape) / 150))
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (2 * margin + 1, 2 * margin + 1))
    shape = np.ascontiguousarray(mask).view(np.uint8)
    colours = np.where(cv2.dilate(shape, kernel)[..., None] > 0, frame, np.uint8(0))
    return np.dstack([colours, shape * np.uint8(255)])


def matte(frame: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The mask in white on black, (H, W) uint8."""
    return np.ascontiguousarray(mask).view(np.uint8) * np.uint8(255)


def before_colour(colour: Colour) -> Compose:
    """Makes pictures of the objects before one RGB colour."""

    def compose(frame: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
        return _blended(np.full_like(frame, colour), frame, mask)

    return compose


def before_blur(frame: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The objects before their own background, blurred, (H, W, 3) uint8 RGB."""
    height, width = mask.shape
    step = max(1, round(max(mask.shape) / 480))
    small = (max(1, width // step), max(1, height // step))
    # The objects' own colours are left out of the blur, which would otherwise surround them with a glow.
    around = cv2.resize(1.001 - mask.astype(np.float32), small, interpolation=cv2.INTER_AREA)[..., None]
    scene = np.asarray(cv2.resize(frame, small, interpolation=cv2.INTER_AREA), np.float32)
    sigma = max(small) / 50
    weights = cv2.GaussianBlur(around, (0, 0), sigma)[..., None]
    colours = np.asarray(cv2.GaussianBlur(scene * around, (0, 0), sigma) / weights, np.float32)
    blurred = cv2.resize(colours, (width, height), interpolation=cv2.INTER_LINEAR)
    return _blended(blurred.clip(0, 255).astype(np.uint8), frame, mask)


def _blended(
    behind: NDArray[np.uint8], frame: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """``frame`` where the mask is, ``behind`` elsewhere, with edges about one pixel soft."""
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.6, max(mask.shape) / 1500))[..., None]
    return np.asarray(np.rint(behind + soft * (frame.astype(np.float32) - behind)), np.uint8)
