"""What every dataset promises, on its miniature: ``VosDataset`` and ``VosSequence`` in ``base.py``."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sampt.benchmarks.datasets.base import VosDataset
from sampt.benchmarks.datasets.check import check_dataset
from sampt.benchmarks.datasets.registry import dataset_names, open_dataset, splits
from sampt.errors import ConfigError, DatasetError

from .conftest import Miniature

# name, split, options; what each sequence is: frames, object → first appearance, annotated, saved
EXPECTED = [
    ("davis2016", "val", {}, {"tin-boat": (8, {1: 0}, 8, 8), "tin-car": (8, {1: 0}, 8, 8)}),
    ("davis2016", "train", {"resolution": "480p"}, {"tin-train": (8, {1: 0}, 8, 8)}),
    ("davis2017", "val", {}, {"tin-boat": (8, {1: 0}, 8, 8), "tin-cars": (8, {1: 0, 2: 0}, 8, 8)}),
    ("davis2017", "train", {"resolution": "480p"}, {"tin-train": (8, {1: 0}, 8, 8)}),
    ("davis2017", "test-dev", {}, {"tin-secret": (8, {1: 0}, 1, 8)}),
    (
        "youtubevos2018",
        "valid",
        {"all_frames": "false"},
        {"00c0ffee01": (8, {1: 0}, 1, 8), "00decade02": (8, {1: 0, 2: 2}, 2, 8)},
    ),
    (
        "youtubevos2019",
        "valid",
        {},
        {"00c0ffee01": (36, {1: 0}, 1, 8), "00decade02": (36, {1: 0, 2: 10}, 2, 8)},
    ),
    ("youtubevos2019", "train", {"all_frames": "false"}, {"00facade03": (8, {1: 0}, 8, 8)}),
    ("mose", "valid", {}, {"1a2b3c4d": (8, {1: 0, 2: 0}, 1, 8), "5e6f7a8b": (8, {1: 0, 2: 0}, 1, 8)}),
    ("mose", "train", {}, {"9c0d1e2f": (8, {1: 0, 2: 2}, 8, 8)}),
    (
        "bdd100k",
        "val",
        {},
        {"b1c66a42-6f7d68ca": (8, {1: 0, 2: 0}, 8, 8), "b1c81faa-3df17267": (8, {1: 2, 2: 0}, 8, 8)},
    ),
    ("generic", "all", {}, {"boat": (8, {1: 0}, 8, 8), "cars": (8, {1: 0, 2: 2}, 6, 8)}),
    ("generic", "late", {}, {"cars": (8, {1: 0, 2: 2}, 6, 8)}),
]
IDS = [f"{name}-{split}" for name, split, _, _ in EXPECTED]


def test_every_dataset_is_tested_in_every_split_of_its_miniature() -> None:
    tested = {(name, split) for name, split, _, _ in EXPECTED}
    all_of_them = {(name, split) for name in dataset_names() for split in splits(name)}
    assert all_of_them - tested == {
        ("davis2016", "trainval"),  # the other two together
        ("youtubevos2018", "train"),  # as that of 2019
        ("bdd100k", "train"),  # as val
    }


@pytest.mark.parametrize(("name", "split", "options", "expected"), EXPECTED, ids=IDS)
class TestADataset:
    @pytest.fixture
    def dataset(self, miniature: Miniature, name: str, split: str, options: dict[str, str]) -> VosDataset:
        return open_dataset(name, miniature(name), split, options)

    def test_says_what_it_is(self, dataset: VosDataset, name: str, split: str, expected: dict) -> None:
        assert (dataset.name, dataset.split) == (name, split)
        assert dataset.protocol in ("davis", "youtube-vos", "bdd100k")
        assert dataset.names == tuple(expected)

    def test_sequences_have_their_frames_and_objects(self, dataset: VosDataset, expected: dict) -> None:
        found = {
            name: (len(s.frames), dict(s.appearances), len(s.annotations), len(s.saved))
            for name, s in ((name, dataset[name]) for name in dataset.names)
        }
        assert found == expected

    def test_an_object_is_not_annotated_before_it_appears(self, dataset: VosDataset, expected: dict) -> None:
        for sequence in map(dataset.__getitem__, expected):
            for id, start in sequence.appearances.items():
                shows = [(sequence.labels(t) == id).any() for t in sorted(sequence.annotations) if t <= start]
                assert shows == [False] * (len(shows) - 1) + [True]

    def test_frames_and_labels_are_of_one_size(self, dataset: VosDataset, expected: dict) -> None:
        for sequence in map(dataset.__getitem__, expected):
            height, width = size = sequence.frame_size
            assert {frame.shape for frame in sequence.video} == {(height, width, 3)}
            assert {sequence.frame_labels(t).shape for t in sequence.frame_annotations} == {size}
            assert {sequence.labels(t).shape for t in sequence.annotations} == {sequence.size or size}
            assert sequence.video[0].dtype == sequence.labels(0).dtype == np.uint8

    def test_positions_are_positions_of_frames(self, dataset: VosDataset, expected: dict) -> None:
        for sequence in map(dataset.__getitem__, expected):
            positions = range(len(sequence.frames))
            assert list(sequence.saved) == sorted(set(sequence.saved) & set(positions))
            assert set(sequence.annotations) <= set(sequence.saved)
            assert {f.stem for f in sequence.annotations.values()} == {
                sequence.frames[t].stem for t in sequence.annotations
            }

    def test_queries_fit_the_video(self, dataset: VosDataset, expected: dict) -> None:
        for sequence in map(dataset.__getitem__, expected):
            queries = sequence.queries()
            queries.validate(range(len(sequence.frames)), sequence.video[0].shape[:2])
            assert {query.id: query.frame for query in queries.objects} == sequence.appearances

    def test_survives_pickling(self, dataset: VosDataset, expected: dict) -> None:
        for name in expected:
            sequence = pickle.loads(pickle.dumps(dataset[name]))
            assert sequence == pickle.loads(pickle.dumps(dataset))[name]
            assert sequence.queries().objects

    def test_an_unknown_sequence_is_named(self, dataset: VosDataset, expected: dict) -> None:
        with pytest.raises(DatasetError, match="'nothing'"):
            dataset["nothing"]

    def test_check_finds_nothing(
        self, miniature: Miniature, name: str, split: str, options: dict[str, str], expected: dict
    ) -> None:
        report = check_dataset(name, miniature(name), split, options)
        assert report.problems == ()
        assert report.sequences == len(expected)
        assert report.frames == sum(frames for frames, *_ in expected.values())
        assert report.annotations == sum(annotated for _, _, annotated, _ in expected.values())
        assert report.objects == sum(len(objects) for _, objects, *_ in expected.values())

    def test_a_truncated_frame_is_found_by_check(
        self, copied: Miniature, name: str, split: str, options: dict[str, str], expected: dict
    ) -> None:
        root = copied(name)
        frame = open_dataset(name, root, split, options)[next(iter(expected))].frames[3]
        frame.write_bytes(frame.read_bytes()[:-200])
        (problem,) = check_dataset(name, root, split, options).problems
        assert str(frame) in problem

    def test_a_truncated_annotation_is_named(
        self, copied: Miniature, name: str, split: str, options: dict[str, str], expected: dict
    ) -> None:
        root = copied(name)
        dataset = open_dataset(name, root, split, options)
        annotation = dataset[next(iter(expected))].annotations[0]
        annotation.write_bytes(annotation.read_bytes()[:-60])
        with pytest.raises(DatasetError) as caught:
            dataset[next(iter(expected))]
        assert str(annotation) in str(caught.value)

    def test_a_mask_of_another_size_is_named(
        self, copied: Miniature, name: str, split: str, options: dict[str, str], expected: dict
    ) -> None:
        root = copied(name)
        dataset = open_dataset(name, root, split, options)
        annotation = dataset[next(iter(expected))].annotations[0]
        with Image.open(annotation) as image:
            image.resize((100, 60), Image.Resampling.NEAREST).save(annotation)
        with pytest.raises(DatasetError, match=r"100x60.*(160x96|320x192)") as caught:
            dataset[next(iter(expected))]
        assert str(annotation) in str(caught.value)

    def test_an_annotation_without_frame_is_named(
        self, copied: Miniature, name: str, split: str, options: dict[str, str], expected: dict
    ) -> None:
        root = copied(name)
        dataset = open_dataset(name, root, split, options)
        sequence = dataset[next(iter(expected))]
        sequence.frames[0].unlink()
        with pytest.raises(DatasetError) as caught:
            dataset[sequence.name]
        assert str(sequence.frame_annotations[0]) in str(caught.value)

    def test_a_sequence_without_frames_is_named(
        self, copied: Miniature, name: str, split: str, options: dict[str, str], expected: dict
    ) -> None:
        root = copied(name)
        dataset = open_dataset(name, root, split, options)
        sequence = dataset[next(iter(expected))]
        for frame in sequence.frames:
            frame.unlink()
        with pytest.raises(DatasetError, match=sequence.name):
            dataset[sequence.name]


ANNOTATED = [case for case in EXPECTED if case[0] != "generic"]  # whose frames may lack annotations


@pytest.mark.parametrize(
    ("name", "split", "options", "expected"), ANNOTATED, ids=[f"{case[0]}-{case[1]}" for case in ANNOTATED]
)
def test_the_first_annotation_is_missed(
    copied: Miniature, name: str, split: str, options: dict[str, str], expected: dict
) -> None:
    root = copied(name)
    dataset = open_dataset(name, root, split, options)
    annotation = dataset[next(iter(expected))].annotations[0]
    annotation.unlink()
    with pytest.raises(DatasetError) as caught:
        dataset[next(iter(expected))]
    assert str(annotation) in str(caught.value)


@pytest.mark.parametrize("name", dataset_names())
class TestARoot:
    def test_may_be_the_folder_above(self, miniature: Miniature, name: str, tmp_path: Path) -> None:
        (tmp_path / "above").mkdir()
        (tmp_path / "above" / "inside").symlink_to(_own_root(miniature, name), target_is_directory=True)
        found = open_dataset(name, tmp_path / "above")
        assert found.names == open_dataset(name, miniature(name)).names

    def test_may_be_a_folder_in_it(self, miniature: Miniature, name: str) -> None:
        root = _own_root(miniature, name)
        inside = next(root / part for part in ("JPEGImages", "valid", "val") if (root / part).is_dir())
        assert open_dataset(name, inside).names == open_dataset(name, miniature(name)).names

    def test_that_is_wrong_says_what_was_looked_for(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r"Annotations.*--root"):
            open_dataset(name, tmp_path)

    def test_that_does_not_exist_is_named(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="nowhere"):
            open_dataset(name, tmp_path / "nowhere")

    def test_that_holds_it_twice_is_ambiguous(self, miniature: Miniature, name: str, tmp_path: Path) -> None:
        for copy in ("new", "old"):
            (tmp_path / copy).symlink_to(_own_root(miniature, name), target_is_directory=True)
        with pytest.raises(DatasetError, match="new, old"):
            open_dataset(name, tmp_path)


def _own_root(miniature: Miniature, name: str) -> Path:
    """The very folder that the dataset's layout begins in."""
    return miniature(name) / "vos" if name == "bdd100k" else miniature(name)


@pytest.mark.parametrize(
    ("name", "split", "options", "names"),
    [
        ("davis", None, {}, "'davis'.*'davis201"),
        ("youtubevos2018", "val", {}, "youtubevos2018.*'val'.*'valid'"),
        ("davis2017", None, {"resolutoin": "480p"}, "'resolutoin'.*'resolution'"),
        ("davis2017", None, {"resolution": "720p"}, "davis2017.*'720p'"),
        ("mose", None, {"resolution": "480p"}, "mose.*'resolution'"),
    ],
)
def test_unknown_words_are_named(
    name: str, split: str | None, options: dict[str, str], names: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=names):
        open_dataset(name, tmp_path, split, options)
