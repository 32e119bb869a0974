"""A clip of two boxes as label maps, right or wrong."""

from pathlib import Path

import numpy as np
from PIL import Image

SHAPE = (40, 60)
FRAMES = 6


def labels(frame: int, offset: int = 0) -> np.ndarray:
    """Two boxes, objects 1 and 2, that move right; ``offset`` shifts them down."""
    array = np.zeros(SHAPE, np.uint8)
    array[5 + offset : 17 + offset, 4 + 2 * frame : 16 + 2 * frame] = 1
    array[22 + offset : 32 + offset, 30 - frame : 44 - frame] = 2
    return array


def save(path: Path, array: np.ndarray, mode: str = "P") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    if mode == "P":
        image.putpalette([level for level in range(256) for _ in range(3)])
    image.convert(mode).save(path) if mode == "1" else image.save(path)


def save_clip(folder: Path, offset: int = 0, frames: range = range(FRAMES)) -> Path:
    for t in frames:
        save(folder / f"{t:05d}.png", labels(t, offset))
    return folder


def save_binary_clip(folder: Path, white: int, offset: int = 0, mode: str = "L") -> Path:
    """Object 1 alone, as ``white``."""
    for t in range(FRAMES):
        save(folder / f"{t:05d}.png", ((labels(t, offset) == 1) * white).astype(np.uint8), mode)
    return folder
