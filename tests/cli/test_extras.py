"""Without the optional packages: what works, and what is said where one of them is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sampt._internal.extras import EXTRA_OF
from sampt.prompts.label_maps import write_label_map
from sampt.synthetic.scene import SyntheticScene, write_frames

Without = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def without(tmp_path: Path) -> Without:
    """Run Python where some packages cannot be imported, as if they were not installed."""

    def run(missing: list[str], *arguments: object) -> subprocess.CompletedProcess[str]:
        hiding = "import sys\n" + "".join(f"sys.modules[{name!r}] = None\n" for name in missing)
        (tmp_path / "hidden").mkdir()
        (tmp_path / "hidden/sitecustomize.py").write_text(hiding)
        path = os.pathsep.join([str(tmp_path / "hidden"), os.environ.get("PYTHONPATH", "")])
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return run


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A folder of three frames; the first one's mask lies beside it."""
    scene = SyntheticScene(frames=3, height=96, width=160, objects=1, seed=1)
    write_frames(scene, tmp_path / "clip")
    write_label_map(tmp_path / "mask.png", scene.label_map(0))
    return tmp_path / "clip"


def test_segmenting_needs_no_extra(without: Without, scene: Path) -> None:
    mask, output = scene.parent / "mask.png", scene.parent / "out"
    done = without([*EXTRA_OF, "sklearn"], "-m", "sampt", "segment", scene, "--mask", mask, "-O", output)
    assert done.returncode == 0, done.stderr
    assert len(list((output / "masks").iterdir())) == 3


def test_tracking_needs_no_extra(without: Without, scene: Path) -> None:
    output = scene.parent / "out"
    done = without([*EXTRA_OF], "-m", "sampt", "track", scene, "--point", "1:0:80,48", "-O", output)
    assert done.returncode == 0, done.stderr


def test_the_demo_and_its_scores_need_no_extra(without: Without, scene: Path) -> None:
    mask = scene.parent / "mask.png"
    (scene.parent / "masks").mkdir()
    for t in range(3):
        shutil.copy(mask, scene.parent / "masks" / f"{t:05d}.png")
    code = (
        "import sys, pathlib, sampt.cli.demo; from sampt.benchmarks.vos.evaluation import evaluate; "
        "folder = pathlib.Path(sys.argv[1]); print(evaluate(folder, folder).means['J-Mean'])"
    )
    done = without([*EXTRA_OF], "-c", code, scene.parent / "masks")
    assert done.stdout.strip() == "1.0", done.stderr


def test_proposing_imports_no_extra(without: Without) -> None:
    done = without([*EXTRA_OF], "-c", "import sampt.proposals.writer, sampt.segmenters.sam")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("package", "extra", "arguments"),
    [
        ("pandas", "benchmarks", "vos --dataset davis2017 --root {clip}"),
        ("matplotlib", "benchmarks", "sample {clip}/00000.png {clip}/../mask.png"),
        ("timm", "hq", "segment {clip} --point 1:0:80,48 --segmenter hq-sam-light -O {clip}/../out"),
        ("segment_anything_hq", "hq", "propose {clip} --segmenter mobile-sam -O {clip}/../out"),
    ],
)
def test_a_command_names_the_extra_that_it_needs(
    without: Without, scene: Path, package: str, extra: str, arguments: str
) -> None:
    done = without([package], "-m", "sampt", *arguments.format(clip=scene).split())
    assert done.returncode == 2
    assert package in done.stderr and f"pip install 'sampt[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (scene.parent / "out").exists()
