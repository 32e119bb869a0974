"""Settings of video instance segmentation, in a file and on the command line, beside the model's."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from sampt.benchmarks.vis.settings import Redetect, VisConfig, VisSettings
from sampt.config import as_mapping, load_config
from sampt.config.loading import VIS_ONLY
from sampt.errors import ConfigError
from sampt.proposals.generator import ProposalSettings


def read(source: str | Path, *overrides: str) -> VisConfig:
    config = load_config(source, overrides, VisConfig)
    assert isinstance(config, VisConfig)
    return config


def own(config: VisConfig) -> VisSettings:
    return VisSettings(**{field.name: getattr(config, field.name) for field in fields(VisSettings)})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "everything.yaml"
    path.write_text(
        "{tracker: {name: dis}, segmenter: {name: mobile-sam}, seed: 3, proposal_score: false,"
        " proposals: {points_per_side: 8}, redetect: {every: 10}, objects_per_batch: 20,"
        " first_mask: predicted, score_frames: all, working_size: {shortest_side: 360}}"
    )
    return path


def test_a_file_without_any_has_the_defaults() -> None:
    assert own(read("sam_pt")) == VisSettings()
    assert (VisSettings().redetect.every, VisSettings().proposals.max_masks) == (None, 100)


@pytest.mark.parametrize(
    ("name", "negatives", "strategy"), [("sam_pt_uvo", 1, None), ("sam_pt_uvo_reinit", 8, "horizon")]
)
def test_on_uvo_the_paper_finds_objects_with_sams_defaults_once(
    name: str, negatives: int, strategy: str | None
) -> None:
    config = read(name)
    assert (config.proposals, config.redetect) == (ProposalSettings(), Redetect())
    assert (config.sampling.negative.points, config.reinit.strategy) == (negatives, strategy)


@pytest.mark.parametrize("name", ["sam_pt", "sam_pt_reinit"])
def test_on_uvo_the_paper_changes_little(name: str) -> None:
    config, base = read(name.replace("sam_pt", "sam_pt_uvo")), read(name)
    assert config.prompting == replace(
        base.prompting, refinements=0, other_objects_as_negatives=False, joint_objects=100
    )
    assert config.tracker == replace(base.tracker, joint_objects=100)
    assert (config.segmenter, config.reinit) == (base.segmenter, base.reinit)
    assert config.sampling.positive == base.sampling.positive


def test_a_file_holds_them_beside_the_models(file: Path) -> None:
    config = read(file)
    assert own(config) == VisSettings(
        ProposalSettings(points_per_side=8), Redetect(10), "predicted", "all", False, 20
    )
    assert (config.segmenter.name, config.seed) == ("mobile-sam", 3)
    assert config.working_size.of((480, 854)) == (360, 641)  # detectron2's ResizeShortestEdge, half up
    assert as_mapping(config)["redetect"] == {"every": 10, "overlap": 0.5}


def test_the_command_line_overrides_the_file(file: Path) -> None:
    config = read(file, "redetect.every=null", "proposals={max_masks: 5}", "seed=4")
    assert config.redetect.every is None
    assert config.proposals == ProposalSettings(points_per_side=8, max_masks=5)
    assert (config.objects_per_batch, config.seed) == (20, 4)


def test_other_commands_say_whose_settings_they_are(file: Path) -> None:
    assert tuple(field.name for field in fields(VisSettings)) == VIS_ONLY
    with pytest.raises(ConfigError, match=r"everything\.yaml.*proposal_score.*`sampt vis`"):
        load_config(file)
    for override in ("redetect.every=3", "first_mask=predicted", "score_frames=all"):
        with pytest.raises(ConfigError, match=rf"-o {override}.*`sampt vis`"):
            load_config("quick", [override])


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("redetect.evry=3", "'redetect.every'"),
        ("redetect=3", "every, overlap"),
        ("redetect.every=0", r"-o redetect\.every=0.*\b1\b"),
        ("redetect.every=often", "redetect.every"),
        ("proposals.pred_iou_thresh=2", r"-o proposals\.pred_iou_thresh=2.*\b0\b.*\b1\b"),
        ("objects_per_batch=0", r"objects_per_batch.*\b1\b"),
        ("first_mask=own", "-o first_mask=own: .*given or predicted, not own"),
        ("score_frames=some", "-o score_frames=some: .*seen or all, not some"),
        ("redetect.every", "KEY=VALUE"),
        ("redetect.every={", "redetect.every"),
    ],
)
def test_settings_that_are_not_valid(override: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        read("sam_pt", override)


def test_values_that_are_only_good_together_may_come_in_any_order() -> None:
    crops = ("proposals.crop_n_points_downscale_factor=8", "proposals.crop_n_layers=2")
    with pytest.raises(ConfigError, match="crop"):
        read("sam_pt", *crops)
    assert read("sam_pt", *crops, "proposals.points_per_side=64").proposals.points_per_side == 64


def test_a_file_with_a_bad_value_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("redetect: {overlap: 2}")
    with pytest.raises(ConfigError, match=r"bad\.yaml.*(tracker\.name|overlap)"):
        read(path)


def test_a_masklet_is_weighed_by_its_proposal_and_looked_for_in_the_first_frame_alone() -> None:
    assert (VisSettings().first_mask, VisSettings().score_frames) == ("given", "seen")
    assert VisSettings().proposal_score is True
    assert VisSettings().objects_per_batch is None
    assert Redetect() == Redetect(every=None, overlap=0.5)
