"""One frame's result, taken elsewhere: files, COCO, supervision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from sampt import FrameResult
from sampt.errors import OutputError


def result(*masks: np.ndarray, index: int = 12) -> FrameResult:
    stacked = np.stack(masks)
    return FrameResult(
        index=index,
        object_ids=(3, 7, 9)[: len(masks)],
        masks=stacked,
        logits=np.where(stacked, 1.0, -1.0).astype(np.float32),
        scores=np.float32([0.5, np.nan, 0.25])[: len(masks)],
    )


@pytest.fixture
def apart() -> FrameResult:
    """Objects 3 and 7 side by side in a frame of 20×30; object 9 is not seen."""
    masks = np.zeros((3, 20, 30), bool)
    masks[0, 2:6, 4:10] = True
    masks[1, 10:15, 20:30] = True
    return result(*masks)


@pytest.fixture
def crossing(apart: FrameResult) -> FrameResult:
    """As before, but object 9 lies upon object 3."""
    masks = apart.masks.copy()
    masks[2, 2:4, 4:10] = True
    return replace(apart, masks=masks)


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def test_the_label_map_is_saved_under_the_frames_number(apart: FrameResult, tmp_path: Path) -> None:
    path = apart.save(tmp_path / "new" / "masks")
    assert path == tmp_path / "new/masks/00012.png"
    image = Image.open(path)
    assert image.mode == "P"
    np.testing.assert_array_equal(np.asarray(image), apart.label_map())
    assert files_of(tmp_path / "new/masks") == ["00012.png"]


def test_masks_that_overlap_are_also_saved_whole(crossing: FrameResult, tmp_path: Path) -> None:
    crossing.save(tmp_path)
    assert files_of(tmp_path) == ["00012.png", "3/00012.png", "7/00012.png", "9/00012.png"]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "9/00012.png")), crossing.masks[2] * 9)


def test_whole_masks_can_be_asked_for_or_left_out(
    apart: FrameResult, crossing: FrameResult, tmp_path: Path
) -> None:
    apart.save(tmp_path / "a", each_object=True)
    crossing.save(tmp_path / "b", each_object=False)
    assert len(files_of(tmp_path / "a")) == 4
    assert files_of(tmp_path / "b") == ["00012.png"]


def test_a_folder_that_cannot_be_made_is_named(apart: FrameResult, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        apart.save(tmp_path / "file")


def test_coco_has_an_annotation_for_each_object_that_is_seen(apart: FrameResult) -> None:
    first, second = apart.to_coco()
    assert (first["id"], first["image_id"], first["category_id"], first["track_id"]) == (1, 12, 3, 3)
    assert (first["bbox"], first["area"], first["score"]) == ([4, 2, 6, 4], 24, 0.5)
    assert (second["id"], second["category_id"], second["score"]) == (2, 7, None)
    np.testing.assert_array_equal(coco.decode(second["segmentation"]), apart.masks[1])


def test_coco_annotations_can_name_their_image_and_go_on_counting(apart: FrameResult) -> None:
    annotations = apart.to_coco("street.jpg", first_id=5)
    assert [(a["id"], a["file_name"]) for a in annotations] == [(5, "street.jpg"), (6, "street.jpg")]


def test_detections_carry_ids_masks_and_scores(apart: FrameResult) -> None:
    pytest.importorskip("supervision")
    detections = apart.to_detections()
    assert detections.class_id.tolist() == detections.tracker_id.tolist() == [3, 7]
    np.testing.assert_array_equal(detections.mask, apart.masks[:2])
    np.testing.assert_array_equal(detections.xyxy, [[4, 2, 9, 5], [20, 10, 29, 14]])
    np.testing.assert_array_equal(detections.confidence, np.float32([0.5, np.nan]))


def test_a_frame_without_masks_gives_nothing(apart: FrameResult) -> None:
    pytest.importorskip("supervision")
    nothing = replace(apart, masks=apart.masks & False)
    assert nothing.to_coco() == []
    assert len(nothing.to_detections()) == 0
