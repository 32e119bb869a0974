"""From the bitmasks of BDD100K to a set for video object segmentation."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sampt.benchmarks.datasets.bdd100k_prepare import PreparedBdd100k, prepare_bdd100k
from sampt.benchmarks.datasets.registry import open_dataset
from sampt.errors import DatasetError, OutputError

from .conftest import Miniature

VIDEO = "b1c66a42-6f7d68ca"
# number: (category, truncated·8 + occluded·4 + crowd·2 + ignored), as bytes R and G have them
CAR, PEDESTRIAN = 3, 1


def write_video(root: Path, name: str, bitmasks: list[np.ndarray]) -> None:
    """Bitmasks (H, W, 4) with black frames, as the official archives have them."""
    images = root / "images" / "seg_track_20" / "val" / name
    labels = root / "labels" / "seg_track_20" / "bitmasks" / "val" / name
    for folder in (images, labels):
        folder.mkdir(parents=True)
    for t, bitmask in enumerate(bitmasks, start=1):
        Image.new("RGB", bitmask.shape[1::-1]).save(images / f"{name}-{t:07d}.jpg")
        Image.fromarray(bitmask).save(labels / f"{name}-{t:07d}.png")


def bitmask(*instances: tuple[int, int, int]) -> np.ndarray:
    """One column of pixels for each (category, attributes, number)."""
    columns = [
        (category, attributes, number >> 8, number & 255) for category, attributes, number in instances
    ]
    return np.tile(np.array(columns, np.uint8), (2, 1, 1))


def prepared_labels(output: Path, name: str) -> list[list[int]]:
    folder = output / "val" / "Annotations" / name
    return [np.asarray(Image.open(path))[0].tolist() for path in sorted(folder.iterdir())]


def test_instances_are_numbered_and_the_unwanted_dropped(tmp_path: Path) -> None:
    first = [(CAR, 0, 700), (PEDESTRIAN, 0b1100, 28), (CAR, 0b0001, 31), (CAR, 0b0010, 4000), (0, 0, 0)]
    second = [(CAR, 0b1000, 700), (PEDESTRIAN, 0b0001, 28), (CAR, 0, 31), (CAR, 0b0011, 4000), (CAR, 0, 5)]
    write_video(tmp_path, "a", [bitmask(*first), bitmask(*second)])
    made = prepare_bdd100k(tmp_path, tmp_path / "out")
    assert made == PreparedBdd100k(videos=1, sequences=1, objects=4, empty=())
    # 5, 28, 31 and 700 stay; what is ignored in one frame is dropped only there
    assert prepared_labels(tmp_path / "out", "a") == [[4, 2, 0, 0, 0], [4, 0, 3, 0, 1]]
    meta = json.loads((tmp_path / "out" / "val" / "meta" / "a.json").read_text())["sequences"]["a"]
    assert meta == {
        "1": {"instance": 5, "category": "car"},
        "2": {"instance": 28, "category": "pedestrian"},
        "3": {"instance": 31, "category": "car"},
        "4": {"instance": 700, "category": "car"},
    }


def test_more_than_100_objects_become_several_sequences(tmp_path: Path) -> None:
    numbers = range(1000, 1230)
    write_video(tmp_path, "a", [bitmask(*[(CAR, 0, n) for n in numbers])])
    made = prepare_bdd100k(tmp_path, tmp_path / "out")
    assert (made.sequences, made.objects) == (3, 230)
    dataset = open_dataset("bdd100k", tmp_path / "out")
    assert dataset.names == ("a", "a-chunk2", "a-chunk3")
    assert prepared_labels(tmp_path / "out", "a-chunk2") == [[0] * 100 + list(range(1, 101)) + [0] * 30]
    assert [len(dataset[name].appearances) for name in dataset.names] == [100, 100, 30]
    assert {dataset[name].video[0].shape for name in dataset.names} == {(2, 230, 3)}


def test_a_video_without_objects_is_told_and_left_out(tmp_path: Path) -> None:
    write_video(tmp_path, "a", [bitmask((CAR, 1, 7))])
    write_video(tmp_path, "b", [bitmask((CAR, 0, 7))])
    assert prepare_bdd100k(tmp_path, tmp_path / "out").empty == ("a",)
    assert open_dataset("bdd100k", tmp_path / "out").names == ("b",)


def test_the_set_may_be_moved_together_with_the_original(copied: Miniature, tmp_path: Path) -> None:
    root = copied("bdd100k")
    shutil.rmtree(root / "vos")
    prepare_bdd100k(root, root / "vos")
    assert (root / "vos" / "val" / "JPEGImages" / VIDEO).is_symlink()
    root.rename(tmp_path / "moved")
    dataset = open_dataset("bdd100k", tmp_path / "moved")
    assert dataset[VIDEO].video[0].shape == (96, 160, 3)


@pytest.mark.parametrize("copy", [False, True])
def test_an_interrupted_run_goes_on(copy: bool, copied: Miniature, tmp_path: Path) -> None:
    root = copied("bdd100k")
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    made = prepare_bdd100k(root, whole, copy=copy, workers=2)
    prepare_bdd100k(root, resumed, copy=copy)
    # as if killed while the second video was written
    second = "b1c81faa-3df17267"
    (resumed / "val" / "meta" / f"{second}.json").unlink()
    (resumed / "val" / "Annotations" / second / f"{second}-0000003.png").unlink()
    finished = resumed / "val" / "Annotations" / VIDEO / f"{VIDEO}-0000001.png"
    before = finished.stat().st_mtime_ns
    assert prepare_bdd100k(root, resumed, copy=copy) == made
    assert finished.stat().st_mtime_ns == before
    assert _contents(resumed) == _contents(whole)


class TestBadInput:
    def test_a_wrong_root(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r"images/seg_track_20/val.*labels/seg_track_20/bitmasks/val"):
            prepare_bdd100k(tmp_path, tmp_path / "out")

    @pytest.mark.parametrize("kind", ["images", "labels"])
    def test_half_a_download(self, kind: str, copied: Miniature, tmp_path: Path) -> None:
        root = copied("bdd100k")
        (gone,) = (root / kind).rglob(f"{VIDEO}-0000005.*")
        gone.unlink()
        with pytest.raises(DatasetError, match=f"{VIDEO}-0000005") as caught:
            prepare_bdd100k(root, tmp_path / "out")
        assert str(gone.parent) in str(caught.value)
        assert not (tmp_path / "out").exists()

    def test_a_truncated_bitmask(self, copied: Miniature, tmp_path: Path) -> None:
        root = copied("bdd100k")
        (path,) = (root / "labels").rglob(f"{VIDEO}-0000005.png")
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(DatasetError) as caught:
            prepare_bdd100k(root, tmp_path / "out")
        assert str(path) in str(caught.value)
        assert not (tmp_path / "out" / "val" / "meta" / f"{VIDEO}.json").exists()

    def test_colour_maps_for_bitmasks(self, copied: Miniature, tmp_path: Path) -> None:
        root = copied("bdd100k")
        (path,) = (root / "labels").rglob(f"{VIDEO}-0000001.png")
        Image.open(path).convert("RGB").save(path)
        with pytest.raises(DatasetError, match=rf"{VIDEO}-0000001\.png.*RGB"):
            prepare_bdd100k(root, tmp_path / "out")

    def test_bitmasks_of_another_size(self, copied: Miniature, tmp_path: Path) -> None:
        root = copied("bdd100k")
        (path,) = (root / "labels").rglob(f"{VIDEO}-0000001.png")
        Image.open(path).resize((80, 48), Image.Resampling.NEAREST).save(path)
        with pytest.raises(DatasetError, match=rf"{VIDEO}-0000001\.png.*80x48.*160x96"):
            prepare_bdd100k(root, tmp_path / "out")

    def test_an_output_that_is_a_file(self, miniature: Miniature, tmp_path: Path) -> None:
        (tmp_path / "out").touch()
        with pytest.raises(OutputError, match="out"):
            prepare_bdd100k(miniature("bdd100k"), tmp_path / "out")


def _contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder; links to folders are not followed."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
