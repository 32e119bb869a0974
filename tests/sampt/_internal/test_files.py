from __future__ import annotations

import json
from pathlib import Path

import pytest

from sampt._internal.files import make_folder, replacing, write_json
from sampt.errors import OutputError


def test_the_file_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_a_failure_the_old_file_is_untouched_and_nothing_else_is_left(
    tmp_path: Path, error: type[BaseException]
) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(error), replacing(target) as temporary:
        temporary.write_text("half")
        raise error
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert target.read_text() == "old"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere"), replacing(tmp_path / "nowhere" / "a.txt") as temporary:
        temporary.write_text("x")


def test_the_suffix_stays_for_writers_that_go_by_it(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.png") as temporary:
        assert temporary.suffix == ".png"
        temporary.touch()


def test_json_is_utf8_and_ends_with_a_line(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "Bär", "scores": [1, 0.5, None]})
    text = (tmp_path / "a.json").read_bytes().decode("utf-8")
    assert "Bär" in text and text.endswith("}\n")
    assert json.loads(text) == {"name": "Bär", "scores": [1, 0.5, None]}


def test_names_that_utf8_does_not_have_come_back_from_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", ["clip\udcff.mp4"])
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == ["clip\udcff.mp4"]


def test_values_that_json_does_not_have_leave_the_old_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", 1)
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"path": tmp_path})
    assert (tmp_path / "a.json").read_text() == "1\n"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        make_folder(tmp_path / "file" / "folder")
