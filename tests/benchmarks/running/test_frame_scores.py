"""Scores of all frames in few bytes, as the page's script reads them."""

from __future__ import annotations

import numpy as np
import pytest

from sampt.benchmarks.running.frame_scores import compact_names, compact_scores
from sampt.benchmarks.running.frame_scores import frame_scores as compact

from .runs import frame_scores, record


def read(codes: str) -> list[float]:
    parts = [codes[k : k + 2] for k in range(0, len(codes), 2)]
    return [float("nan") if part == "zz" else int(part, 36) / 1000 for part in parts]


def test_scores_are_kept_to_a_thousandth() -> None:
    scores = np.array([0, 0.0004, 0.1234, 0.9996, 1, np.nan])
    assert read(compact_scores(scores)) == pytest.approx([0, 0, 0.123, 1, 1, np.nan], nan_ok=True)


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["00005", "00010", "00015"], [5, 5, 5, 3]),
        (["00001"], ["00001"]),
        (["1", "2", "10"], ["1", "2", "10"]),
        (["00001", "00002", "00004"], ["00001", "00002", "00004"]),
        (["a", "b"], ["a", "b"]),
        (["٠١", "٠٢"], ["٠١", "٠٢"]),
    ],
)
def test_names_are_counted_only_if_that_gives_them_back(names: list[str], kept: list[object]) -> None:
    assert compact_names(names) == kept


def test_scores_are_means_over_seeds_of_each_object() -> None:
    """The second object appears later."""
    records = [
        record("bear", seed, scores=frame_scores("bear", [j] * 3, [0.4])) for seed, j in ((0, 0.5), (1, 0.7))
    ]
    (scores,) = compact(records).values()
    assert scores["frames"] == [1, 1, 5, 3]
    (first, j, f), (second, late, _) = scores["objects"]
    assert (first, second) == (1, 2)
    assert read(j) == pytest.approx([0.6] * 3)
    assert read(f) == pytest.approx([0.3] * 3)
    assert read(late) == [0.4]


def test_what_has_no_scores_is_left_out() -> None:
    assert compact([record("bear"), record("camel", scores=frame_scores("camel", []))]) == {}
