"""``sampt report``: pages of finished runs, made again and compared."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import av
import pytest

from sampt.benchmarks.datasets.miniature import write_miniature
from sampt.cli import run as run_here
from tests.benchmarks.running.runs import Page

from .conftest import Cli
from .test_start_up import imported

QUICK = ("-o", "sampling.positive.points=4", "-o", "sampling.positive.name=random")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the dataset and two runs, the second with two seeds; not to be changed."""
    folder = tmp_path_factory.mktemp("runs")
    write_miniature("davis2017", folder / "davis", frames=5)
    usual = ("vos", "--dataset", "davis2017", "--root", folder / "davis", *QUICK)
    for options in (("-O", folder / "first"), ("-O", folder / "second", "--seeds", 2)):
        assert run_here([str(a) for a in (*usual, *options)]) == 0
    return folder


@pytest.fixture
def place(runs: Path, tmp_path: Path) -> Path:
    shutil.copytree(runs, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_the_page_is_the_one_that_the_run_wrote(here: Cli, place: Path) -> None:
    page = place / "second/report.html"
    before = page.read_bytes()
    page.unlink()
    done = here("report", "second")
    assert (done.returncode, done.stderr.strip()) == (0, f"Open {Path('second/report.html')}")
    assert page.read_bytes() == before


def test_videos_are_written_once_and_linked(here: Cli, place: Path) -> None:
    assert here("report", "first", "--overlays", "-O", "elsewhere.html").returncode == 0
    video = place / "first/overlays/tin-cars.mp4"
    with av.open(str(video)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5
    hrefs = Page(place / "elsewhere.html").attributes("a", "href")
    assert {"first/overlays/tin-cars.mp4", "first/overlays/tin-boat.mp4"} <= set(hrefs)
    written = video.stat().st_mtime_ns
    assert here("report", "first", "--overlays").returncode == 0
    assert video.stat().st_mtime_ns == written
    assert "overlays/tin-cars.mp4" in Page(place / "first/report.html").attributes("a", "href")


def test_a_dataset_that_was_moved(here: Cli, place: Path) -> None:
    described = json.loads((place / "first/run.json").read_text())
    described["dataset"]["root"] = str(place / "gone")
    (place / "first/run.json").write_text(json.dumps(described))
    without = here("report", "first")
    assert without.returncode == 0
    assert "Note: the dataset is not in" in without.stderr and "--root" in without.stderr
    made = Page(place / "first/report.html")
    assert made.attributes("img", "src") == [] and len(made.sequences) == 2
    given = here("report", "first", "--root", "davis")
    assert (given.returncode, "Note" in given.stderr) == (0, False)
    assert Page(place / "first/report.html").attributes("img", "src")


def test_runs_are_compared(here: Cli, place: Path) -> None:
    done = here("report", "first", "second")
    assert done.returncode == 0, done.stderr
    made = Page(place / "comparison.html")
    rows = list(csv.DictReader((place / "first/metrics.csv").open()))
    mean = sum(float(row["J&F-Mean"]) for row in rows) / len(rows)
    assert made.rows[1][:2] == ["first", f"{100 * mean:.1f}"]
    assert "±" in made.rows[2][1]
    assert made.row("seeds") == ["0", "0, 1"]


def test_nothing_needs_torch(place: Path) -> None:
    for arguments in (("first", "--overlays"), ("first", "second")):
        assert "torch" not in imported("report", *arguments, folder=place)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("davis",), "no run.json"),
        (("first", "first"), "given twice"),
        (("first", "-O", "davis"), "it is a folder"),
        (("first", "--root", "second"), "JPEGImages"),
    ],
)
def test_what_is_refused(here: Cli, place: Path, arguments: tuple[str, ...], said: str) -> None:
    done = here("report", *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr


def test_a_sweep_stands_for_its_settings(here: Cli, place: Path) -> None:
    (place / "few.yaml").write_text("{base: quick, grid: {sampling.positive.points: [2, 4]}}")
    assert (
        here("ablate", "few.yaml", "--dataset", "davis2017", "--root", "davis", "-O", "sweep").returncode == 0
    )
    assert here("report", "sweep").returncode == 0
    made = Page(place / "comparison.html")
    assert [row[0] for row in made.rows[1:3]] == ["positive.points=2", "positive.points=4"]
    assert made.row("config.sampling.positive.points") == ["2", "4"]
