from __future__ import annotations

import json
from pathlib import Path

import pytest

from sampt._internal.files import check_text, make_folder, read_json, replacing, write_json
from sampt.errors import DatasetError, OutputError


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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_of_windows_programs_is_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.json").write_text('{"name": "Bär"}\r\n', encoding=encoding)
    assert read_json(tmp_path / "a.json") == {"name": "Bär"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{\n "a": 1,\n}', r"a\.json, line 3, column 1: malformed JSON .*; get it again"),
        (b"\xef\xbb\xbf", r"a\.json, line 1, column 1: malformed JSON"),
        (b"[" * 100_000, r"a\.json: malformed JSON"),
        (b"\xff\xff\xff", r"a\.json is not a text file; get it again"),
        (None, r"cannot read .*a\.json \(No such file or directory\); get it again"),
    ],
)
def test_what_is_not_json_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DatasetError, match=said):
        read_json(tmp_path / "a.json", DatasetError)


def test_names_that_are_not_utf8_are_refused_where_they_would_be_written() -> None:
    check_text("Bär")
    with pytest.raises(OutputError, match=r"s\\udce9q has bytes that are not UTF-8; rename it"):
        check_text(Path("s\udce9q"))
