"""Annotation PNGs of all kinds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from sampt.benchmarks.datasets.annotation import (
    image_size,
    is_white,
    object_ids,
    read_ids,
    read_labels,
    read_raw,
    read_single_object,
)
from sampt.errors import DatasetError
from sampt.prompts.label_maps import palette_image

LABELS = arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 254))
BINARY = arrays(bool, st.tuples(st.integers(1, 6), st.integers(1, 6)))
each_file_is_written_anew = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "00000.png"


@given(labels=LABELS)
@each_file_is_written_anew
def test_palette_grey_and_16_bits_mean_the_same(labels: np.ndarray, path: Path) -> None:
    for image in (palette_image(labels), Image.fromarray(labels), Image.fromarray(labels.astype(np.uint16))):
        image.save(path)
        assert np.array_equal(read_labels(path), labels)
        assert read_labels(path).dtype == np.uint8


@given(mask=BINARY)
@each_file_is_written_anew
def test_black_and_white_is_object_1(mask: np.ndarray, path: Path) -> None:
    grey = mask.astype(np.uint8) * 255
    for image in (Image.fromarray(grey), Image.fromarray(grey).convert("1"), palette_image(grey)):
        image.save(path)
        assert np.array_equal(read_labels(path), mask)


@given(labels=LABELS)
@each_file_is_written_anew
def test_a_single_object_is_all_of_them(labels: np.ndarray, path: Path) -> None:
    palette_image(labels).save(path)
    assert np.array_equal(read_single_object(path), labels > 0)


@given(labels=arrays(np.uint8, (5, 4)))
def test_object_ids_are_the_labels_but_0(labels: np.ndarray) -> None:
    assert object_ids(labels) == set(labels.ravel().tolist()) - {0}


def test_255_beside_labels_of_a_palette_is_void(path: Path) -> None:
    palette_image(np.array([[0, 1, 255, 3]], np.uint8)).save(path)
    assert read_labels(path).tolist() == [[0, 1, 0, 3]]
    assert read_single_object(path).tolist() == [[0, 1, 0, 1]]


@pytest.mark.parametrize("values", [[0, 1, 255], [0, 0, 255]])
def test_255_of_16_bits_is_an_id(values: list[int], path: Path) -> None:
    Image.fromarray(np.array([values], np.uint16)).save(path)
    for read in (read_labels, read_ids, read_raw):
        assert read(path).tolist() == [values]
    assert not is_white(path)


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_white_alone_is_an_object_void_or_255(mode: str, path: Path) -> None:
    white = np.array([[0, 255, 255]], np.uint8)
    (palette_image(white) if mode == "P" else Image.fromarray(white).convert(mode)).save(path)
    assert Image.open(path).mode == mode
    assert read_labels(path).tolist() == [[0, 1, 1]]
    assert read_ids(path).tolist() == [[0, 0, 0]]
    assert read_raw(path).tolist() == [[0, 255, 255]]
    assert is_white(path)


def test_only_white_on_black_is_white(path: Path) -> None:
    for values in ([0, 0, 0], [0, 1, 255], [0, 1, 1]):
        palette_image(np.array([values], np.uint8)).save(path)
        assert not is_white(path)


@pytest.mark.parametrize(
    ("image", "value"),
    [
        (Image.fromarray(np.array([[0, 256]], np.uint16)), "256"),
        (Image.fromarray(np.array([[0, 128, 255]], np.uint8)), "0 and 255"),
        (Image.fromarray(np.array([[[0, 0, 0], [255, 0, 0], [0, 255, 0]]], np.uint8)), "colours"),
    ],
    ids=["16 bits", "soft", "colours"],
)
def test_what_is_no_annotation_is_named(image: Image.Image, value: str, path: Path) -> None:
    image.save(path)
    with pytest.raises(DatasetError, match=value) as caught:
        read_labels(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n"], ids=["empty", "text", "cut"])
def test_what_is_no_image_is_named(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    for read in (read_labels, image_size):
        with pytest.raises(DatasetError) as caught:
            read(path)
        assert str(path) in str(caught.value)


def test_the_size_is_that_of_the_upright_image(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(tmp_path / "frame.jpg", exif=exif)
    assert image_size(tmp_path / "frame.jpg") == (30, 20)  # height, width
