"""Which models a page offers."""

from __future__ import annotations

from pathlib import Path

import pytest

from sampt.app.model_menu import ModelMenu, PartNames
from sampt.errors import ConfigError

from .pages import QUICK, settings


def test_only_what_needs_no_download_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path))
    models = ModelMenu(settings, QUICK)
    assert models.segmenters == ["grabcut"] and models.trackers == ["lucas-kanade", "dis"]
    assert models[QUICK] is models[QUICK]
    with pytest.raises(ConfigError, match=r"sam-vit-b .*grabcut"):
        models[PartNames("sam-vit-b", "dis")]
    with pytest.raises(ConfigError, match="'pips'"):
        models[PartNames("grabcut", "pipps")]


def test_a_segmenter_is_there_once_whatever_the_tracker() -> None:
    models = ModelMenu(settings, QUICK)
    one, other = (models[PartNames("grabcut", tracker)] for tracker in ("dis", "lucas-kanade"))
    assert one.segmenter is other.segmenter and one.parts.tracker is not other.parts.tracker


def test_the_first_choice_is_offered_whatever_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path))
    models = ModelMenu(settings, PartNames("mobile-sam", "pips"))
    assert models.segmenters == ["grabcut", "mobile-sam"]
    assert models.trackers == ["lucas-kanade", "dis", "pips"]
