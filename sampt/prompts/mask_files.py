"""Mask images, read by what they show: ids in a palette, grey values, colours, or transparency.

``docs/inputs.md`` has the rules in a table. What could mean two things is refused.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sampt.errors import PromptError, SamptError

WHITE = 255
"""On its own, the object of a black and white mask; beside other labels, void: no object."""

UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""The errors that Pillow raises for a damaged file; a broken PNG chunk is a SyntaxError."""

_IDS_BELOW_VOID = 64
"""Highest id that may stand beside a grey 255; higher ones look like steps of grey, as in a trimap."""
_VIDEO_RANGE = [16, 235]
"""Black and white of a video frame that was saved without expanding its range."""
_SMALLEST_SOFT = 256
"""Minimum number of pixels for edges to be told from labels."""
_PHOTO_COLOURS = 64
"""More colours than this are a picture's, not labels'."""

Pixels = NDArray[Any]


@dataclass(frozen=True)
class MaskFile:
    """A mask image.

    Attributes:
        values: (H, W) uint8 ids; 255 is ``white``'s object or void, unless the file is ``wide``.
        white: whether it is the mask of one object without an id.
        wide: whether it has 16 bits, so that 255 is an id like the others.
        read_by: what the ids were read from, for people.
    """

    values: NDArray[np.uint8]
    white: bool = False
    wide: bool = False
    read_by: str = "its grey values"

    @property
    def labels(self) -> NDArray[np.uint8]:
        """(H, W) uint8 ids without void; the object of a white mask is 1."""
        if self.white:
            return (self.values == WHITE).astype(np.uint8)
        if self.wide:
            return self.values
        return np.asarray(np.where(self.values == WHITE, 0, self.values), np.uint8)


def read_mask_file(
    path: str | os.PathLike[str], consistent: bool = False, error: type[SamptError] = PromptError
) -> MaskFile:
    """The mask in an image.

    Args:
        path: a PNG, or anything that Pillow reads.
        consistent: whether ids must mean the same object in other files, so that they cannot be numbered by
            what is in this one.
        error: kind of error to raise.

    Raises:
        SamptError: of the kind ``error``; the image cannot be read, or could mean several things.
    """
    try:
        return _Reader(consistent).read(_opened(path))
    except FileNotFoundError as problem:
        raise error(f"cannot find the mask {path}; check its path") from problem
    except _DoubtError as problem:
        raise error(f"mask {path} {problem}") from problem
    except UNREADABLE as problem:
        raise error(
            f"mask {path} cannot be read as an image: it may be cut short, so write or copy it again"
        ) from problem


class _DoubtError(Exception):
    """What is wrong with a mask, and the remedy, without its name."""


def _opened(path: str | os.PathLike[str]) -> Image.Image:
    with Image.open(Path(path)) as image:
        image.load()
        return ImageOps.exif_transpose(image)


@dataclass(frozen=True)
class _Reader:
    consistent: bool

    def read(self, image: Image.Image) -> MaskFile:
        if image.mode[0] in "IF":
            return self._wide(np.asarray(image))
        opaque = _opaque(image)
        if image.mode in ("P", "PA"):
            return self._palette(image, opaque)
        colours = np.asarray(image.convert("RGB"))
        if opaque is not None:
            inside = np.unique(_codes(colours[opaque]))
            if len(inside) == 1 or len(inside) > _PHOTO_COLOURS:
                return MaskFile(opaque * np.uint8(WHITE), white=True, read_by="its transparency")
            colours = np.where(opaque[..., None], colours, np.uint8(0))
        return self._colours(colours)

    def _palette(self, image: Image.Image, opaque: NDArray[np.bool_] | None) -> MaskFile:
        """By index, unless black, the background's colour, has an index that is not 0."""
        indices = np.asarray(image if image.mode == "P" else image.getchannel("P"), np.uint8)
        palette = np.zeros((256, 3), np.uint8)
        given = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        palette[: len(given)] = given
        if opaque is not None:
            if len(np.unique(indices[opaque])) == 1 and indices[opaque][0] == 0:
                return MaskFile(opaque * np.uint8(WHITE), white=True, read_by="its transparency")
            indices = np.where(opaque, indices, 0).astype(np.uint8)
        used = np.flatnonzero(np.bincount(indices.ravel(), minlength=256))
        codes = _codes(palette[used])
        if (codes[used > 0] == 0).any() and len(set(codes.tolist())) == len(codes):
            return self._colours(palette[indices])
        if (palette[used] == used[:, None]).all():  # a grey image, saved with its greys as a palette
            return self._grey(indices)
        return MaskFile(indices, white=set(used.tolist()) - {0} == {WHITE}, read_by="its palette")

    def _colours(self, colours: NDArray[np.uint8]) -> MaskFile:
        if (colours == colours[..., :1]).all():
            return self._grey(colours[..., 0])
        codes = _codes(colours)
        present, first, places = np.unique(codes, return_index=True, return_inverse=True)
        if len(present) > 256:
            raise _DoubtError(
                f"has {len(present)} colours, so it is a picture or has soft edges: save ids as a palette "
                "PNG, or one object in white on black"
            )
        places = places.reshape(codes.shape)
        known = {code: label for label, code in enumerate(_codes(davis_palette()).tolist())}
        if all(code in known for code in present.tolist()):
            labels = np.array([known[code] for code in present.tolist()], np.uint8)
            return MaskFile(labels[places], read_by="its colours, which are those of DAVIS")
        background = next((code for code in (0x000000, 0xFFFFFF) if code in present), None)
        if background is None:
            raise _DoubtError("has colours but no black background: save ids as a palette PNG")
        if len(present) == 2:
            return MaskFile((codes != background) * np.uint8(WHITE), white=True, read_by="its colours")
        if self.consistent:
            raise _DoubtError(
                "has colours that are not those of DAVIS's palette, so they do not say which object is "
                "which: save ids as a palette PNG"
            )
        order = [k for k in np.argsort(first).tolist() if present[k] != background]
        if len(order) >= WHITE:
            raise _DoubtError(f"has {len(order)} colours besides the background: mark at most 254 objects")
        ids = np.zeros(len(present), np.uint8)
        ids[order] = np.arange(1, len(order) + 1)
        return MaskFile(ids[places], read_by="its colours, in reading order")

    def _grey(self, values: NDArray[np.uint8]) -> MaskFile:
        """Ids, black and white, or black and white with soft edges."""
        present = np.flatnonzero(np.bincount(values.ravel(), minlength=256)).tolist()
        labels = [value for value in present if value]
        if labels == [WHITE]:
            return MaskFile(values, white=True, read_by="its white")
        if present == _VIDEO_RANGE:
            return MaskFile((values == present[1]) * np.uint8(WHITE), white=True, read_by="its white")
        if _is_soft(values, len(present)):
            top = present[-1]
            return MaskFile(
                (values >= (top + 1) // 2) * np.uint8(WHITE),
                white=True,
                read_by=f"its soft edges, cut at half of {top}",
            )
        if labels and labels[-1] == WHITE and labels[-2] > _IDS_BELOW_VOID:
            raise _DoubtError(
                f"has {len(labels) - 1} grey values besides 0 and 255, which may be ids or soft edges: "
                "threshold it, or save ids as a palette PNG"
            )
        return MaskFile(values)

    def _wide(self, values: Pixels) -> MaskFile:
        present = np.unique(values)
        if present[0] < 0 or (present % 1).any():
            raise _DoubtError(f"holds {present[0]:g}: save ids as a palette PNG, or as whole numbers from 0")
        top = int(present[-1])
        if top <= 255:
            return MaskFile(values.astype(np.uint8), wide=True)
        if top == 0xFFFF and set(present.tolist()) <= {0, top}:
            return MaskFile((values == top) * np.uint8(WHITE), white=True, read_by="its white")
        if _is_soft(values, len(present)):
            return MaskFile(
                (values * 2 >= top) * np.uint8(WHITE),
                white=True,
                read_by=f"its soft edges, cut at half of {top}",
            )
        labels = present[present > 0]
        if self.consistent or len(labels) > 255:
            raise _DoubtError(f"has object ids up to {top}: number them from 1 to 255")
        ids = np.searchsorted(labels, values) + 1
        return MaskFile(np.where(values > 0, ids, 0).astype(np.uint8), wide=True, read_by="its 16-bit values")


def _is_soft(values: Pixels, count: int) -> bool:
    """Whether grey values are those of soft edges: steps between dark and bright, not areas of their own.

    Args:
        values: (H, W), whole numbers.
        count: number of different values.

    Raises:
        _DoubtError: there are soft edges between several labels, or the image is a picture.
    """
    if count < 6 or values.size < _SMALLEST_SOFT:
        return False
    present, ranks = np.unique(values, return_inverse=True)
    ranks = ranks.reshape(values.shape)
    grey, top = values.astype(np.float32), float(present[-1])
    jumps = np.abs(np.diff(grey, axis=1))
    small = (jumps > 0) & (jumps <= 0.1 * top)
    if (jumps > 0).mean() > 0.5 and small.sum() < 0.9 * (jumps > 0).sum():
        raise _DoubtError("is a picture, not a mask: save one object in white on black, or ids in a palette")
    if not ((present > 0.1 * top) & (present < 0.9 * top)).any():  # noise, as in a JPEG
        return bool((present < 0.5 * top).sum() >= 3 <= (present > 0.5 * top).sum())
    kernel = np.ones((3, 3), np.uint8)
    lowest, highest = cv2.erode(grey, kernel), cv2.dilate(grey, kernel)
    areas = np.bincount(ranks[lowest == highest], minlength=len(present)) > 0
    edge_values = ~areas & (present < 0.9 * top)
    at_edges = edge_values[ranks]
    steps = (lowest < grey) & (grey < highest) & at_edges
    wide_slope = count > _PHOTO_COLOURS and small.mean() > 0.3  # with areas of each value
    if not wide_slope and (edge_values.sum() < 4 or steps.sum() < 0.6 * at_edges.sum()):
        return False
    plateaus = areas & (present > 0.25 * top) & (present < 0.9 * top)
    if (not wide_slope and plateaus.any()) or _faintest(grey > 0.25 * top, grey) < 0.75 * top:
        raise _DoubtError("has soft edges between several labels: save ids in a palette, without smoothing")
    return True


def _faintest(mask: NDArray[np.bool_], grey: NDArray[np.float32]) -> float:
    """The lowest of the brightest values of a mask's connected parts."""
    count, parts = cv2.connectedComponents(mask.astype(np.uint8))
    return min((float(grey[parts == part].max()) for part in range(1, count)), default=np.inf)


def _opaque(image: Image.Image) -> NDArray[np.bool_] | None:
    """(H, W) bool, where an image is not transparent; None if it is equally transparent everywhere."""
    if not image.has_transparency_data:
        return None
    alpha = np.asarray(image.convert("RGBA"))[..., 3]
    return None if alpha.min() == alpha.max() else alpha >= 128


def _codes(colours: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Colours (..., 3) uint8 as single numbers."""
    red, green, blue = (colours[..., channel].astype(np.int32) for channel in range(3))
    return np.asarray(red << 16 | green << 8 | blue)


def davis_palette() -> NDArray[np.uint8]:
    """(256, 3) uint8 RGB: the colour of each label, by PASCAL VOC's definition.

    Bits 0, 3 and 6 of the label are the highest bits of red, bits 1, 4 and 7 those of green, and bits 2 and 5
    those of blue; so label 0 is black, 1 dark red, 2 dark green, and neighbours are easy to tell apart.
    """
    labels = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for channel in range(3):
        for group in range(3):
            bit = (labels >> (3 * group + channel)) & 1
            palette[:, channel] |= (bit << (7 - group)).astype(np.uint8)
    return palette
