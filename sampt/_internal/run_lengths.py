"""Masks as COCO's compressed run lengths, through pycocotools.

pycocotools does not check its input: run lengths from a file must be checked first.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

# NumPy 2 warns about an interface of pycocotools' decoder; callers cannot do anything about it.
warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning, r"pycocotools\.mask")


class Rle(TypedDict):
    """A mask as COCO's compressed run lengths: ``size`` is [height, width]."""

    size: list[int]
    counts: str | bytes


def encode(mask: NDArray[Any]) -> Rle:
    """Run lengths of a mask, (H, W) bool, or uint8 of 0 and 1."""
    return encode_each(mask[None])[0]


def encode_each(masks: NDArray[Any]) -> list[Rle]:
    """Run lengths of K masks, (K, H, W) bool, or uint8 of 0 and 1.

    Nothing is copied if each mask is stored column by column, as run lengths are.
    """
    columns = np.asfortranarray(masks.view(np.uint8).transpose(1, 2, 0))
    return [
        {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode("ascii")}
        for rle in coco.encode(columns)
    ]


def decode(rle: Rle) -> NDArray[np.bool_]:
    """The mask, (H, W) bool."""
    return np.asarray(coco.decode(rle), bool)


def area(rle: Rle) -> int:
    """Number of pixels of the mask."""
    return int(coco.area(rle))


def box(rle: Rle) -> list[float]:
    """Box of the mask in COCO's form, x, y, width and height in pixels; all 0 for an empty mask."""
    return [float(side) for side in coco.toBbox(rle)]


def iou(masks: Sequence[Rle], others: Sequence[Rle]) -> NDArray[np.float64]:
    """IoU of all pairs of masks, (A, B) float64; neither list may be empty."""
    return np.asarray(coco.iou(list(masks), list(others), [0] * len(others)), np.float64)


def from_polygons(polygons: Sequence[Sequence[float]], size: tuple[int, int]) -> Rle:
    """Run lengths of the union of polygons, x, y, x, y, … in pixels, in a frame of ``size`` (H, W)."""
    merged: Rle = coco.merge(coco.frPyObjects(list(polygons), *size))
    return merged


def from_plain_counts(counts: Sequence[int], size: tuple[int, int]) -> Rle:
    """Compressed run lengths from uncompressed ones, background first, in a frame of ``size`` (H, W)."""
    compressed: Rle = coco.frPyObjects({"size": list(size), "counts": list(counts)}, *size)
    return compressed
