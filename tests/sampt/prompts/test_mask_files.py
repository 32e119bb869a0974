"""Mask images of every kind are read by what they show."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from sampt.errors import DatasetError, PromptError
from sampt.prompts.label_maps import davis_palette, palette_image, read_label_map
from sampt.prompts.mask_files import read_mask_file

HEIGHT, WIDTH = 40, 60
each_file_is_written_again = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def boxes(count: int) -> NDArray[np.uint8]:
    """Labels 1 … ``count`` as boxes of 8 by 8 pixels on background, (40, 60) uint8."""
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    for k in range(count):
        row, column = divmod(k, 5)
        labels[2 + 12 * row : 10 + 12 * row, 2 + 12 * column : 10 + 12 * column] = k + 1
    return labels


def disc() -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray((rows - 20) ** 2 + (columns - 30) ** 2 < 144)


def same_objects(labels: NDArray[np.uint8], expected: NDArray[np.uint8]) -> bool:
    """Whether the labels have the same areas, whatever their numbers, and the same background."""
    pairs = set(zip(labels.ravel().tolist(), expected.ravel().tolist(), strict=True))
    ours, theirs = zip(*pairs, strict=True)
    return len(set(ours)) == len(set(theirs)) == len(pairs) and (0, 0) in pairs


@st.composite
def pictures(draw: st.DrawFn) -> tuple[Image.Image, NDArray[np.uint8]]:
    """A mask image of any mode, palette and depth, and the objects that it shows."""
    count = draw(st.integers(1, 8))
    labels = boxes(count)
    kind = draw(st.sampled_from(["ids", "davis", "permuted", "colours", "grey", "16 bits", "alpha"]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    colours = np.vstack([np.zeros((1, 3), int), random.choice(range(20, 256), (8, 3), replace=False)])
    rgb = colours[labels].astype(np.uint8)
    if kind == "ids":
        image = Image.fromarray(labels)
        image.putpalette(colours.astype(np.uint8).tobytes())
    elif kind == "davis":
        image = palette_image(labels)
        if draw(st.booleans()):
            image = image.convert(draw(st.sampled_from(["RGB", "RGBA"])))
    elif kind == "permuted":  # any index for any colour, the background's included
        order = random.permutation(9).astype(np.uint8)
        image = Image.fromarray(order[labels])
        image.putpalette(colours[np.argsort(order)].astype(np.uint8).tobytes())
    elif kind == "colours":
        image = Image.fromarray(rgb)
    elif kind == "grey":
        image = Image.fromarray(
            np.r_[0, random.choice(range(1, 255), 8, replace=False)].astype(np.uint8)[labels]
        )
    elif kind == "16 bits":
        most = draw(st.sampled_from([9, 256, 65536]))
        ids = np.r_[0, random.choice(range(1, most), 8, replace=False)].astype(np.uint16)
        image = Image.fromarray(ids[labels])
    else:  # what is transparent has colours of its own
        rgb[labels == 0] = random.integers(0, 256, ((labels == 0).sum(), 3), np.uint8)
        image = Image.fromarray(np.dstack([rgb, np.where(labels > 0, 255, 0).astype(np.uint8)]))
        if count == 1:
            image = image.convert(draw(st.sampled_from(["RGBA", "LA"])))
    return image, labels


@given(drawn=pictures())
@each_file_is_written_again
def test_any_palette_mode_and_depth_shows_the_same_objects(
    drawn: tuple[Image.Image, NDArray[np.uint8]], tmp_path: Path
) -> None:
    image, labels = drawn
    image.save(tmp_path / "mask.png")
    assert same_objects(read_label_map(tmp_path / "mask.png"), labels)


BLACK_AND_WHITE = {
    "1 bit": lambda mask: Image.fromarray(mask),
    "grey": lambda mask: Image.fromarray(mask * np.uint8(255)),
    "rgb": lambda mask: Image.fromarray(mask * np.uint8(255)).convert("RGB"),
    "16 bits": lambda mask: Image.fromarray(mask * np.uint16(65535)),
    "palette": lambda mask: Image.fromarray(mask * np.uint8(255)).convert("P"),
    "white is index 0": lambda mask: Image.fromarray(np.dstack([mask * np.uint8(255)] * 3)).quantize(2),
    "video range": lambda mask: Image.fromarray(np.where(mask, 235, 16).astype(np.uint8)),
    "red": lambda mask: Image.fromarray(np.dstack([mask * np.uint8(255), *[mask * np.uint8(0)] * 2])),
    "black on white alpha": lambda mask: Image.fromarray(
        np.dstack([np.full((*mask.shape, 3), 255, np.uint8), mask * np.uint8(255)])
    ),
    "grey and alpha": lambda mask: Image.fromarray(
        np.dstack([np.zeros(mask.shape, np.uint8), mask * np.uint8(255)]), "LA"
    ),
    "cut-out": lambda mask: Image.fromarray(
        np.dstack(
            [np.random.default_rng(0).integers(0, 256, (*mask.shape, 3), np.uint8), mask * np.uint8(255)]
        )
    ),
}


@pytest.mark.parametrize("kind", BLACK_AND_WHITE)
def test_one_object_without_an_id_is_object_1(kind: str, tmp_path: Path) -> None:
    BLACK_AND_WHITE[kind](disc()).save(tmp_path / "mask.png")
    read = read_mask_file(tmp_path / "mask.png", consistent=True, error=DatasetError)
    assert read.white
    np.testing.assert_array_equal(read.labels, disc())


@pytest.mark.parametrize("top", [255, 254, 200, 128, 60])
@pytest.mark.parametrize("sigma", [0.7, 1.2, 3.0])
def test_soft_edges_are_cut_at_half_whatever_the_maximum(top: int, sigma: float, tmp_path: Path) -> None:
    soft = cv2.GaussianBlur(disc().astype(np.float32), (0, 0), sigma) * top
    Image.fromarray(soft.astype(np.uint8)).save(tmp_path / "mask.png")
    expected = soft.astype(np.uint8) >= (int(soft.max()) + 1) // 2
    np.testing.assert_array_equal(read_label_map(tmp_path / "mask.png"), expected)
    assert (expected != disc()).mean() < 0.02


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_a_jpeg_of_a_mask_is_a_mask(quality: int, tmp_path: Path) -> None:
    Image.fromarray(disc() * np.uint8(255)).save(tmp_path / "mask.jpg", quality=quality)
    assert (read_label_map(tmp_path / "mask.jpg") != disc()).mean() < 0.01


def test_255_beside_ids_is_void(tmp_path: Path) -> None:
    labels = boxes(3)
    labels[labels == 3] = 255
    expected = np.where(labels == 255, 0, labels)
    for image in (palette_image(labels), Image.fromarray(labels)):
        image.save(tmp_path / "mask.png")
        np.testing.assert_array_equal(read_label_map(tmp_path / "mask.png"), expected)


def test_a_mask_is_turned_as_its_orientation_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90° clockwise to be shown
    palette_image(boxes(3)).save(tmp_path / "mask.png", exif=exif)
    np.testing.assert_array_equal(read_label_map(tmp_path / "mask.png"), np.rot90(boxes(3), -1))


def test_davis_colours_are_davis_ids(tmp_path: Path) -> None:
    palette_image(boxes(5)).convert("RGB").save(tmp_path / "mask.png")
    read = read_mask_file(tmp_path / "mask.png", consistent=True, error=DatasetError)
    np.testing.assert_array_equal(read.labels, boxes(5))


def photo() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))


def trimap() -> Image.Image:
    unsure = cv2.dilate(disc().astype(np.uint8), np.ones((5, 5), np.uint8)) * np.uint8(128)
    return Image.fromarray(np.where(disc(), 255, unsure).astype(np.uint8))


def blurred_labels() -> Image.Image:
    levels = np.array([0, 90, 180, 250], np.float32)[boxes(3)]
    return Image.fromarray(cv2.GaussianBlur(levels, (0, 0), 0.8).astype(np.uint8))


def without_background() -> Image.Image:
    return Image.fromarray(np.array([[200, 0, 0], [0, 200, 0]], np.uint8)[disc().astype(int)])


@pytest.mark.parametrize("doubtful", [photo, trimap, blurred_labels, without_background])
def test_what_could_mean_two_things_is_refused(doubtful: object, tmp_path: Path) -> None:
    doubtful().save(tmp_path / "mask.png")  # type: ignore[operator]
    with pytest.raises(PromptError, match=r"mask\.png.*(save|threshold)"):
        read_label_map(tmp_path / "mask.png")


def test_colours_that_say_no_ids_are_refused_where_ids_must_agree(tmp_path: Path) -> None:
    Image.fromarray(np.vstack([davis_palette()[:3] + 1])[boxes(2)]).save(tmp_path / "a.png")
    with pytest.raises(DatasetError, match=r"a\.png"):
        read_mask_file(tmp_path / "a.png", consistent=True, error=DatasetError)
