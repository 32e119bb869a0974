"""The examples of CONTRIBUTING.md and the links of the README work."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import sampt.methods.sam_pt.samplers
from sampt.benchmarks.datasets.miniature import write_miniature
from sampt.trackers.base import PointTracker

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
SNIPPETS = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)


def example(word: str, package: str, known: dict[str, object]) -> dict[str, object]:
    """What the example with ``word`` in it defines, run as if it were a module of ``package``."""
    module = ModuleType(f"{package}.example")
    module.__package__ = package
    vars(module).update(known)
    sys.modules[module.__name__] = module
    exec(next(s for s in SNIPPETS if word in s), vars(module))
    return vars(module)


def test_the_tracker_of_the_guide_follows_a_shift() -> None:
    tracker = example("OnlineTracker", "sampt.trackers", {})["GlobalShift"]()  # type: ignore[operator]
    assert isinstance(tracker, PointTracker)
    texture = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    clip = np.stack([np.roll(texture, (t, 2 * t), (0, 1)) for t in range(5)])
    tracks = tracker.track(clip, [(2, 60, 40)])
    expected = [(56, 38), (58, 39), (60, 40), (62, 41), (64, 42)]
    np.testing.assert_allclose(tracks.xy[:, 0], expected, atol=0.2)
    assert tracks.visible.all()


def test_the_sampler_of_the_guide_samples_from_the_top() -> None:
    sampler = example("TopSampler", "sampt", dict(vars(sampt.methods.sam_pt.samplers)))["TopSampler"]()  # type: ignore[operator]
    mask = np.zeros((20, 20), bool)
    mask[5:15, 5:15] = True
    xy = sampler.sample(np.zeros((20, 20, 3), np.uint8), mask, 7, np.random.default_rng(0))
    assert xy.shape == (7, 2)
    assert (xy[:, 1] < 10).all()


def test_the_dataset_of_the_guide_opens_a_folder(tmp_path: Path) -> None:
    write_miniature("generic", tmp_path / "data")
    (tmp_path / "data/JPEGImages").rename(tmp_path / "data/frames")
    (tmp_path / "data/Annotations").rename(tmp_path / "data/masks")
    open_fishes = example("open_fishes", "sampt.benchmarks.datasets", {})["open_fishes"]
    dataset = open_fishes(tmp_path, "all", {})  # type: ignore[operator]
    sequence = dataset[dataset.names[0]]
    assert sequence.appearances and len(sequence.video) == len(sequence.frames)


@pytest.mark.parametrize(
    "page",
    ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in sorted((ROOT / "docs").glob("*.md")))],
)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    assert "<!--" not in text
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert ((ROOT / page).parent / target).exists(), target
