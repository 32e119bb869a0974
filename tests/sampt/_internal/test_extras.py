"""Extras are named where one of their packages is missing."""

from __future__ import annotations

import pytest

from sampt._internal.extras import extras_for, require
from sampt.errors import SamptError


def test_what_is_installed_is_not_asked_for() -> None:
    require("scipy", purpose="this test")


def test_other_missing_modules_stay_what_they_are() -> None:
    with pytest.raises(ModuleNotFoundError), extras_for("this test"):
        raise ModuleNotFoundError("no module named 'nowhere'", name="nowhere")


def test_a_missing_submodule_names_its_package() -> None:
    named = r"this test needs scipy: .*sampt\[benchmarks\]"
    with pytest.raises(SamptError, match=named), extras_for("this test"):
        raise ModuleNotFoundError("no module named 'scipy.stats'", name="scipy.stats")
