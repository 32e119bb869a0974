"""Writing miniatures."""

from __future__ import annotations

from pathlib import Path

import pytest

from sampt.benchmarks.datasets.miniature import miniature_names, write_miniature
from sampt.benchmarks.datasets.registry import dataset_names, open_dataset
from sampt.errors import ConfigError, OutputError


def test_there_is_one_of_every_dataset() -> None:
    assert set(miniature_names()) == set(dataset_names())


@pytest.mark.parametrize("name", miniature_names())
def test_the_same_seed_gives_the_same_files(name: str, tmp_path: Path) -> None:
    for folder, seed in (("one", 3), ("two", 3), ("other", 4)):
        write_miniature(name, tmp_path / folder, frames=4, seed=seed)
    one, two, other = (_contents(tmp_path / folder) for folder in ("one", "two", "other"))
    assert one == two
    assert one.keys() == other.keys()
    assert one != other


def test_the_length_can_be_chosen(tmp_path: Path) -> None:
    write_miniature("mose", tmp_path / "mose", frames=11)
    assert len(open_dataset("mose", tmp_path / "mose")["1a2b3c4d"].frames) == 11


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    write_miniature("generic", tmp_path)
    assert open_dataset("generic", tmp_path).names == ("boat", "cars")


def test_files_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=tmp_path.name):
        write_miniature("generic", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_unknown_names_and_short_lengths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'mose'"):
        write_miniature("moses", tmp_path / "out")
    with pytest.raises(ConfigError, match=r"\b4\b.*\b3\b"):
        write_miniature("mose", tmp_path / "out", frames=3)
    assert not (tmp_path / "out").exists()


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
