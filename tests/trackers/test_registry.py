from __future__ import annotations

import pytest

from sampt.trackers.flow import Dis
from sampt.trackers.registry import create_tracker


def test_a_tracker_is_made_by_name_with_its_options():
    tracker = create_tracker("dis", tolerance=2, patience=5)
    assert isinstance(tracker, Dis)
    assert (tracker.tolerance, tracker.patience) == (2, 5)


def test_an_unknown_name_is_answered_with_the_closest_and_all_valid_ones():
    with pytest.raises(ValueError, match=r"did you mean 'lucas-kanade'\? Available: lucas-kanade, dis"):
        create_tracker("lukas-kanade")


def test_a_name_like_no_other_is_answered_with_all_valid_ones():
    with pytest.raises(ValueError, match=r"called 'xyzzy'\. Available: lucas-kanade, dis"):
        create_tracker("xyzzy")


def test_an_unknown_option_is_answered_with_the_closest():
    with pytest.raises(ValueError, match=r"'dis' has no option 'patients'; did you mean 'patience'\?"):
        create_tracker("dis", patients=4)


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [("dis", "max_side", "427"), ("dis", "preset", 2), ("lucas-kanade", "window", 21.5)],
)
def test_an_option_of_the_wrong_type_is_named(name, option, value):
    with pytest.raises(ValueError, match=f"option '{option}' of the tracker '{name}' takes"):
        create_tracker(name, **{option: value})


@pytest.mark.parametrize("max_side", [None, 320])
def test_either_type_of_a_union_is_taken(max_side):
    assert create_tracker("lucas-kanade", max_side=max_side).max_side == max_side
