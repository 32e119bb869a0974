"""Ours beside what is published."""

from __future__ import annotations

import math

import pytest

from sampt.benchmarks.reproduce.comparison import Compared, compared, differing, mean_and_deviation
from sampt.config import load_config


def test_a_mean_within_the_published_deviation() -> None:
    published = {"J&F-Mean": "76.3 ± 0.6", "J-Mean": "73.6 ± 0.6", "F-Mean": "78.9"}
    ours = {
        "J&F-Mean": mean_and_deviation([0.765, 0.769]),
        "J-Mean": mean_and_deviation([0.743]),
        "F-Mean": mean_and_deviation([0.78]),
    }
    assert compared(published, ours) == [
        Compared("J&F-Mean", "76.3 ± 0.6", "76.7 ± 0.3", 0.4, True),
        Compared("J-Mean", "73.6 ± 0.6", "74.3", 0.7, False),
        Compared("F-Mean", "78.9", "78.0", -0.9, None),
    ]


def test_the_difference_is_rounded_as_the_number_is_printed() -> None:
    (one,) = compared({"J&F-Mean": "76.3 ± 0.6"}, {"J&F-Mean": (0.76949, math.nan)})
    assert (one.difference, one.within) == (0.6, True)
    (two,) = compared({"J&F-Mean": "76.65"}, {"J&F-Mean": (0.76949, math.nan)})
    assert two.difference == 0.3


def test_measures_meet_under_other_spellings_and_may_be_missing() -> None:
    found = compared({"J-Seen": "68.6 ± 0.2", "AP": "5.8"}, {"J_seen": (0.686, 0.001), "AP50": (0.1, 0.0)})
    assert found == [
        Compared("J-Seen", "68.6 ± 0.2", "68.6 ± 0.1", 0.0, True),
        Compared("AP", "5.8", "–"),
    ]


def test_without_published_numbers_ours_stand_alone() -> None:
    assert compared({}, {"J&F-Mean": (0.5, math.nan)}) == [Compared("J&F-Mean", "", "50.0")]


def test_measures_without_objects_have_no_mean() -> None:
    mean, deviation = mean_and_deviation([-1.0, -1.0])
    assert math.isnan(mean) and math.isnan(deviation)
    assert mean_and_deviation([0.5, -1.0])[0] == 0.5


@pytest.mark.parametrize(
    ("overrides", "changed"),
    [
        ([], {}),
        (["device=cpu", "cache.disk_bytes=1", "compile=true", "tracker.checkpoint=x"], {}),
        (["prompting.refinements=0"], {"prompting.refinements": (0, 12)}),
        (["prompting.iou_threshold=null"], {"prompting.iou_threshold": (None, 0.7)}),
        (["tracker.name=dis"], {"tracker.name": ("dis", "pips")}),
        (["tracker.options.iterations=3"], {"tracker.options.iterations": (3, None)}),
    ],
)
def test_only_what_changes_the_result_differs(overrides: list[str], changed: dict[str, object]) -> None:
    assert differing(load_config("sam_pt", overrides), load_config("sam_pt")) == changed
