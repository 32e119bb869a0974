"""The values of the papers and of the reference's releases, in the files that claim them.

Written out once more here on purpose: a published setting has to be changed twice, for a reason.
"""

from __future__ import annotations

import pytest

from sampt.config import Config, load_config
from sampt.config.schema import OnLoss, Prompting, ReinitConfig, TrackerConfig

SAM_PT = ("pips", "sam-vit-h", ("k-medoids", 8), ("mixed", 1), True, True, 12, 0.7, None)
PUBLISHED = {
    "sam_pt": SAM_PT,
    "sam_pt_reinit": (*SAM_PT[:3], ("mixed", 72), *SAM_PT[4:8], ("horizon", 8)),
    "sam_pt_uvo": (*SAM_PT[:5], False, 0, 0.7, None),
    "sam_pt_uvo_reinit": (*SAM_PT[:3], ("mixed", 8), True, False, 0, 0.7, ("horizon", 8)),
    "sam_pt_wacv": ("cotracker1", "hq-sam-vit-h", ("k-medoids", 16), *SAM_PT[3:]),
    "sam": ("dis", "sam-vit-b", *SAM_PT[2:]),
    "sam_uvo": ("dis", "sam-vit-b", *SAM_PT[2:5], False, 0, 0.7, None),
}
"""Tracker, segmenter, positives, negatives, two passes, others as negatives, refinements, IoU, restarts."""


def values(config: Config) -> tuple[object, ...]:
    positive, negative, prompting = config.sampling.positive, config.sampling.negative, config.prompting
    reinit = config.reinit
    return (
        config.tracker.name,
        config.segmenter.name,
        (positive.name, positive.points),
        (negative.name, negative.points),
        prompting.two_pass,
        prompting.other_objects_as_negatives,
        prompting.refinements,
        prompting.iou_threshold,
        None if reinit.strategy is None else (reinit.strategy, reinit.horizon),
    )


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_setting(name: str) -> None:
    config = load_config(name)
    assert values(config) == PUBLISHED[name]
    assert not config.patch_filter.enabled and not config.sampling.from_clicks and not config.overlapping
    assert config.reinit.tracker_horizon is None and config.tracker.joint_objects is None


def test_the_papers_way_of_using_cotracker() -> None:
    options = load_config("sam_pt_wacv").tracker.options
    assert options == {"visibility_threshold": 0.7, "support_grid": 2, "support_grid_every": 12}


def test_the_embedded_default() -> None:
    """The README's table was measured with these."""
    config = load_config("quick")
    assert values(config) == (
        *("dis", "grabcut", ("k-medoids", 64), ("ring", 64), False, True, 0, None, ("on-loss", 8)),
    )
    assert (config.tracker.options, config.sampling.positive.options) == ({"patience": 1}, {"erosion": 5})
    assert config.sampling.from_clicks and config.patch_filter.enabled
    assert (config.patch_filter.size, config.patch_filter.threshold) == (3, 0.01)
    assert config.reinit.on_loss == OnLoss(0.8, 3, 2, 100)
    assert config.cache.host_bytes == 32 << 20


def test_what_is_not_said_in_a_file() -> None:
    """Defaults that published settings rely on: SAM-PT's supplement, and the reference's code."""
    prompting = Prompting()
    assert (prompting.two_pass, prompting.other_objects_as_negatives) == (True, True)
    assert (prompting.refinements, prompting.iou_threshold, prompting.max_other_points) == (12, 0.7, None)
    assert not prompting.negatives_alone
    assert TrackerConfig().joint_objects is None and TrackerConfig().whole_clip_frames == 300
    assert (ReinitConfig().horizon, OnLoss()) == (8, OnLoss(0.6, 3, 2, 100))
