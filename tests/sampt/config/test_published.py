"""The values of the papers and of the reference's releases, in the files that claim them.

Written out once more here on purpose: a published setting has to be changed twice, for a reason.
"""

from __future__ import annotations

import re

import pytest

from sampt.benchmarks.running.published import published_tables
from sampt.benchmarks.vis.settings import VisConfig
from sampt.config import Config, load_config
from sampt.config.loading import find_config, packaged_configs
from sampt.config.schema import OnLoss, Prompting, ReinitConfig, TrackerConfig

SAM_PT = ("pips", "sam-vit-h", ("k-medoids", 8), ("mixed", 1), True, True, 12, 0.7, None)
"""Tracker, segmenter, positives, negatives, two passes, others as negatives, refinements, IoU, restarts."""


def changed(values: tuple[object, ...], **changes: object) -> tuple[object, ...]:
    keys = (
        "tracker",
        "segmenter",
        "positive",
        "negative",
        "two_pass",
        "others",
        "refinements",
        "iou",
        "reinit",
    )
    return tuple((dict(zip(keys, values, strict=True)) | changes).values())


REINIT = changed(SAM_PT, negative=("mixed", 72), reinit=("horizon", 8))
UVO = changed(SAM_PT, others=False, refinements=0)
WACV_TRACKER = "cotracker1"
"""CoTracker 1's stand-in: changed here and in every wacv_*.yaml once that is available."""
WACV = changed(SAM_PT, tracker=WACV_TRACKER, segmenter="hq-sam-vit-h", positive=("k-medoids", 16))
PAPER = {
    "arxiv_sam_pt": SAM_PT,
    "arxiv_sam_pt_reinit": REINIT,
    "arxiv_hq_sam_pt": changed(SAM_PT, segmenter="hq-sam-vit-h", refinements=3),
    "arxiv_hq_sam_pt_reinit": changed(REINIT, segmenter="hq-sam-vit-h", refinements=3),
    "arxiv_youtubevos_reinit": changed(REINIT, refinements=0),
    "arxiv_mose": changed(SAM_PT, refinements=0),
    "arxiv_mose_reinit": changed(REINIT, refinements=0),
    "arxiv_uvo": UVO,
    "arxiv_uvo_reinit": changed(UVO, negative=("mixed", 8), reinit=("horizon", 8)),
    "wacv_sam_pt": WACV,
    "wacv_mobile_sam": changed(WACV, segmenter="mobile-sam", refinements=3),
    "wacv_light_hq_sam": changed(WACV, segmenter="hq-sam-light", refinements=3),
    "wacv_sam_vit_b": changed(WACV, segmenter="sam-vit-b"),
    "wacv_sam_vit_l": changed(WACV, segmenter="sam-vit-l"),
    "wacv_sam_vit_h": changed(WACV, segmenter="sam-vit-h"),
    "wacv_bdd100k": changed(WACV, refinements=0),
    "wacv_mose": changed(WACV, refinements=0),
    "wacv_uvo": changed(WACV, segmenter="sam-vit-h", others=False, refinements=0),
    "wacv_reinit": changed(WACV, reinit=("median-area", 24)),
    "wacv_interactive": changed(WACV, positive=("k-medoids", 1), negative=("mixed", 0), refinements=0),
}
"""The files in configs/paper/."""

SHORT = {
    "sam_pt": "arxiv_sam_pt",
    "sam_pt_reinit": "arxiv_sam_pt_reinit",
    "sam_pt_uvo": "arxiv_uvo",
    "sam_pt_uvo_reinit": "arxiv_uvo_reinit",
    "sam_pt_wacv": "wacv_sam_pt",
}
"""Short names of the papers' main settings."""

OURS = {
    "sam": changed(SAM_PT, tracker="dis", segmenter="sam-vit-b"),
    "sam_uvo": changed(UVO, tracker="dis", segmenter="sam-vit-b"),
}
"""The same with the fast tracker."""


def load(name: str) -> VisConfig:
    """A configuration that may also have the settings of ``sampt vis``."""
    config = load_config(name, schema=VisConfig)
    assert isinstance(config, VisConfig)
    return config


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


@pytest.mark.parametrize("name", PAPER)
def test_a_published_setting(name: str) -> None:
    config = load(f"paper/{name}")
    assert values(config) == PAPER[name]
    check_the_rest(config)


@pytest.mark.parametrize("name", OURS)
def test_a_published_setting_with_the_fast_tracker(name: str) -> None:
    config = load(name)
    assert values(config) == OURS[name]
    check_the_rest(config)


def check_the_rest(config: VisConfig) -> None:
    assert not config.patch_filter.enabled and not config.sampling.from_clicks and not config.overlapping
    assert config.reinit.tracker_horizon is None
    assert config.objects_per_batch is None and config.redetect.every is None


UVO_PROTOCOL = ("predicted", "all", False)
"""First mask, frames that are scored, and whether the proposal's score counts."""


@pytest.mark.parametrize("name", PAPER)
def test_published_settings_match_the_reference_implementation(name: str) -> None:
    """Its sizes, its precision and its batches, which are 100 in all that it runs on UVO."""
    config = load(f"paper/{name}")
    assert config.reference and (config.dtype, config.tracker.dtype) == ("float32", "float32")
    uvo = "uvo" in name
    size = config.working_size
    assert (size.longest_side, size.shortest_side) == ((None, 360) if uvo else (1024, None))
    assert config.prompting.joint_objects == (5 if name.startswith("arxiv_") and not uvo else 100)
    assert config.tracker.joint_objects == (100 if uvo or name == "wacv_bdd100k" else 5)
    assert (protocol(config) == UVO_PROTOCOL) == uvo


def protocol(config: VisConfig) -> tuple[object, ...]:
    return config.first_mask, config.score_frames, config.proposal_score


def test_the_alternative_for_uvo_uses_all_pixels_and_our_scores() -> None:
    config, paper = load("sam_pt_uvo_native"), load("sam_pt_uvo")
    assert values(config) == values(paper)
    assert not config.reference and config.dtype == "auto"
    assert (config.working_size.longest_side, config.working_size.shortest_side) == (None, None)
    assert (config.prompting.joint_objects, config.tracker.joint_objects) == (None, None)
    assert protocol(config) == ("given", "seen", True)


def test_the_fast_tracker_runs_the_papers_protocol_on_uvo() -> None:
    config = load("sam_uvo")
    assert protocol(config) == UVO_PROTOCOL and config.working_size.shortest_side == 360
    assert not config.reference and config.dtype == "auto"


def test_every_published_setting_is_pinned() -> None:
    in_folder = {name for name in packaged_configs() if name.startswith("paper/")}
    assert in_folder == {f"paper/{name}" for name in PAPER}


@pytest.mark.parametrize(("short", "name"), SHORT.items())
def test_a_short_name_is_the_papers_setting(short: str, name: str) -> None:
    assert load(short) == load(f"paper/{name}")


@pytest.mark.parametrize("name", PAPER)
def test_the_header_says_what_is_published(name: str) -> None:
    """The paper, then a line for each table with this setting, as in the published list."""
    comments = [
        line.removeprefix("# ")
        for line in find_config(f"paper/{name}").read_text(encoding="utf-8").splitlines()
        if line.startswith("#")
    ]
    paper = (
        "SAM-PT's first arXiv version (2307.01197v1)."
        if name.startswith("arxiv_")
        else "SAM-PT at WACV 2025."
    )
    assert comments[0].startswith(paper)
    lines = [
        f"{table.table} ({table.paper}), {table.dataset} {table.split}, {row.method}: "
        + ", ".join(f"{measure.removesuffix('-Mean')} {value}" for measure, value in row.values.items())
        for table in published_tables()
        for row in table.rows
        if row.setting == f"paper/{name}"
    ]
    numbers = [comment for comment in comments if re.match(r".+ \(\w+\), \w+ [\w-]+, ", comment)]
    assert numbers == lines
    unread = {"No number of this setting could be read.", "The figure prints curves, not numbers."}
    assert bool(lines) != bool(unread & set(comments))


@pytest.mark.parametrize("name", [name for name in PAPER if name.startswith("wacv_")])
def test_the_papers_way_of_using_cotracker(name: str) -> None:
    options = load(f"paper/{name}").tracker.options
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
