"""Trackers by name, and their options as a user writes them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sampt.trackers.base import OnlineTracker
from sampt.trackers.cotracker.options import CoTracker2Options, CoTracker3Options
from sampt.trackers.flow import Dis, DisOptions
from sampt.trackers.options import read_options
from sampt.trackers.registry import TrackerInfo, check_options, create_tracker, tracker_names


def test_a_tracker_is_made_by_name_with_its_options():
    tracker = create_tracker("dis", tolerance=2, patience=5)
    assert isinstance(tracker, Dis)
    assert tracker.options == DisOptions(tolerance=2, patience=5)


def test_an_unknown_name_is_answered_with_the_closest():
    with pytest.raises(ValueError, match=r"'lukas-kanade'.*'lucas-kanade'"):
        create_tracker("lukas-kanade")


def test_a_name_like_no_other_is_answered_with_all_of_them():
    with pytest.raises(ValueError, match=r"'xyzzy'.*dis, lucas-kanade"):
        create_tracker("xyzzy")


def test_a_tracker_with_weights_is_not_made_without():
    with pytest.raises(ValueError, match=r"'pips'.*build_tracker"):
        create_tracker("pips")


def test_an_unknown_option_is_answered_with_the_closest():
    with pytest.raises(ValueError, match=r"'dis'.*'patients'.*'patience'"):
        check_options("dis", {"patients": 4})


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("dis", "max_side", "427"),
        ("dis", "preset", 2),
        ("dis", "patience", True),
        ("lucas-kanade", "window", 21.5),
        ("raft", "occlusion", 1),
        ("pips", "frames_kept", None),
        ("cotracker3", "size", [384]),
        ("cotracker3", "size", "384x512"),
    ],
)
def test_an_option_of_the_wrong_type_is_named(name, option, value):
    with pytest.raises(ValueError, match=f"'{name}'.*'{option}'"):
        check_options(name, {option: value})


@pytest.mark.parametrize("name", tracker_names())
def test_an_option_out_of_its_range_is_named(name):
    option = "patience" if name in ("lucas-kanade", "dis") else "iterations"
    with pytest.raises(ValueError, match=f"'{name}'.*{option}"):
        check_options(name, {option: 0})


@pytest.mark.parametrize("max_side", [None, 320])
def test_either_type_of_a_union_is_taken(max_side):
    assert check_options("lucas-kanade", {"max_side": max_side}).max_side == max_side


def test_lists_become_tuples():
    assert check_options("cotracker3", {"size": [256, 320]}) == CoTracker3Options(size=(256, 320))


def test_cotracker2_takes_no_larger_size_than_its_weights_do():
    assert check_options("cotracker2", {"size": [384, 512]}) == CoTracker2Options()
    with pytest.raises(ValueError, match=r"size.*\(384, 512\)"):
        check_options("cotracker2", {"size": [400, 512]})


def test_a_tracker_may_have_no_options():
    class Plain(OnlineTracker):
        name = "plain"

        def stream(self, clip, queries):
            return iter(())

    options = TrackerInfo.of(Plain).options
    assert read_options(options, {}, "tracker 'plain'") == Plain().options
    with pytest.raises(ValueError, match=r"'plain'.*'speed'"):
        read_options(options, {"speed": 3}, "tracker 'plain'")


def test_names_and_options_are_checked_without_importing_torch():
    code = (
        "import sys; from sampt.trackers.registry import check_options, tracker_names\n"
        "for name in tracker_names(): check_options(name, {})\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
