"""What is written for datasets is read back by the tools that read such datasets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import supervision
import yaml
from PIL import Image
from pycocotools.coco import COCO

from sampt._internal.run_lengths import decode
from sampt.benchmarks.datasets.registry import find_dataset
from sampt.benchmarks.vis.annotations import read_annotations
from sampt.errors import OutputError
from sampt.output.frame_writer import RunFacts
from sampt.output.outputs import Outputs
from sampt.output.sequences import DavisWriter

from .exact import SCENE, exact, frames_in, write

NAMES = [f"shot_{t:04d}.jpg" for t in range(10, 14)]


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / max((a | b).sum(), 1)


@pytest.mark.parametrize("as_polygons", [False, True], ids=["run lengths", "polygons"])
def test_pycocotools_reads_coco(as_polygons: bool, tmp_path: Path) -> None:
    video = frames_in(tmp_path / "clip")
    write(Outputs(exports={"coco": tmp_path / "c.json"}, coco_polygons=as_polygons), video, tmp_path / "out")
    coco = COCO(tmp_path / "c.json")
    assert [image["file_name"] for image in coco.imgs.values()] == [
        f"shot_{t}.jpg" for t in ("0010", "0011", "0012", "0013")
    ]
    assert {(i["width"], i["height"], i["video_id"]) for i in coco.imgs.values()} == {(160, 120, 1)}
    assert {c["id"]: c["name"] for c in coco.loadCats(coco.getCatIds())} == {1: "dog", 7: "ball"}
    for annotation in coco.anns.values():
        mask = SCENE.masks(annotation["image_id"])[(1, 7).index(annotation["track_id"])]
        assert iou(coco.annToMask(annotation).astype(bool), mask) >= (0.95 if as_polygons else 1)
        assert annotation["area"] == mask.sum()
        assert isinstance(annotation["segmentation"], list) == as_polygons


@pytest.mark.parametrize("as_polygons", [False, True], ids=["run lengths", "polygons"])
def test_supervision_reads_coco(as_polygons: bool, tmp_path: Path) -> None:
    video = frames_in(tmp_path / "clip")
    write(Outputs(exports={"coco": tmp_path / "c.json"}, coco_polygons=as_polygons), video, tmp_path / "out")
    read = supervision.DetectionDataset.from_coco(str(video.path), str(tmp_path / "c.json"), force_masks=True)
    assert read.classes == ["dog", "ball"]
    assert len(read) == len(SCENE)
    for path, _, found in read:
        t = int(Path(path).stem[-2:]) - 10
        for number, mask in zip(found.class_id, found.mask, strict=True):
            assert iou(mask, SCENE.masks(t)[number]) > (0.9 if as_polygons else 0.999)


def test_categories_join_objects(tmp_path: Path) -> None:
    write(Outputs(exports={"coco": tmp_path / "c.json"}, category="toy"), SCENE, tmp_path / "out")
    data = json.loads((tmp_path / "c.json").read_text())
    assert data["categories"] == [{"id": 1, "name": "toy"}]
    assert {a["category_id"] for a in data["annotations"]} == {1}
    assert {a["track_id"] for a in data["annotations"]} == {1, 7}
    write(Outputs(exports={"coco": tmp_path / "d.json"}, category={1: "cat"}), SCENE, tmp_path / "again")
    data = json.loads((tmp_path / "d.json").read_text())
    assert data["categories"] == [{"id": 1, "name": "cat"}, {"id": 7, "name": "ball"}]


def test_the_reader_of_youtube_vis_reads_ytvis(tmp_path: Path) -> None:
    video = frames_in(tmp_path / "clip")
    write(Outputs(exports={"ytvis": tmp_path / "y.json"}), video, tmp_path / "out")
    read = read_annotations(tmp_path / "y.json")
    assert read.videos[1].files == tuple(f"clip/{name}" for name in NAMES)
    assert (read.videos[1].size, read.categories) == (SCENE.size, {1: "dog", 7: "ball"})
    tubes = read.masklets[1]
    assert [tube.category for tube in tubes] == [1, 7]
    for k, tube in enumerate(tubes):
        for t, counts in enumerate(tube.masks):
            mask = (
                decode({"size": list(SCENE.size), "counts": counts}) if counts else np.zeros(SCENE.size, bool)
            )
            np.testing.assert_array_equal(mask, SCENE.masks(t)[k])


def test_supervision_reads_yolo(tmp_path: Path) -> None:
    root = tmp_path / "yolo"
    write(Outputs(exports={"yolo": root}), frames_in(tmp_path / "clip"), tmp_path / "out")
    read = supervision.DetectionDataset.from_yolo(
        str(root / "images/clip"), str(root / "labels/clip"), str(root / "data.yaml"), force_masks=True
    )
    assert read.classes == ["dog", "ball"]
    assert sorted(Path(p).name for p in read.image_paths) == NAMES
    for path, _, found in read:
        t = int(Path(path).stem[-2:]) - 10
        assert len(found) == sum(mask.any() for mask in SCENE.masks(t))
        for number, mask in zip(found.class_id, found.mask, strict=True):
            assert iou(mask, SCENE.masks(t)[number]) > 0.9


def test_yolo_labels_lie_where_ultralytics_looks(tmp_path: Path) -> None:
    """Images below data.yaml's train, and each label in the same place with labels for images."""
    root = tmp_path / "yolo"
    write(Outputs(exports={"yolo": root}), SCENE, tmp_path / "out")
    data = yaml.safe_load((root / "data.yaml").read_text())
    assert data["names"] == {0: "dog", 1: "ball"} and "path" not in data
    images = sorted((root / data["train"]).rglob("*.*"))
    assert len(images) == len(SCENE) and (root / data["val"]).is_dir()
    for image in images:
        label = Path(str(image).replace("/images/", "/labels/")).with_suffix(".txt")
        for line in label.read_text().splitlines():
            values = np.array(line.split()[1:], float)
            assert len(values) >= 6 and len(values) % 2 == 0
            assert (values >= 0).all() and (values <= 1).all()


@pytest.mark.parametrize(("kind", "dataset"), [("davis", "davis2017"), ("youtube-vos", "youtubevos2019")])
def test_our_readers_read_vos_datasets(kind: str, dataset: str, tmp_path: Path) -> None:
    root = tmp_path / "data"
    write(Outputs(exports={kind: root}, category={1: "cat"}), frames_in(tmp_path / "clip"), tmp_path / "out")
    info = find_dataset(dataset)
    options = {key: values[0] for key, values in info.options.items()}
    sequence = info.open(root, "train", options)["clip"]
    assert [frame.name for frame in sequence.frames] == NAMES
    assert sequence.frames[0].read_bytes() == (tmp_path / "clip/shot_0010.jpg").read_bytes()
    assert set(sequence.appearances) == {1, 7}
    assert kind == "davis" or sequence.categories == {1: "cat", 7: "ball"}
    assert sorted(sequence.annotations) == list(range(len(SCENE)))
    for t in range(len(SCENE)):
        for k, id in enumerate((1, 7)):
            np.testing.assert_array_equal(sequence.labels(t) == id, SCENE.masks(t)[k])


def test_a_second_video_is_added_to_a_dataset(tmp_path: Path) -> None:
    kinds = {kind: tmp_path / kind for kind in ("yolo", "davis", "youtube-vos")}
    write(Outputs(exports=kinds), frames_in(tmp_path / "one"), tmp_path / "out")
    data = tmp_path / "yolo/data.yaml"
    data.write_text(data.read_text().replace("val: images", "val: other"))
    write(Outputs(exports=kinds, category="ball"), frames_in(tmp_path / "two"), tmp_path / "again")
    assert (tmp_path / "davis/ImageSets/2017/train.txt").read_text() == "one\ntwo\n"
    meta = json.loads((tmp_path / "youtube-vos/train/meta.json").read_text())
    assert list(meta["videos"]) == ["one", "two"]
    assert {o["category"] for o in meta["videos"]["two"]["objects"].values()} == {"ball"}
    assert yaml.safe_load(data.read_text()) == {
        "train": "images",
        "val": "other",
        "names": {0: "dog", 1: "ball"},
    }
    assert (tmp_path / "yolo/labels/two/shot_0010.txt").read_text().startswith("1 ")


def test_frames_that_are_not_jpegs_become_jpegs(tmp_path: Path) -> None:
    video = frames_in(tmp_path / "clip", ".png")
    write(Outputs(exports={"davis": tmp_path / "d"}), video, tmp_path / "out")
    picture = Image.open(tmp_path / "d/JPEGImages/480p/clip/shot_0012.jpg")
    assert picture.format == "JPEG"
    assert np.abs(np.asarray(picture).astype(int) - video[2]).mean() < 3


def test_a_frame_that_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    """An image without its annotation would be taken for one without objects."""
    facts = RunFacts(SCENE, SCENE.size, 25.0, (1, 7), {1: "dog", 7: "ball"})
    writer = DavisWriter(tmp_path / "d", facts)
    writer.write(SCENE[0], exact(0))
    folder = next((tmp_path / "d/Annotations/480p").iterdir())
    folder.rename(tmp_path / "moved")
    with pytest.raises(OutputError, match=r"00001\.png"):
        writer.write(SCENE[1], exact(1))
    writer.close()
    assert [path.name for path in (tmp_path / "d").rglob("*.jpg")] == ["00000.jpg"]
    assert (tmp_path / "d/ImageSets/2017/train.txt").read_text() == "synthetic-3\n"
