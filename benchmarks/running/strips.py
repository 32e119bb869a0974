"""Predicted masks over frames, as strips of a few frames for a page and as videos."""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt.errors import EvaluationError
from sampt.output.drawing import colour, colour_table, outline, tinted
from sampt.prompts.label_maps import read_label_map
from sampt.video.writer import VideoWriter

from ..datasets.base import VosSequence


@dataclass(frozen=True)
class StripFrame:
    """One frame with its masks.

    Attributes:
        name: name of the frame without suffix.
        given: whether a mask of this frame was given to the method.
        jpeg: the picture.
    """

    name: str
    given: bool
    jpeg: bytes


def overlay_strip(
    sequence: VosSequence, masks: Path, count: int = 5, longest: int = 480
) -> tuple[StripFrame, ...]:
    """Evenly spaced saved frames of a sequence, including the first and the last, with predicted masks.

    Args:
        sequence: the sequence.
        masks: the sequence's results folder.
        count: number of frames; fewer if fewer were saved.
        longest: longest side of the pictures in pixels; smaller frames are not enlarged.

    Raises:
        EvaluationError: a mask is missing, or does not have the size of its frame.
        PromptError: a mask cannot be read.
        VideoError: a frame cannot be read.
    """
    chosen = np.linspace(0, len(sequence.saved) - 1, min(count, len(sequence.saved))).round().astype(int)
    positions = [sequence.saved[i] for i in chosen]
    return tuple(
        StripFrame(
            sequence.frames[position].stem,
            position in sequence.appearances.values(),
            _jpeg(_overlay(sequence, masks, position, longest)),
        )
        for position in positions
    )


def overlay_video(
    sequence: VosSequence, masks: Path, path: Path, fps: float = 12.0, longest: int = 854
) -> None:
    """Write all saved frames with their masks to an MP4 file; other errors as in ``overlay_strip``.

    Raises:
        OutputError: the file cannot be written.
    """
    frames = (_overlay(sequence, masks, position, longest) for position in sequence.saved)
    first = next(frames)
    with VideoWriter(path, fps, (first.shape[0], first.shape[1])) as writer:
        for frame in chain([first], frames):
            writer.write(frame)


def _overlay(sequence: VosSequence, masks: Path, position: int, longest: int) -> NDArray[np.uint8]:
    """One frame with its masks in the objects' colours, (H, W, 3) uint8 RGB, shrunk to ``longest``."""
    frame = sequence.resized(sequence.size)[position]
    path = masks / f"{sequence.frames[position].stem}.png"
    if not path.is_file():
        raise EvaluationError(f"the result {path} is missing; run the sequence {sequence.name} again")
    labels = read_label_map(path)
    if labels.shape != frame.shape[:2]:
        ours, wanted = (f"{width}x{height}" for height, width in (labels.shape, frame.shape[:2]))
        raise EvaluationError(
            f"{path} is {ours}, but its frame is {wanted} pixels; run the sequence {sequence.name} again"
        )
    shrink = min(1.0, longest / max(labels.shape))
    size = round(labels.shape[1] * shrink), round(labels.shape[0] * shrink)
    scene = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
    small = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    objects = np.array(sorted(sequence.appearances), np.uint8)
    numbers = np.zeros(256, np.uint8)  # each label's colour; a label without an object shows the frame
    numbers[objects] = np.arange(1, len(objects) + 1)
    scene = tinted(scene, numbers[small], colour_table(), 0.5)
    for k, label in enumerate(objects):
        outline(scene, small == label, colour(k), 1)
    return scene


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=82, optimize=True)
    return buffer.getvalue()
