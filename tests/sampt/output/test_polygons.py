from __future__ import annotations

import cv2
import numpy as np
import pytest

from sampt._internal.run_lengths import decode, from_polygons
from sampt.output.polygons import joined, polygons

rows, columns = np.mgrid[:60, :80]
radius = np.hypot(rows - 30, columns - 40)
noise = cv2.GaussianBlur(np.random.default_rng(0).random((60, 80)), (0, 0), 3)

MASKS = {
    "disc": radius < 20,
    "ring": (radius < 25) & (radius > 10),
    "an island in a ring": ((radius < 25) & (radius > 10)) | (radius < 4),
    "two parts": (radius < 12) | (columns > 70),
    "one pixel": (rows == 7) & (columns == 5),
    "a line": (rows == 7) & (columns > 5),
    "a diagonal": rows == columns,
    "everything": rows >= 0,
    "noise": noise > noise.mean(),
}
every_mask = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


@every_mask
def test_pycocotools_reads_the_mask_back_exactly(mask: np.ndarray) -> None:
    found = [part.ravel().tolist() for part in polygons(mask, tolerance=0)]
    np.testing.assert_array_equal(decode(from_polygons(found, mask.shape)), mask)


@every_mask
def test_one_polygon_also_holds_parts_and_holes(mask: np.ndarray) -> None:
    whole = joined(polygons(mask, tolerance=0))
    np.testing.assert_array_equal(decode(from_polygons([whole.ravel().tolist()], mask.shape)), mask)
    filled = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(filled, [whole.astype(np.int32)], 1)  # as Ultralytics does
    assert iou(filled > 0, mask) > 0.9


@every_mask
def test_half_a_pixel_saves_vertices_and_costs_little(mask: np.ndarray) -> None:
    found = polygons(mask)
    assert all(len(part) >= 3 for part in found)
    assert sum(map(len, found)) <= sum(map(len, polygons(mask, tolerance=0)))
    assert iou(decode(from_polygons([part.ravel().tolist() for part in found], mask.shape)), mask) > 0.9


def test_the_largest_part_comes_first() -> None:
    first, second = polygons((radius < 12) | (columns > 78))
    assert np.ptp(first[:, 0]) > 20
    assert np.ptp(second[:, 0]) < 2
