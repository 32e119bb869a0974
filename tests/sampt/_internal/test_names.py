"""Names in messages and lists."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampt._internal.names import first_few, natural, plural


@given(st.lists(st.integers(0, 10**12), unique=True))
def test_numbers_in_names_count(numbers: list[int]) -> None:
    files = [Path(f"frame{number}.png") for number in numbers]
    assert sorted(files, key=natural) == [Path(f"frame{number}.png") for number in sorted(numbers)]


def test_case_does_not_count_and_folders_do_not() -> None:
    files = [Path("a/Frame9.png"), Path("b/frame2.png"), Path("a/frame10.png"), Path("z/10.png")]
    assert [str(file) for file in sorted(files, key=natural)] == [
        "z/10.png",
        "b/frame2.png",
        "a/Frame9.png",
        "a/frame10.png",
    ]


@given(st.permutations(["a", "A", "a1", "a01", "A1", "1", "01", "1a", "", "-1", "²"]))
def test_the_order_does_not_depend_on_the_one_before(names: list[str]) -> None:
    ordered = sorted(map(Path, names), key=natural)
    assert ordered == sorted(sorted(map(Path, names)), key=natural)


@pytest.mark.parametrize(
    ("items", "text"),
    [([], ""), ([3], "3"), (range(5), "0, 1, 2, 3, 4"), (range(7), "0, 1, 2, 3, 4 and 2 more")],
)
def test_first_few_of_many(items: list[int], text: str) -> None:
    assert first_few(items) == text


def test_plural() -> None:
    assert [plural(n, "mask") for n in (0, 1, 2)] == ["0 masks", "1 mask", "2 masks"]
