"""Reading masks from image files."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt.errors import PromptError

_READABLE_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")


def read_label_map(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """The objects' ids in an image: palette indices or grey values, or 1 where it is white on black.

    Returns:
        (H, W) uint8, 0 for the background.

    Raises:
        PromptError: the image cannot be read, or has colours, 16 bits or soft edges.
    """
    mode, values = _read_pixels(path)
    present = set(np.unique(values).tolist())
    if present <= {0, 255} and (values.ndim == 2 or (values == values[..., :1]).all()):
        white = values > 0
        return (white if white.ndim == 2 else white[..., 0]).astype(np.uint8)
    if values.ndim == 3:
        raise PromptError(f"{path}: a mask in RGB may only be black and white; save ids as a palette PNG")
    if mode == "L" and 255 in present:
        raise PromptError(
            f"{path}: a grey mask is black and white or holds ids below 255, but this has {len(present)} "
            "values up to 255; threshold its soft edges, or save ids as a palette PNG"
        )
    return values


def _read_pixels(path: str | os.PathLike[str]) -> tuple[str, NDArray[Any]]:
    """The image's mode, and (H, W) uint8 indices or grey values, or (H, W, 3) uint8 colours."""
    try:
        with Image.open(path) as image:
            mode = image.mode
            if mode not in _READABLE_MODES:
                raise PromptError(
                    f"{path}: a mask has 8 bits a pixel, but this is mode {mode}; save it as an 8-bit PNG"
                )
            return mode, np.asarray(image if mode in ("P", "L") else image.convert("RGB"))
    except FileNotFoundError as error:
        raise PromptError(f"cannot find the mask {path}; check its path") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PromptError(f"cannot read the mask {path} as an image; give a PNG file") from error
