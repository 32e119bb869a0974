"""What sequences are read from where a folder offers more than one thing, as DAVIS and YouTube-VOS do."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sampt.benchmarks import DatasetChoice
from sampt.benchmarks.datasets.base import Frames, VosSequence
from sampt.benchmarks.datasets.registry import open_dataset, open_for_run
from sampt.config.schema import WorkingSize
from sampt.errors import DatasetError
from sampt.prompts.label_maps import write_label_map

from .conftest import Miniature

SMALL, LARGE = (96, 160), (192, 320)


def enlarge(root: Path, name: str, size: tuple[int, int]) -> None:
    """Give a sequence's frames and masks of full resolution another (height, width)."""
    for file in sorted(root.glob(f"*/Full-Resolution/{name}/*")):
        with Image.open(file) as image:
            image.resize(size[::-1], Image.Resampling.NEAREST).save(file)


class TestDavis:
    @pytest.mark.parametrize(("name", "folder"), [("davis2016", "1080p"), ("davis2017", "Full-Resolution")])
    def test_is_read_at_full_resolution_and_scored_at_480p(
        self, name: str, folder: str, miniature: Miniature
    ) -> None:
        dataset = open_dataset(name, miniature(name))
        sequence = dataset["tin-boat"]
        assert dataset.input.options == {"resolution": folder}
        assert dataset.input.text.startswith(folder) and dataset.input.note is None
        assert {frame.parts[-3] for frame in sequence.frames} == {folder}
        assert (sequence.frame_size, sequence.size) == (LARGE, SMALL)
        assert sequence.labels(3).shape == SMALL
        assert sequence.frame_labels(3).shape == sequence.queries().objects[0].mask.shape == LARGE
        assert np.array_equal(sequence.labels(3), sequence.frame_labels(3)[::2, ::2])

    def test_2016_prefers_the_folders_of_2017_as_the_reference_does(self, copied: Miniature) -> None:
        root = copied("davis2016")
        for kind in ("JPEGImages", "Annotations"):
            shutil.copytree(root / kind / "1080p", root / kind / "Full-Resolution")
        assert open_dataset("davis2016", root).input.options == {"resolution": "Full-Resolution"}
        chosen = open_dataset("davis2016", root, options={"resolution": "1080p"})
        assert chosen["tin-boat"].frames[0].parts[-3] == "1080p"

    def test_480p_is_used_for_everything_if_asked_for(self, miniature: Miniature) -> None:
        dataset = open_dataset("davis2017", miniature("davis2017"), options={"resolution": "480p"})
        sequence = dataset["tin-boat"]
        assert (sequence.frame_size, sequence.size, sequence.given) == (SMALL, None, None)
        assert dataset.input.text == "480p"
        assert "full resolution" in dataset.input.note

    @pytest.mark.parametrize(
        "part",
        ["JPEGImages/Full-Resolution", "Annotations/Full-Resolution", "JPEGImages/Full-Resolution/tin-cars"],
    )
    def test_480p_is_used_for_all_sequences_if_anything_else_is_not_whole(
        self, part: str, copied: Miniature
    ) -> None:
        root = copied("davis2017")
        shutil.rmtree(root / part)
        dataset = open_dataset("davis2017", root)
        assert dataset.input.text == "480p"
        assert f"({part} is missing)" in dataset.input.note
        assert dataset["tin-boat"].frame_size == SMALL
        with pytest.raises(DatasetError, match=rf"{part}.*resolution"):
            open_dataset("davis2017", root, options={"resolution": "Full-Resolution"})

    def test_a_part_of_the_dataset_can_be_used(self, copied: Miniature) -> None:
        root = copied("davis2017")
        for folder in root.glob("*/*/tin-cars"):
            shutil.rmtree(folder)
        dataset = open_dataset("davis2017", root)
        assert dataset.input.text.startswith("Full-Resolution")
        assert dataset["tin-boat"].frame_size == LARGE

    def test_another_split_s_full_resolution_does_not_matter(self, copied: Miniature) -> None:
        root = copied("davis2017")
        shutil.rmtree(root / "JPEGImages/Full-Resolution/tin-secret")
        assert open_dataset("davis2017", root, "test-dev").input.text == "480p"
        assert open_dataset("davis2017", root, "val").input.text.startswith("Full-Resolution")

    def test_480p_is_needed_in_any_case(self, copied: Miniature) -> None:
        root = copied("davis2017")
        shutil.rmtree(root / "JPEGImages/480p")
        with pytest.raises(DatasetError, match="JPEGImages/480p"):
            open_dataset("davis2017", root)

    def test_full_resolution_is_shrunk_to_1024_unless_the_configuration_says_otherwise(
        self, copied: Miniature
    ) -> None:
        root = copied("davis2017")
        enlarge(root, "tin-cars", (720, 1300))
        dataset = open_dataset("davis2017", root)
        assert dataset["tin-cars"].working_size(WorkingSize()) == (567, 1024)
        assert dataset["tin-cars"].working_size(WorkingSize(longest_side=650)) == (360, 650)
        assert dataset["tin-boat"].working_size(WorkingSize()) == LARGE  # and never enlarged
        assert dataset["tin-boat"].working_size(WorkingSize(longest_side=640)) == (384, 640)

    def test_given_masks_are_shrunk_by_the_nearest_pixel(self, copied: Miniature) -> None:
        root = copied("davis2017")
        enlarge(root, "tin-cars", (720, 1300))
        sequence = open_dataset("davis2017", root)["tin-cars"]
        labels = torch.from_numpy(np.array(Image.open(sequence.given[0]))).float()
        expected = torch.nn.functional.interpolate(labels[None, None], (567, 1024), mode="nearest")[0, 0]
        assert np.array_equal(sequence.frame_labels(0, (567, 1024)), expected.numpy())
        for query in sequence.queries((567, 1024)).objects:
            assert np.array_equal(query.mask, expected.numpy() == query.id)

    def test_frames_of_one_resolution_only_are_named(self, copied: Miniature) -> None:
        root = copied("davis2017")
        for kind, suffix in (("JPEGImages", "jpg"), ("Annotations", "png")):
            (root / kind / "Full-Resolution/tin-boat" / f"00007.{suffix}").unlink()
        with pytest.raises(DatasetError, match=r"00007.*Full-Resolution/tin-boat.*480p/tin-boat"):
            open_dataset("davis2017", root)["tin-boat"]

    def test_other_objects_than_at_480p_are_named(self, copied: Miniature) -> None:
        root = copied("davis2017")
        path = root / "Annotations/Full-Resolution/tin-cars/00000.png"
        labels = np.array(Image.open(path))
        write_label_map(path, np.where(labels == 2, 0, labels))
        with pytest.raises(DatasetError, match=r"00000\.png.* 1 .*00000\.png.* 1, 2\b.*480p"):
            open_dataset("davis2017", root)["tin-cars"]

    def test_problems_of_both_are_told(self, copied: Miniature) -> None:
        root = copied("davis2017")
        (root / "Annotations/Full-Resolution/tin-boat/00002.png").unlink()
        (root / "Annotations/480p/tin-boat/00003.png").unlink()
        with pytest.raises(DatasetError) as caught:
            open_dataset("davis2017", root)["tin-boat"]
        first, second = caught.value.problems
        assert "Full-Resolution/tin-boat/00002.png" in first and "480p/tin-boat/00003.png" in second


class TestYouTubeVos:
    def test_all_frames_are_used_where_they_are(self, miniature: Miniature) -> None:
        dataset = open_dataset("youtubevos2019", miniature("youtubevos2019"))
        assert (dataset.input.text, dataset.input.note) == ("all frames", None)
        sequence = dataset["00decade02"]
        assert len(sequence.frames) == 36
        named = {id: sequence.frames[position].stem for id, position in sequence.appearances.items()}
        sparse = open_dataset("youtubevos2019", dataset_root(sequence), options={"all_frames": "false"})
        same = sparse["00decade02"]
        assert named == {id: same.frames[position].stem for id, position in same.appearances.items()}
        assert [sequence.frames[t].stem for t in sequence.saved] == [same.frames[t].stem for t in same.saved]

    @pytest.mark.parametrize("part", ["valid_all_frames", "valid_all_frames/JPEGImages/00decade02"])
    def test_otherwise_every_fifth_is(self, part: str, copied: Miniature) -> None:
        root = copied("youtubevos2019")
        shutil.rmtree(root / part)
        dataset = open_dataset("youtubevos2019", root)
        assert dataset.input.text == "every fifth frame"
        assert part in dataset.input.note and "all frames" in dataset.input.note
        assert len(dataset["00c0ffee01"].frames) == 8

    def test_a_part_of_the_dataset_can_be_used(self, copied: Miniature) -> None:
        root = copied("youtubevos2019")
        for folder in root.rglob("00decade02"):
            shutil.rmtree(folder)
        dataset = open_dataset("youtubevos2019", root)
        assert dataset.input.text == "all frames"
        assert len(dataset["00c0ffee01"].frames) == 36


def dataset_root(sequence: VosSequence) -> Path:
    return sequence.frames[0].parents[3]


@pytest.mark.parametrize(
    ("name", "large"), [("davis2017", "JPEGImages/Full-Resolution"), ("youtubevos2018", "valid_all_frames")]
)
def test_what_a_run_reads_stays_the_same_when_more_is_unpacked(
    name: str, large: str, copied: Miniature, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = copied(name)
    (root / large).rename(tmp_path / "later")
    settled, before = open_for_run(DatasetChoice(name, root))
    assert before.input.note in caplog.text
    (tmp_path / "later").rename(root / large)
    assert settled.open(open_dataset).input.text == before.input.text
    caplog.clear()
    _, after = open_for_run(DatasetChoice(name, root))
    assert after.input.text != before.input.text
    assert not caplog.records
    assert settled.describe("val", before.input)["input"] == before.input.text


def test_resized_frames_are_kept_for_the_next_reader(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "0.png")
    frames = Frames([tmp_path / "0.png"], (30, 45))
    expected = np.asarray(Image.fromarray(pixels).resize((45, 30), Image.Resampling.BILINEAR))
    assert np.array_equal(frames[0], expected)
    (tmp_path / "0.png").unlink()
    frames[0][:] = 0
    assert np.array_equal(frames[0], expected)
