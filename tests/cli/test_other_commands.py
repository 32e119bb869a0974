"""``demo``, ``sample``, ``info`` and the program itself."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sampt.synthetic.scene import SyntheticScene
from sampt.version import __version__

from .conftest import Cli


@pytest.mark.slow
def test_demo_prints_the_score_of_what_it_wrote(here: Cli, tmp_path: Path) -> None:
    (tmp_path / "demo" / "masks").mkdir(parents=True)  # as after Ctrl-C in the first second
    done = here("demo")
    assert done.returncode == 0, done.stderr
    printed = float(re.search(r"J&F ([\d.]+)", done.stdout)[1])
    assert printed > 50
    scored = here("evaluate", "--results", "demo", "--annotations", "demo/annotations")
    assert f"{printed}" in scored.stdout


def test_sample_draws_every_sampler(here: Cli, scene: SyntheticScene, mask: Path, tmp_path: Path) -> None:
    Image.fromarray(scene[0]).save(tmp_path / "image.png")
    done = here("sample", "image.png", mask, "--output", "samples.png", "-n", 8)
    assert done.returncode == 0, done.stderr
    assert np.array(Image.open(tmp_path / "samples.png").convert("RGB")).std() > 10


def test_sample_refuses_a_mask_of_another_size(here: Cli, mask: Path, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "image.png")
    done = here("sample", "image.png", mask)
    assert done.returncode == 2
    assert not (tmp_path / "samples.png").exists()


def test_info_tells_what_can_be_loaded(here: Cli) -> None:
    done = here("info")
    assert done.returncode == 0
    for word in ("torch", "device", "lucas-kanade", "grabcut", "on-loss", "sam_pt_reinit"):
        assert word in done.stdout


def test_version(sampt: Cli) -> None:
    assert __version__ in sampt("--version").stdout


def test_demo_does_not_replace_somebody_elses_results(here: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "result.json").write_text("{}")
    done = here("demo", "--output", "mine")
    assert done.returncode == 2
    assert "mine" in done.stderr
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["result.json"]
