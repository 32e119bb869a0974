"""Which configuration the options of a model come to, and that it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from sampt.benchmarks.vis.settings import VisConfig
from sampt.cli.model_options import ModelChoice
from sampt.config import load_config

from .conftest import Cli


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.pth"
    path.touch()
    return path


def choice(*, segmenter_checkpoint: Path | None = None, **said: str) -> ModelChoice:
    nothing = dict.fromkeys(("config", "method", "tracker", "tracker_checkpoint", "segmenter", "device"))
    return ModelChoice(**{**nothing, "overrides": (), **said}, segmenter_checkpoint=segmenter_checkpoint)


def test_without_options_it_is_quick() -> None:
    assert choice().settings() == load_config("quick")


@pytest.mark.parametrize("tracker", ["dis", "lucas-kanade"])
def test_another_tracker_changes_nothing_but_the_tracker(tracker: str) -> None:
    assert choice(tracker=tracker).settings() == load_config("quick", [f"tracker.name={tracker}"])


def test_a_sam_takes_the_file_for_it_as_it_is(weights: Path) -> None:
    settings = choice(segmenter="mobile-sam", segmenter_checkpoint=weights).settings()
    expected = load_config("sam", ["segmenter.name=mobile-sam"])
    assert settings.tracker == expected.tracker
    assert settings.sampling == expected.sampling
    assert settings.prompting == expected.prompting


def test_a_segmenter_leaves_the_rest_of_a_configuration_alone(weights: Path) -> None:
    settings = choice(config="quick", segmenter="mobile-sam", segmenter_checkpoint=weights).settings()
    quick = load_config("quick")
    assert (settings.tracker, settings.sampling) == (quick.tracker, quick.sampling)


def test_sam_is_the_papers_settings_with_the_fast_tracker() -> None:
    """Without what only serves to match the reference implementation."""
    changed = [
        *("tracker.name=dis", "segmenter.name=sam-vit-b", "reference=false", "dtype=auto"),
        *("tracker.joint_objects=null", "prompting.joint_objects=null"),
    ]
    assert load_config("sam") == load_config("sam_pt", [*changed, "working_size.longest_side=null"])
    assert load_config("sam_uvo", schema=VisConfig) == load_config("sam_pt_uvo", changed, VisConfig)


def test_a_line_says_what_is_used(here: Cli, clip: Path) -> None:
    done = here("segment", clip, "--point", "1:0:80,48:+", "--max-frames", 1, "--output", "out")
    assert done.stderr.splitlines()[0] == (
        "Using method sam-pt, tracker dis, segmenter grabcut, device cpu, points 64 + 64 per object, "
        "configuration quick."
    )
