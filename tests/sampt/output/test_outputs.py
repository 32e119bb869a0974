"""What cannot be written is refused before any frame, in a sentence that names the option and the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sampt import SamptError, Video
from sampt.output.outputs import Outputs

from .exact import QUERIES, SCENE, frames_in, write


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cutout": "cut.mp4"}, r"--cutout cut.mp4: .* \.mov or \.webm"),
        ({"cutout": "cut.png"}, "--cutout cut.png: give a folder"),
        ({"matte": "matte.webm"}, r"--matte matte.webm: .* \.mp4 or \.mov"),
        ({"background": "blurry"}, "--background blurry: give blur, or a colour"),
        ({"exports": {"voc": "data"}}, "--export voc: give one of coco, ytvis, yolo"),
        ({"cutout_per_object": True}, "--cutout-per-object needs --cutout"),
        ({"coco_polygons": True}, "--coco-polygons needs --coco"),
        ({"overlay": False, "overlay_points": True}, "--overlay-points needs --overlay"),
        ({"category": "dog"}, "--category needs --coco or --export"),
    ],
)
def test_values_that_mean_nothing(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SamptError, match=message):
        Outputs(**given)


def refuse(
    outputs: Outputs, folder: Path, message: str, overwrite: bool = False, source: object = SCENE
) -> None:
    before = sorted(folder.rglob("*"))
    with pytest.raises(SamptError, match=message):
        outputs.check(folder / "out", overwrite, QUERIES, source)
    assert sorted(folder.rglob("*")) == before


def test_places_that_are_missing_or_taken(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/note.txt").write_text("mine")
    (tmp_path / "file.json").write_text("mine")
    refuse(Outputs(exports={"coco": tmp_path / "none/c.json"}), tmp_path, "create the folder")
    refuse(Outputs(exports={"ytvis": tmp_path / "full"}), tmp_path, "it is a folder")
    refuse(Outputs(exports={"coco": tmp_path / "file.json"}), tmp_path, "exists already; .* --overwrite")
    refuse(Outputs(cutout=tmp_path / "full"), tmp_path, "exists already; .* --overwrite")
    refuse(Outputs(cutout=tmp_path / "file.json"), tmp_path, "is not a folder", overwrite=True)
    refuse(Outputs(cutout=tmp_path / "none/cut.mov"), tmp_path, "create the folder")
    refuse(Outputs(cutout=tmp_path / "out/none/cut.mov"), tmp_path, "create the folder")


def test_places_of_other_results(tmp_path: Path) -> None:
    same = tmp_path / "one"
    refuse(Outputs(exports={"coco": same, "ytvis": same}), tmp_path, "--export ytvis: .* another result")
    refuse(Outputs(cutout=tmp_path / "out/masks"), tmp_path, "--cutout: .* another result")
    refuse(Outputs(exports={"coco": tmp_path / "out/result.json"}), tmp_path, "another result")


def test_the_video_itself_is_never_replaced(tmp_path: Path) -> None:
    """A dataset into which one of its own videos would be written again."""
    video = frames_in(tmp_path / "data/JPEGImages/480p/clip")
    outputs = Outputs(exports={"davis": tmp_path / "data"})
    refuse(outputs, tmp_path, "would replace the video itself", overwrite=True, source=video)
    refuse(Outputs(cutout=video.path), tmp_path, "would replace the video", overwrite=True, source=video)
    refuse(Outputs(cutout=video.path.parent), tmp_path, "would replace", overwrite=True, source=video)


def test_lists_of_other_datasets(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("- just\n- a list\n")
    (tmp_path / "train").mkdir()
    (tmp_path / "train/meta.json").write_text("{}")
    refuse(Outputs(exports={"yolo": tmp_path}), tmp_path, "is not a data.yaml")
    refuse(Outputs(exports={"youtube-vos": tmp_path}), tmp_path, "is not a meta.json of YouTube-VOS")


def test_categories_of_objects_that_do_not_exist(tmp_path: Path) -> None:
    outputs = Outputs(exports={"coco": tmp_path / "c.json"}, category={3: "dog"})
    refuse(outputs, tmp_path, "there is no object 3; give one of 1, 7")


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a file system that nobody can write")
def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    refuse(Outputs(cutout="/proc/cut"), tmp_path, "cannot write into /proc/cut")
    refuse(Outputs(exports={"coco": "/proc/c.json"}), tmp_path, "cannot write into /proc")
    refuse(Outputs(exports={"yolo": "/proc/yolo"}), tmp_path, "cannot write into /proc/yolo")


def test_overwriting_replaces_a_video_in_a_dataset_and_nothing_else(tmp_path: Path) -> None:
    exports = {"davis": tmp_path / "data"}
    for name in ("one", "two"):
        write(Outputs(exports=exports), frames_in(tmp_path / name), tmp_path / f"out_{name}")
    masks = tmp_path / "data/Annotations/480p"
    (masks / "one/extra.png").write_text("from an earlier, longer run")
    with Video(tmp_path / "one") as video:
        refuse(Outputs(exports=exports), tmp_path, "exists already", source=video)
        write(Outputs(exports=exports), video, tmp_path / "again", overwrite=True)
    assert not (masks / "one/extra.png").exists()
    assert len(list((masks / "two").iterdir())) == len(SCENE)
    assert (tmp_path / "data/ImageSets/2017/train.txt").read_text() == "two\none\n"


def test_overwriting_replaces_the_pictures_of_a_longer_run(tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    write(Outputs(cutout=cut), SCENE, tmp_path / "out")
    (cut / "00099.png").write_text("from an earlier, longer run")
    write(Outputs(cutout=cut), SCENE, tmp_path / "again", overwrite=True)
    assert sorted(path.name for path in cut.iterdir()) == [f"{t:05d}.png" for t in range(len(SCENE))]
    (cut / "notes.txt").write_text("mine")
    refuse(Outputs(cutout=cut), tmp_path, "holds notes.txt; choose a folder of its own", overwrite=True)
