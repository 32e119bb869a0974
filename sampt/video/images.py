"""Image files as frames, by what they show: upright, in RGB, with 8 bits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt.errors import VideoError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}

_ORIENTATION = 0x0112
_SIDEWAYS = {5, 6, 7, 8}  # the EXIF orientations that swap width and height
_TRIED = 16
"""Number of a clip's frames that are looked at for the range of their 16-bit values."""
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError, cv2.error)
"""The errors that Pillow and OpenCV raise for a damaged file."""


def read_image(path: Path, bits: int = 16) -> NDArray[np.uint8]:
    """An image file as (H, W, 3) uint8 RGB, turned as its orientation says; transparent pixels become black.

    Args:
        path: a JPEG, PNG, WebP, BMP or TIFF file.
        bits: number of bits that values of 16-bit images really use; they are scaled to 8.

    Raises:
        VideoError: the file cannot be decoded.
    """
    try:
        with Image.open(path) as image:
            orientation = _orientation(image)
            if _is_wide(path, image):
                pixels = _eight_bits(_wide_values(path, image), bits)
            elif image.has_transparency_data:
                pixels = _on_black(image.convert("RGBA"))
            else:
                pixels = np.asarray(image.convert("RGB"))
            return _turned(pixels, orientation)
    except UNREADABLE as error:
        raise unreadable(path) from error


def image_size(path: Path) -> tuple[int, int]:
    """(height, width) of an image as it is shown, from its header.

    Raises:
        VideoError: the file cannot be read.
    """
    try:
        with Image.open(path) as image:
            return image.size if _orientation(image) in _SIDEWAYS else image.size[::-1]
    except UNREADABLE as error:
        raise unreadable(path) from error


def used_bits(files: Sequence[Path]) -> int | None:
    """Number of bits that a clip's 16-bit images use, 9 to 16, from some of them; None if they have 8 bits.

    Cameras and scanners often save 10, 12 or 14 bits in files of 16.

    Raises:
        VideoError: a file cannot be decoded.
    """
    chosen = [files[i] for i in sorted({round(k) for k in np.linspace(0, len(files) - 1, _TRIED)})]
    most = None
    for path in chosen:
        try:
            with Image.open(path) as image:
                if not _is_wide(path, image):
                    return most
                highest = int(_wide_values(path, image).max(initial=0))
        except UNREADABLE as error:
            raise unreadable(path) from error
        most = max(most or 9, highest.bit_length())
    return most


def unreadable(path: Path) -> VideoError:
    """The error for an image that cannot be decoded."""
    return VideoError(f"{path} cannot be read as an image; replace it with a valid one")


def _on_black(image: Image.Image) -> NDArray[np.uint8]:
    """Colours on black; unchanged if the image is equally transparent everywhere."""
    lowest, highest = image.getextrema()[3]  # type: ignore[misc]
    if lowest != highest:
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return np.asarray(image.convert("RGB"))


def _is_wide(path: Path, image: Image.Image) -> bool:
    """Whether an image has 16 bits per channel, which Pillow cuts to the upper 8 in colour, or clips."""
    if image.mode.startswith("I"):
        return True
    if image.format == "PNG":
        with path.open("rb") as file:
            return file.read(25)[24:] == b"\x10"
    return image.format == "TIFF" and 16 in image.tag_v2.get(258, ())  # type: ignore[attr-defined]


def _wide_values(path: Path, image: Image.Image) -> NDArray[Any]:
    """(H, W) or (H, W, C) of 16-bit grey or RGB; as in the file, not turned."""
    if image.mode.startswith("I"):
        return np.asarray(image).clip(0, 0xFFFF)
    values = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise ValueError("OpenCV cannot decode it")
    values = values if values.ndim == 2 else values[..., 2::-1]
    # Pillow turns a TIFF by itself, OpenCV does not.
    return _turned(values, image.getexif().get(_ORIENTATION, 1) if image.format == "TIFF" else 1)


def _eight_bits(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    scaled = (values >> (bits - 8)).clip(0, 255).astype(np.uint8)
    return scaled if scaled.ndim == 3 else np.repeat(scaled[:, :, None], 3, axis=2)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation that a reader must apply, from the header alone."""
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return 1  # Pillow turns a TIFF by itself, and would decode a PNG to look for EXIF data at its end
    return int(image.getexif().get(_ORIENTATION, 1))


def _turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Pixels (H, W, ...) as shown, by their EXIF orientation (1 to 8)."""
    if orientation in _SIDEWAYS:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.array(pixels)
