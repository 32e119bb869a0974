"""Masks that say which objects to segment: label maps and image files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sampt.errors import PromptError
from sampt.prompts.query_points import ObjectQuery, QueryPoints

SHARED = Path(os.environ.get("SAMPT_SHARED", Path(__file__).parents[4] / "shared"))
DAVIS = SHARED / "davis2016" / "Annotations" / "480p"


def only(points: QueryPoints) -> ObjectQuery:
    (query,) = points.objects
    return query


def labels_of(points: QueryPoints) -> dict[int, list[list[int]]]:
    return {query.id: np.argwhere(query.mask).tolist() for query in points.objects}


def save_mask(path: Path, values: np.ndarray, mode: str | None = None) -> Path:
    image = Image.fromarray(values)
    if mode == "P":
        image.putpalette([value for index in range(256) for value in (index, 0, 255 - index)])
    elif mode:
        image = image.convert(mode)
    image.save(path)
    return path


GREY = np.array([[0, 255, 0], [255, 255, 0]], np.uint8)
LABELS = np.array([[0, 1, 0], [4, 1, 0]], np.uint8)


def test_every_label_is_an_object():
    points = QueryPoints.from_masks(LABELS.astype(np.int64), frame=7)
    assert labels_of(points) == {1: [[0, 1], [1, 1]], 4: [[1, 0]]}
    assert [query.frame for query in points.objects] == [7, 7]


@pytest.mark.parametrize("mode", ["P", None])
def test_every_index_or_grey_value_of_an_image_is_an_object(tmp_path, mode):
    path = save_mask(tmp_path / "mask.png", LABELS, mode)
    assert labels_of(QueryPoints.from_mask_file(path)) == {1: [[0, 1], [1, 1]], 4: [[1, 0]]}


@pytest.mark.parametrize("mode", [None, "P", "1", "LA", "RGB", "RGBA"])
def test_white_on_black_is_one_object(tmp_path, mode):
    path = save_mask(tmp_path / "mask.png", GREY, mode)
    assert labels_of(QueryPoints.from_mask_file(path)) == {1: [[0, 1], [1, 0], [1, 1]]}


def test_a_davis_annotation_is_one_object():
    path = DAVIS / "dog" / "00000.png"
    if not path.is_file():
        pytest.skip("the DAVIS annotations are not there; set SAMPT_SHARED")
    query = only(QueryPoints.from_mask_file(path))
    assert query.id == 1
    np.testing.assert_array_equal(query.mask, np.asarray(Image.open(path)) == 255)


def test_a_grey_mask_with_soft_edges_is_an_error(tmp_path):
    path = save_mask(tmp_path / "mask.png", np.array([[0, 90, 255]], np.uint8))
    with pytest.raises(PromptError, match=r"mask\.png.*soft edges"):
        QueryPoints.from_mask_file(path)


def test_a_black_mask_is_an_error(tmp_path):
    path = save_mask(tmp_path / "mask.png", np.zeros((2, 3), np.uint8))
    with pytest.raises(PromptError, match=r"mask\.png.*empty"):
        QueryPoints.from_mask_file(path)


def test_a_missing_mask_is_an_error(tmp_path):
    with pytest.raises(PromptError, match=r"nowhere\.png"):
        QueryPoints.from_mask_file(tmp_path / "nowhere.png")


@pytest.mark.parametrize("size", [0, 20, 300])
def test_a_file_that_is_no_whole_image_is_an_error(tmp_path, size):
    path = save_mask(tmp_path / "mask.png", np.random.default_rng(0).integers(0, 5, (64, 64), np.uint8))
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(PromptError, match=r"mask\.png"):
        QueryPoints.from_mask_file(path)


@pytest.mark.parametrize("label", [-1, 256])
def test_labels_outside_1_to_255_are_an_error(label):
    with pytest.raises(PromptError, match=f"{label}.*1 to 255"):
        QueryPoints.from_masks(np.array([[0, label]]))


@pytest.mark.parametrize("labels", [np.ones((2, 2)), np.ones((2, 2, 3), int)])
def test_a_label_map_of_another_kind_is_an_error(labels):
    with pytest.raises(PromptError, match="label map"):
        QueryPoints.from_masks(labels)
