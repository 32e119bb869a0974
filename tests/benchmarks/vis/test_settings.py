"""Settings from the command line."""

from __future__ import annotations

import pytest

from sampt.benchmarks.vis.masklets import VisSettings
from sampt.benchmarks.vis.settings import as_plain, is_own, parse_vis_settings
from sampt.errors import ConfigError


def test_without_any_they_are_the_papers() -> None:
    settings = parse_vis_settings([])
    assert settings == VisSettings()
    assert (settings.redetect.every, settings.proposals.max_masks) == (None, 100)


def test_nested_keys() -> None:
    settings = parse_vis_settings(["redetect.every=5", "proposals.points_per_side=8", "proposal_score=false"])
    assert (settings.redetect.every, settings.proposals.points_per_side) == (5, 8)
    assert not settings.proposal_score
    assert as_plain(settings)["redetect"] == {"every": 5, "overlap": 0.5}


@pytest.mark.parametrize(
    ("override", "own"),
    [("redetect.every=2", True), ("proposal_score=no", True), ("reinit.horizon=8", False), ("seed=1", False)],
)
def test_what_is_not_the_models(override: str, own: bool) -> None:
    assert is_own(override) == own


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("redetect.evry=3", "did you mean 'redetect.every'"),
        ("redetect=3", "unknown setting 'redetect'"),
        ("redetect.every=0", "every must be at least 1"),
        ("redetect.every=often", "not valid"),
        ("proposals.pred_iou_thresh=2", "from 0 to 1"),
        ("redetect.every", "key=value"),
        ("redetect.every={", "not valid"),
    ],
)
def test_settings_that_are_not_valid(override: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        parse_vis_settings([override])
