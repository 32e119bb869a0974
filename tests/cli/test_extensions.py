"""Trackers, samplers and segmenters of another installed package, through the real command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.guide import entry_points, example

from .conftest import Cli

SAMPLER_IMPORTS = """
from sampt.methods.sam_pt.samplers import NDArray, draw, from_0_to_1, mask_pixels
"""

SEGMENTER = '''
def make_squares(checkpoint, device, dtype, compile):
    """A GrabCut by another name."""
    from sampt.segmenters.grabcut import GrabCutSegmenter

    class Squares(GrabCutSegmenter):
        name = "squares"

    return Squares()
'''


def install(folder: Path, package: str, module: str, code: str, points: str) -> None:
    """Write a distribution as pip leaves it in ``folder``."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(points)
    (folder / f"{module}.py").write_text(code)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages, with that of CONTRIBUTING.md."""
    tracker = example("class GlobalShift(").replace("from .", "from sampt.trackers.")
    code = tracker + SAMPLER_IMPORTS + example("class TopSampler") + SEGMENTER
    install(tmp_path / "site", "shifty", "shift", code, entry_points())
    return tmp_path / "site"


@pytest.fixture
def extended(sampt: Cli, site: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """``sampt``, where those packages are installed."""
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=":")
    return sampt


POINT = ("--point", "1:0:80,48:+")


def refusal(done) -> str:
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
    return done.stderr


def test_a_tracker_tracks(extended: Cli, clip: Path, tmp_path: Path) -> None:
    given = ("--tracker", "global-shift", "-o", "tracker.options.max_side=100", "--output", "out")
    done = extended("track", clip, *POINT, *given)
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "out/trajectories.npz")["xy"].shape == (12, 2)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("max_sid=100", "'max_side'"),
        ("max_side=wide", "tracker 'global-shift': the option 'max_side' takes int, not 'wide'"),
        ("max_side=0", "tracker 'global-shift': max_side must be at least 1, not 0"),
    ],
)
def test_its_options_are_checked(extended: Cli, clip: Path, option: str, said: str) -> None:
    done = extended(
        "track",
        clip,
        *POINT,
        "--tracker",
        "global-shift",
        "-o",
        f"tracker.options.{option}",
        "--output",
        "out",
    )
    assert said in refusal(done)


def test_info_lists_all_of_them(extended: Cli) -> None:
    done = extended("info")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert rows["trackers"].endswith(", global-shift")
    assert rows["samplers"].endswith(", top")
    assert rows["segmenters"].endswith(", squares")


def test_all_of_them_segment_together(extended: Cli, clip: Path, mask: Path, tmp_path: Path) -> None:
    chosen = ("--tracker", "global-shift", "--segmenter", "squares", "-o", "sampling.positive.name=top")
    options = ("-o", "sampling.positive.options.share=0.3", "--max-frames", 3, "--output", "out")
    done = extended("segment", clip, "--mask", mask, *chosen, *options)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out/masks").glob("*.png"))) == 3


def test_a_samplers_options_are_checked(extended: Cli, clip: Path, mask: Path) -> None:
    options = ("-o", "sampling.positive.name=top", "-o", "sampling.positive.options.share=3")
    said = refusal(extended("segment", clip, "--mask", mask, *options, "--output", "out"))
    assert "sampler 'top': share" in said


class TestABrokenPackage:
    @pytest.fixture
    def broken(self, site: Path) -> None:
        points = "[sampt.trackers]\ngone = nowhere_at_all:Gone\nodd = oddity:THREE\ndis = oddity:THREE\n"
        install(site, "oddities", "oddity", "THREE = 3\n", points)

    def track(self, extended: Cli, clip: Path, tracker: str):
        return extended("track", clip, *POINT, "--tracker", tracker, "--output", "out")

    def test_is_named_when_it_cannot_be_imported(self, broken: None, extended: Cli, clip: Path) -> None:
        said = refusal(self.track(extended, clip, "gone"))
        assert "tracker 'gone' of the package oddities" in said
        assert "nowhere_at_all" in said

    def test_is_named_when_it_registers_something_else(self, broken: None, extended: Cli, clip: Path) -> None:
        said = refusal(self.track(extended, clip, "odd"))
        assert "tracker 'odd' of the package oddities" in said

    def test_may_not_take_a_name_of_ours(self, broken: None, extended: Cli, clip: Path) -> None:
        said = refusal(self.track(extended, clip, "dis"))
        assert "tracker 'dis'" in said and "the package oddities" in said

    def test_does_not_disturb_those_who_ask_for_something_else(
        self, broken: None, extended: Cli, clip: Path
    ) -> None:
        assert self.track(extended, clip, "lucas-kanade").returncode == 0
        assert "gone" in extended("info").stdout


def test_two_packages_may_not_have_one_name(extended: Cli, site: Path, clip: Path) -> None:
    install(site, "another", "other", "", "[sampt.trackers]\nglobal-shift = other:Shift\n")
    said = refusal(extended("track", clip, *POINT, "--tracker", "global-shift", "--output", "out"))
    assert "registered by the package" in said and "shifty" in said and "another" in said
