"""Every block of shell and Python in README.md and docs/ runs, or says what it would need and is parsed.

The blocks of a page run in order, in one folder, and its Python blocks share their names. A block with a
title is written to that file first. The folder holds:

clip.mp4           8 frames of 480×270 with two objects
frames/            the same frames, as JPEGs
photo.jpg          the first of them
first_frame.png    both objects' masks there
points.json        three points on each of them
DAVIS/             a miniature of DAVIS 2017, with the lists of DAVIS 2016; also in $DAVIS
bdd100k/, UVO/     miniatures of these, not prepared
truth.json         the annotations of the latter
results.json       masklets that are exact
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from sampt import SyntheticScene, VideoWriter
from sampt.benchmarks.datasets.miniature import write_miniature
from sampt.benchmarks.vis.miniature import write_vis_miniature
from sampt.cli.demo import clicks_on
from sampt.prompts.label_maps import write_label_map

from .blocks import NEEDS, PAGES, ROOT, blocks_of

NAMES = [str(page.relative_to(ROOT)) for page in PAGES if any(block.is_code for block in blocks_of(page))]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what is listed above."""
    folder = tmp_path_factory.mktemp("inputs")
    scene = SyntheticScene(frames=8, height=270, width=480, objects=2, seed=1)
    (folder / "frames").mkdir()
    with VideoWriter(folder / "clip.mp4", scene.fps, scene.size) as writer:
        for t, frame in enumerate(scene):
            writer.write(frame)
            Image.fromarray(frame).save(folder / "frames" / f"{t:05d}.jpg")
    shutil.copy(folder / "frames" / "00000.jpg", folder / "photo.jpg")
    write_label_map(folder / "first_frame.png", scene.label_map(0))
    clicks_on(scene).write(folder / "points.json")
    write_datasets(folder)
    return folder


def write_datasets(folder: Path) -> None:
    write_miniature("davis2017", folder / "DAVIS", frames=4)
    lists = folder / "DAVIS" / "ImageSets"
    shutil.copytree(lists / "2017", lists / "2016")
    write_miniature("bdd100k", folder / "bdd100k", frames=4)
    shutil.rmtree(folder / "bdd100k" / "vos")
    write_vis_miniature("uvo", folder / "UVO", frames=4)
    shutil.rmtree(folder / "UVO" / "uvo_videos_dense_frames", ignore_errors=True)
    (annotations,) = (folder / "UVO").rglob("UVO_video_val_dense.json")
    shutil.copy(annotations, folder / "truth.json")
    truth = json.loads(annotations.read_text())
    exact = [
        {key: tube[key] for key in ("video_id", "category_id", "segmentations")} | {"score": 1.0}
        for tube in truth["annotations"]
    ]
    (folder / "results.json").write_text(json.dumps(exact))


@pytest.mark.parametrize("name", NAMES)
def test_the_page_runs(name: str, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "page"
    shutil.copytree(inputs, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DAVIS", str(folder / "DAVIS"))
    monkeypatch.setenv("SAMPT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SAMPT_OFFLINE", "1")
    namespace = {"__name__": "__docs__"}
    for block in blocks_of(ROOT / name):
        if block.title:
            Path(block.title).write_text(block.code)
        if block.is_code and not block.needs:
            block.run(namespace)
        elif block.is_code:
            block.check()


def test_what_does_not_run_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    code = [block for page in PAGES for block in blocks_of(page) if block.is_code]
    marked = [block for block in code if block.needs]
    assert {need for block in marked for need in block.needs.split(", ")} <= set(NEEDS)
    with capsys.disabled():
        print(
            f"\nblocks of the pages: {len(code) - len(marked)} run, {len(marked)} need what tests do not have"
        )
    assert len(marked) < len(code) / 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_block_is_overlooked(page: Path) -> None:
    """Commands are in blocks of ``sh``, and every marker is where it counts."""
    text, blocks = page.read_text(), blocks_of(page)
    assert text.count("```") == 2 * len(blocks)
    assert text.count("<!--") == sum(bool(block.needs) for block in blocks)
    for block in blocks:
        assert block.is_code or not block.code.startswith(("sampt ", "$ ", "pip ", "from ", "import ")), block
        assert block.is_code or not block.needs, block
        assert block.language in ("sh", "python", "json", "yaml", "bibtex", ""), block
