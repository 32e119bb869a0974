"""What is peculiar to single datasets, and what is said of broken ones."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sampt.benchmarks.datasets.check import check_dataset
from sampt.benchmarks.datasets.folders import image_files, read_list
from sampt.benchmarks.datasets.registry import open_dataset, parse_options
from sampt.benchmarks.datasets.sequences import SequenceError
from sampt.errors import ConfigError, DatasetError
from sampt.prompts.label_maps import write_label_map

from .conftest import Miniature

SHARED = Path(os.environ.get("SAMPT_SHARED", Path(__file__).parents[4] / "shared"))


@pytest.mark.skipif(not (SHARED / "davis2016").is_dir(), reason="the six sequences of DAVIS are not here")
class TestTheRealDavis2016:
    def test_opens(self) -> None:
        dataset = open_dataset("davis2016", SHARED / "davis2016")
        assert dataset.names == ("blackswan", "bmx-trees", "car-shadow", "dog", "horsejump-high", "libby")
        assert [len(dataset[name].frames) for name in dataset.names] == [50, 80, 40, 60, 50, 49]
        sequence = dataset["dog"]
        assert sequence.labels(0).shape == (480, 854)
        assert [query.id for query in sequence.queries().objects] == [1]

    def test_is_a_part_of_the_published_one(self) -> None:
        report = check_dataset("davis2016", SHARED / "davis2016")
        assert report.problems == ()
        *counts, read_from = report.notes
        assert counts == [
            "sequences: 6 here, 20 published",
            "frames: 329 here, 1376 published",
            "objects: 6 here, 20 published",
        ]
        assert "480p (JPEGImages/Full-Resolution is missing)" in read_from


class TestLists:
    def test_order_is_kept_and_blank_lines_are_not(self, tmp_path: Path) -> None:
        path = tmp_path / "val.txt"
        path.write_bytes("\ufeffzebra\r\n\r\n  ape \nbear\nape\n".encode())
        assert read_list(path) == ("zebra", "ape", "bear")

    def test_pairs_of_davis_2016_name_their_folder(self, tmp_path: Path) -> None:
        path = tmp_path / "val.txt"
        path.write_text(
            "".join(f"/JPEGImages/480p/dog/{t}.jpg /Annotations/480p/dog/{t}.png\n" for t in "123")
        )
        assert read_list(path) == ("dog",)

    @pytest.mark.parametrize(
        "line",
        [
            "/JPEGImages/480p/my old dog/1.jpg /Annotations/480p/my old dog/1.png",
            "/JPEGImages/480p/my old dog/frame 1.jpg /Annotations/480p/my old dog/frame 1.png",
            "my old dog",
        ],
    )
    def test_names_may_hold_spaces(self, line: str, tmp_path: Path) -> None:
        path = tmp_path / "val.txt"
        path.write_text(f"{line}\n")
        assert read_list(path) == ("my old dog",)

    def test_an_empty_list_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "val.txt").write_text("\n\n")
        with pytest.raises(DatasetError, match=r"val\.txt"):
            read_list(tmp_path / "val.txt")

    def test_decides_which_sequences_there_are(self, copied: Miniature) -> None:
        root = copied("davis2017")
        (root / "ImageSets" / "2017" / "val.txt").write_text("tin-cars\ntin-gone\ntin-train\n")
        dataset = open_dataset("davis2017", root)
        assert dataset.names == ("tin-cars", "tin-gone", "tin-train")
        with pytest.raises(DatasetError, match="tin-gone"):
            dataset["tin-gone"]

    def test_a_missing_one_is_named(self, copied: Miniature) -> None:
        root = copied("davis2016")
        shutil.rmtree(root / "ImageSets")
        with pytest.raises(DatasetError, match=r"ImageSets/480p/val\.txt.*https"):
            open_dataset("davis2016", root)


def test_frames_are_in_natural_order_and_hidden_files_are_none(tmp_path: Path) -> None:
    for name in ("frame10.jpg", "frame9.jpeg", "frame2.PNG", "._frame2.jpg", "readme.txt"):
        (tmp_path / name).touch()
    assert [file.name for file in image_files(tmp_path)] == ["frame2.PNG", "frame9.jpeg", "frame10.jpg"]


class TestDavis:
    def test_2016_reads_the_folders_of_2017(self, copied: Miniature) -> None:
        root = copied("davis2017")
        lists = root / "ImageSets" / "2016"
        lists.mkdir()
        (lists / "val.txt").write_text("tin-cars\n")
        sequence = open_dataset("davis2016", root)["tin-cars"]
        assert sequence.appearances == {1: 0}
        ids = open_dataset("davis2017", root)["tin-cars"].labels(5)
        assert np.array_equal(sequence.labels(5), ids > 0)

    def test_splits_unpacked_apart_are_told_apart(self, miniature: Miniature, tmp_path: Path) -> None:
        for folder, split in (("trainval", "val"), ("test-dev", "test-dev")):
            shutil.copytree(miniature("davis2017"), tmp_path / folder)
            for other in {"train", "val", "test-dev"} - {split}:
                (tmp_path / folder / "ImageSets" / "2017" / f"{other}.txt").unlink()
        assert open_dataset("davis2017", tmp_path, "test-dev").names == ("tin-secret",)
        assert open_dataset("davis2017", tmp_path, "val").names == ("tin-boat", "tin-cars")

    def test_an_object_not_in_the_first_frame_does_not_count(self, copied: Miniature) -> None:
        root = copied("davis2017")
        path = root / "Annotations" / "480p" / "tin-boat" / "00004.png"
        labels = np.array(Image.open(path))
        labels[:9, :9] = 7
        write_label_map(path, labels)
        assert open_dataset("davis2017", root)["tin-boat"].appearances == {1: 0}

    def test_one_missing_annotation_is_one_too_many(self, copied: Miniature) -> None:
        root = copied("davis2017")
        (root / "Annotations" / "480p" / "tin-boat" / "00006.png").unlink()
        with pytest.raises(DatasetError, match=r"00006\.png"):
            open_dataset("davis2017", root)["tin-boat"]


class TestYouTubeVos:
    def test_knows_categories(self, miniature: Miniature) -> None:
        sequence = open_dataset("youtubevos2019", miniature("youtubevos2019"))["00decade02"]
        assert sequence.categories == {1: "penguin", 2: "dinosaur"}

    def test_saves_every_fifth_of_all_frames(self, miniature: Miniature) -> None:
        dataset = open_dataset("youtubevos2018", miniature("youtubevos2018"), options={"all_frames": "true"})
        assert dataset["00c0ffee01"].saved == (0, 5, 10, 15, 20, 25, 30, 35)

    def test_saves_the_frames_that_meta_names(self, copied: Miniature) -> None:
        root = copied("youtubevos2018")
        meta = json.loads((root / "valid" / "meta.json").read_text())
        meta["videos"]["00c0ffee01"]["objects"]["1"]["frames"] = ["00000", "00010", "00015"]
        (root / "valid" / "meta.json").write_text(json.dumps(meta))
        assert open_dataset("youtubevos2018", root)["00c0ffee01"].saved == (0, 10, 15)
        sparse = open_dataset("youtubevos2018", root, options={"all_frames": "false"})
        assert sparse["00c0ffee01"].saved == (0, 2, 3)

    def test_a_frame_that_meta_names_must_be_there(self, copied: Miniature) -> None:
        root = copied("youtubevos2018")
        for name in ("00020.jpg", "00025.jpg"):
            (root / "valid" / "JPEGImages" / "00c0ffee01" / name).unlink()
        with pytest.raises(DatasetError, match=r"00020\.jpg.* 1 more"):
            open_dataset("youtubevos2018", root, options={"all_frames": "false"})["00c0ffee01"]

    def test_the_annotation_of_a_later_object_must_be_there(self, copied: Miniature) -> None:
        root = copied("youtubevos2018")
        (root / "valid" / "Annotations" / "00decade02" / "00010.png").unlink()
        with pytest.raises(DatasetError, match=r"00010\.png"):
            open_dataset("youtubevos2018", root)["00decade02"]

    def test_the_other_archive_may_lie_where_xmem_has_it(self, copied: Miniature) -> None:
        root = copied("youtubevos2018")
        (root / "all_frames").mkdir()
        (root / "valid_all_frames").rename(root / "all_frames" / "valid_all_frames")
        dataset = open_dataset("youtubevos2018", root, options={"all_frames": "true"})
        assert len(dataset["00c0ffee01"].frames) == 36

    def test_the_other_archive_is_missed(self, copied: Miniature) -> None:
        root = copied("youtubevos2018")
        shutil.rmtree(root / "valid_all_frames")
        with pytest.raises(DatasetError, match=r"valid_all_frames\.zip"):
            open_dataset("youtubevos2018", root, options={"all_frames": "true"})

    @pytest.mark.parametrize(
        "meta", ["", '{"videos": ', '{"videos": []}', '{"videos": {"a": {"objects": {"1": {}}}}}', "[]"]
    )
    def test_a_broken_meta_is_named(self, meta: str, copied: Miniature) -> None:
        root = copied("youtubevos2018")
        (root / "valid" / "meta.json").write_text(meta)
        with pytest.raises(DatasetError, match=r"meta\.json"):
            open_dataset("youtubevos2018", root)


class TestGeneric:
    def test_a_resolution_in_between_is_found(self, copied: Miniature) -> None:
        root = copied("generic")
        _put_below(root, "480p")
        dataset = open_dataset("generic", root)
        assert dataset.names == ("boat", "cars")
        assert dataset["cars"].appearances == {1: 0, 2: 2}

    def test_several_resolutions_have_to_be_chosen_from(self, copied: Miniature) -> None:
        root = copied("generic")
        _put_below(root, "480p")
        shutil.copytree(root / "JPEGImages" / "480p", root / "JPEGImages" / "240p")
        shutil.copytree(root / "Annotations" / "480p", root / "Annotations" / "240p")
        with pytest.raises(DatasetError, match=r"240p, 480p.*-d resolution"):
            open_dataset("generic", root)
        frame = open_dataset("generic", root, options={"resolution": "240p"})["boat"].frames[0]
        assert frame.parts[-3:] == ("240p", "boat", "00000.jpg")

    def test_a_list_may_be_anywhere(self, miniature: Miniature, tmp_path: Path) -> None:
        (tmp_path / "mine.txt").write_text("cars\n")
        assert open_dataset("generic", miniature("generic"), str(tmp_path / "mine.txt")).names == ("cars",)

    def test_a_list_that_is_not_there_is_named(self, miniature: Miniature) -> None:
        with pytest.raises(DatasetError, match=r"val\.txt"):
            open_dataset("generic", miniature("generic"), "val")

    def test_a_sequence_without_annotations_is_named(self, copied: Miniature) -> None:
        root = copied("generic")
        shutil.rmtree(root / "Annotations" / "boat")
        with pytest.raises(DatasetError, match=r"Annotations.*boat"):
            open_dataset("generic", root)["boat"]


class TestBdd100k:
    def test_knows_categories(self, miniature: Miniature) -> None:
        dataset = open_dataset("bdd100k", miniature("bdd100k"))
        assert dataset["b1c66a42-6f7d68ca"].categories == {1: "pedestrian", 2: "car"}

    def test_does_without_categories(self, copied: Miniature) -> None:
        root = copied("bdd100k")
        shutil.rmtree(root / "vos" / "val" / "meta")
        assert open_dataset("bdd100k", root)["b1c66a42-6f7d68ca"].categories == {}


class TestProblems:
    def test_check_lists_all_of_them(self, copied: Miniature) -> None:
        root = copied("davis2017")
        boat, cars = (root / "Annotations" / "480p" / name for name in ("tin-boat", "tin-cars"))
        (boat / "00002.png").unlink()
        (boat / "00009.png").write_bytes(b"")
        (cars / "00001.png").write_bytes(b"")
        frame = root / "JPEGImages" / "480p" / "tin-cars" / "00003.jpg"
        frame.write_bytes(frame.read_bytes()[:100])
        problems = check_dataset("davis2017", root).problems
        named = [boat / "00009.png", boat / "00002.png", frame, cars / "00001.png"]
        assert len(problems) == len(named)
        for path, problem in zip(named, problems, strict=True):
            assert str(path) in problem

    def test_frames_of_different_sizes_are_named(self, copied: Miniature) -> None:
        root = copied("mose")
        frame = root / "valid" / "JPEGImages" / "1a2b3c4d" / "00002.jpg"
        Image.new("RGB", (96, 160)).save(frame)
        with pytest.raises(DatasetError, match=r"96x160.*160x96") as caught:
            open_dataset("mose", root)["1a2b3c4d"]
        assert str(frame) in str(caught.value)

    def test_frames_of_one_name_are_named(self, copied: Miniature) -> None:
        root = copied("mose")
        frame = root / "valid" / "JPEGImages" / "1a2b3c4d" / "00002.jpg"
        shutil.copy(frame, frame.with_suffix(".jpeg"))
        with pytest.raises(DatasetError, match=r"00002\.jpeg.*00002\.jpg"):
            open_dataset("mose", root)["1a2b3c4d"]

    def test_survive_the_way_back_from_a_worker(self) -> None:
        error = pickle.loads(pickle.dumps(SequenceError(["one is wrong", "two is wrong"])))
        assert error.problems == ("one is wrong", "two is wrong")
        assert "one is wrong" in str(error)
        assert "1 more" in str(error)


def test_options_are_read_from_the_command_line() -> None:
    assert parse_options(["resolution=480p", "all_frames=true"]) == {
        "resolution": "480p",
        "all_frames": "true",
    }
    for texts, named in ((["480p"], "480p.*KEY=VALUE"), (["a=1", "a=2"], "a=2")):
        with pytest.raises(ConfigError, match=named):
            parse_options(texts)


def _put_below(root: Path, resolution: str) -> None:
    for kind in ("JPEGImages", "Annotations"):
        (root / kind).rename(root / "moved")
        (root / kind).mkdir()
        (root / "moved").rename(root / kind / resolution)
