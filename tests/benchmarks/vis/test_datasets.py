"""Readers of UVO, YouTube-VIS and OVIS, on their miniatures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from sampt.benchmarks.vis.check import check_vis_dataset
from sampt.benchmarks.vis.datasets import VIS_DATASETS, open_vis_dataset
from sampt.benchmarks.vis.miniature import vis_miniature_names, write_vis_miniature
from sampt.errors import ConfigError, DatasetError, OutputError
from sampt.synthetic.scene import SyntheticScene

from .conftest import Miniature


def test_there_is_a_miniature_of_every_dataset() -> None:
    assert set(vis_miniature_names()) == set(VIS_DATASETS)


@pytest.mark.parametrize("name", VIS_DATASETS)
def test_frames_and_objects_of_the_annotated_videos(miniature: Miniature, name: str) -> None:
    dataset = open_vis_dataset(name, miniature(name), "train")
    assert dataset.scored
    last = dataset[dataset.names[-1]]
    assert last.size == (96, 160)
    assert [frame.shape for frame in last.video] == [(96, 160, 3)] * 4
    for masklet in last.annotations:
        for t, counts in enumerate(masklet.masks):
            area = 0 if counts is None else coco.area({"size": last.size, "counts": counts})
            assert masklet.areas[t] == area
    late = last.annotations[-1]
    assert [counts is None for counts in late.masks] == [True, True, False, False]


def test_masks_and_frames_are_those_of_the_scene(miniature: Miniature) -> None:
    dataset = open_vis_dataset("ytvis2019", miniature("ytvis2019"), "train")
    video, scene = dataset[dataset.names[0]], SyntheticScene(4, 96, 160, 2, 50, leaving=False)
    for t in range(4):
        masks = [coco.decode({"size": video.size, "counts": a.masks[t]}) for a in video.annotations]
        np.testing.assert_array_equal(np.stack(masks), scene.masks(t))
        assert np.abs(video.video[t].astype(int) - scene[t]).mean() < 8  # JPEG


@pytest.mark.parametrize("name", ["ytvis2019", "ytvis2021", "ovis"])
def test_validation_sets_have_no_public_truth(miniature: Miniature, name: str) -> None:
    dataset = open_vis_dataset(name, miniature(name))
    assert (dataset.split, dataset.scored) == ("valid", False)
    assert dataset[dataset.names[0]].annotations == ()


def test_the_folder_above_will_do_as_well(miniature: Miniature) -> None:
    root = miniature("uvo")
    assert open_vis_dataset("uvo", root).root == root
    with pytest.raises(DatasetError, match=r"VideoDenseSet/UVO_video_val_dense\.json"):
        open_vis_dataset("uvo", root / "uvo_videos_dense")


def test_the_other_names_of_the_annotation_file(copied: Miniature) -> None:
    root = copied("ytvis2019")
    expected = open_vis_dataset("ytvis2019", root).names
    (root / "valid.json").rename(root / "instances_val_sub.json")
    assert open_vis_dataset("ytvis2019", root).names == expected


def test_another_annotation_file_may_be_given(copied: Miniature) -> None:
    root = copied("ytvis2021")
    changed(root / "valid/instances.json", root / "few.json", videos=lambda videos: videos[:1])
    assert len(open_vis_dataset("ytvis2021", root, options={"annotations": "few.json"}).names) == 1


def changed(path: Path, target: Path, **changes: Any) -> None:
    """Write an annotation file again with some of its lists made into others."""
    content = json.loads(path.read_text())
    target.write_text(json.dumps({**content, **{k: change(content[k]) for k, change in changes.items()}}))


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (["../../secret/0.png"], "file name of video"),
        (["/etc/0.png"], "file name of video"),
        (None, "file_names"),
        (["tin_cars-02/0.png"] * 4, "tin_cars-02"),
    ],
)
def test_file_names_that_make_no_sense(copied: Miniature, files: Any, named: str) -> None:
    path = copied("uvo") / "VideoDenseSet/UVO_video_val_dense.json"
    length = 4 if files is None else len(files)
    changed(
        path, path, videos=lambda videos: [videos[0] | {"file_names": files, "length": length}, videos[1]]
    )
    with pytest.raises(DatasetError, match=rf"UVO_video_val_dense\.json.*{named}"):
        open_vis_dataset("uvo", path.parents[1]).names  # noqa: B018


def test_a_missing_frame_is_named_with_the_remedy(copied: Miniature) -> None:
    root = copied("uvo")
    frames = root / "uvo_videos_dense_frames/tin_cars-02"
    (frames / "2.png").unlink()
    dataset = open_vis_dataset("uvo", root)
    with pytest.raises(DatasetError, match=r"tin_cars-02/2\.png.*`sampt prepare uvo`"):
        dataset["tin_cars-02"]
    (frames / "1.png").unlink()
    with pytest.raises(DatasetError, match=r"tin_cars-02/1\.png.*\b1 more"):
        dataset["tin_cars-02"]


def test_all_that_is_wrong_with_annotations_is_known(copied: Miniature) -> None:
    root = copied("uvo")
    path = root / "VideoDenseSet/UVO_video_val_dense.json"
    changed(path, path, annotations=lambda all: [all[0] | {"video_id": 9}, *all[1:], {}])
    report = check_vis_dataset("uvo", root)
    assert (report.sequences, report.frames, report.objects, report.annotations) == (2, 8, 4, 14)
    assert [problem.partition(": ")[0] for problem in report.problems] == [
        f"{path}, annotation {n}" for n in (0, 5)
    ]


def test_no_frames_at_all(copied: Miniature) -> None:
    root = copied("ovis")
    shutil.rmtree(root / "valid")
    dataset = open_vis_dataset("ovis", root)
    with pytest.raises(DatasetError, match=dataset.names[0]):
        dataset[dataset.names[0]]


def test_frames_of_another_size(copied: Miniature) -> None:
    root = copied("ytvis2021")
    path = root / "valid/instances.json"
    changed(path, path, videos=lambda videos: [video | {"width": 161} for video in videos])
    dataset = open_vis_dataset("ytvis2021", root)
    with pytest.raises(DatasetError, match=r"160x96.*161x96"):
        dataset[dataset.names[0]]


def test_one_frame_of_another_size(copied: Miniature) -> None:
    root = copied("uvo")
    frame = root / "uvo_videos_dense_frames/tin_cars-02/3.png"
    with Image.open(frame) as image:
        image.resize((80, 48)).save(frame)
    with pytest.raises(DatasetError, match=r"3\.png.*80x48.*160x96"):
        open_vis_dataset("uvo", root)["tin_cars-02"]


@pytest.mark.parametrize(
    ("name", "split", "options", "names"),
    [
        ("uvos", None, {}, "'uvos'.*'uvo'"),
        ("uvo", "valid", {}, "'valid'.*'val'"),
        ("uvo", "val", {"resolution": "480p"}, "'resolution'.*annotations"),
    ],
)
def test_what_is_not_known(
    miniature: Miniature, name: str, split: str | None, options: dict[str, str], names: str
) -> None:
    with pytest.raises(ConfigError, match=names):
        open_vis_dataset(name, miniature("uvo"), split, options)


def test_a_video_that_is_not_there(miniature: Miniature) -> None:
    with pytest.raises(DatasetError, match="'tin_cars-02'"):
        open_vis_dataset("uvo", miniature("uvo"))["tin_cars"]


def test_miniatures_leave_other_files_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(OutputError, match=tmp_path.name):
        write_vis_miniature("uvo", tmp_path)
    with pytest.raises(ConfigError, match=r"\b3\b.*\b2\b"):
        write_vis_miniature("uvo", tmp_path / "new", frames=2)
