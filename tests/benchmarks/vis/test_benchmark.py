"""Video instance segmentation of a dataset, called from Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sampt.benchmarks import DatasetChoice, run_vis
from sampt.benchmarks.running import methods
from sampt.benchmarks.vis.settings import VisConfig
from sampt.config import Config, load_config
from sampt.errors import ConfigError
from sampt.methods.sam_pt.pipeline import Sampling, SamPt
from sampt.methods.sam_pt.samplers import create_sampler
from tests.sampt.parts import DiscSegmenter, SteadyTracker

from .conftest import Miniature


@pytest.fixture
def discs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> VisConfig:
    """A configuration, in place of whose method works one that sees discs everywhere."""

    def build_method(config: Config, segmenter: DiscSegmenter | None) -> SamPt:
        sampling = Sampling(create_sampler("random"), create_sampler("mixed"), positives=1, negatives=0)
        parts = SteadyTracker(), segmenter or DiscSegmenter(), sampling
        return SamPt(*parts, overlapping=config.overlapping, cache=config.cache)

    monkeypatch.setattr(methods, "build_method", build_method)
    (tmp_path / "unused.pt").touch()
    few = ("points_per_side=2", "pred_iou_thresh=0", "stability_score_thresh=0", "max_masks=2")
    config = load_config(
        "sam_pt_uvo",
        [
            "tracker.name=dis",
            "segmenter.name=mobile-sam",
            f"segmenter.checkpoint={tmp_path / 'unused.pt'}",
            *(f"proposals.{setting}" for setting in few),
        ],
        VisConfig,
    )
    assert isinstance(config, VisConfig)
    return config


def test_a_run_gives_results_and_scores(miniature: Miniature, discs: VisConfig, tmp_path: Path) -> None:
    done = run_vis(DatasetChoice("uvo", miniature("uvo")), discs, tmp_path / "run")
    assert done.failures == {}
    (results,) = done.results
    assert {prediction["video_id"] for prediction in json.loads(results.read_text())} == {1, 2}
    assert list(done.means)[:2] == ["AR100", "ARs"]
    assert done.means["AR100"].between(0, 1).all()


def test_a_segmenter_without_proposals_is_refused(miniature: Miniature, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="grabcut"):
        run_vis(DatasetChoice("uvo", miniature("uvo")), "quick", tmp_path / "run")
    assert not (tmp_path / "run").exists()
