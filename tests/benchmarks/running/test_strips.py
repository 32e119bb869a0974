"""Masks over frames: pictures for the report, and videos."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sampt.benchmarks.datasets.base import VosSequence
from sampt.benchmarks.running.strips import overlay_strip, overlay_video
from sampt.errors import EvaluationError
from sampt.output.drawing import colour
from sampt.prompts.label_maps import read_label_map, write_label_map

FRAMES, HEIGHT, WIDTH = 9, 60, 96


@pytest.fixture
def sequence(tmp_path: Path) -> VosSequence:
    """Nine grey frames; results with object 3 at the left, object 7 at the right except in the last one."""
    (tmp_path / "frames").mkdir()
    (tmp_path / "masks").mkdir()
    files = []
    for t in range(FRAMES):
        files.append(tmp_path / "frames" / f"{t * 5:05d}.png")
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), 100, np.uint8)).save(files[-1])
        write_label_map(tmp_path / "masks" / f"{t * 5:05d}.png", labels(right=t < FRAMES - 1))
    annotations = {0: tmp_path / "masks" / "00000.png"}
    return VosSequence("s", tuple(files), {3: 0, 7: 4}, annotations, tuple(range(FRAMES)), read_label_map)


def labels(right: bool) -> NDArray[np.uint8]:
    made = np.zeros((HEIGHT, WIDTH), np.uint8)
    made[:, : WIDTH // 3] = 3
    if right:
        made[:, -WIDTH // 3 :] = 7
    return made


def picture(jpeg: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(jpeg)))


def test_a_strip_spans_the_sequence(sequence: VosSequence, tmp_path: Path) -> None:
    strip = overlay_strip(sequence, tmp_path / "masks", count=5)
    assert [frame.name for frame in strip] == ["00000", "00010", "00020", "00030", "00040"]
    assert [frame.given for frame in strip] == [True, False, True, False, False]


def test_masks_have_the_objects_colours_and_the_rest_stays(sequence: VosSequence, tmp_path: Path) -> None:
    first = picture(overlay_strip(sequence, tmp_path / "masks")[0].jpeg).astype(int)
    last = picture(overlay_strip(sequence, tmp_path / "masks")[-1].jpeg).astype(int)
    half = [(100 + np.array(colour(k))) / 2 for k in (0, 1)]
    np.testing.assert_allclose(first[30, 12], half[0], atol=8)
    np.testing.assert_allclose(first[30, 84], half[1], atol=8)
    np.testing.assert_allclose(first[30, 48], 100, atol=8)
    np.testing.assert_allclose(last[30, 84], 100, atol=8)


def test_only_saved_frames_are_looked_for(sequence: VosSequence, tmp_path: Path) -> None:
    saved = VosSequence(**{**vars(sequence), "saved": (2, 6)})
    assert [frame.name for frame in overlay_strip(saved, tmp_path / "masks")] == ["00010", "00030"]


def test_large_frames_shrink(sequence: VosSequence, tmp_path: Path) -> None:
    (frame, *_) = overlay_strip(sequence, tmp_path / "masks", longest=48)
    assert picture(frame.jpeg).shape == (30, 48, 3)


def test_a_frame_without_objects_stays_as_it_is(sequence: VosSequence, tmp_path: Path) -> None:
    write_label_map(tmp_path / "masks" / "00000.png", np.zeros((HEIGHT, WIDTH), np.uint8))
    (frame, *_) = overlay_strip(sequence, tmp_path / "masks")
    np.testing.assert_allclose(picture(frame.jpeg), 100, atol=2)


def test_a_missing_result_is_named(sequence: VosSequence, tmp_path: Path) -> None:
    (tmp_path / "masks" / "00020.png").unlink()
    with pytest.raises(EvaluationError, match=r"00020\.png"):
        overlay_strip(sequence, tmp_path / "masks")


def test_a_result_of_another_size_is_named(sequence: VosSequence, tmp_path: Path) -> None:
    write_label_map(tmp_path / "masks" / "00020.png", np.zeros((HEIGHT, 90), np.uint8))
    with pytest.raises(EvaluationError, match=r"00020\.png.*90x60.*96x60"):
        overlay_strip(sequence, tmp_path / "masks")


def test_a_video_has_all_saved_frames(sequence: VosSequence, tmp_path: Path) -> None:
    overlay_video(sequence, tmp_path / "masks", tmp_path / "s.mp4")
    with av.open(str(tmp_path / "s.mp4")) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(shown) == FRAMES
    assert np.argmax(shown[0][30, 12].astype(int) - 100) == np.argmax(colour(0))
