"""``sampt reproduce``: the list, a plain command, one row from start to end, and what is refused."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from sampt.benchmarks.datasets.miniature import write_miniature
from sampt.benchmarks.reproduce.catalogue import rows

from .conftest import Cli
from .test_start_up import imported
from .test_vis import FEW, miniature, weights

__all__ = ["miniature", "weights"]  # fixtures: UVO, and a MobileSAM that knows nothing

PREVIEW = ("-o", "tracker.name=dis", "--segmenter", "grabcut", "-o", "prompting.iou_threshold=null")
"""Parts without weights in place of the paper's."""


@pytest.fixture(scope="module")
def davis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("davis")
    write_miniature("davis2017", folder, frames=4)
    return folder


def test_all_rows_are_listed(here: Cli) -> None:
    done = here("reproduce")
    assert done.returncode == 0, done.stderr
    for row in rows():
        assert f" {row.name} " in done.stdout
    assert "SAM-PT, first arXiv version (2307.01197v1), Table 3" in done.stdout
    assert "76.6 ± 0.7" in done.stdout
    assert "methods of others, not run here: TAM, Mask2Former VIS, ROVIS" in done.stdout
    assert "the nearest row is wacv_table2_trackers" in " ".join(done.stdout.split())


def test_the_list_imports_nothing_heavy(tmp_path: Path) -> None:
    there = imported("reproduce", folder=tmp_path)
    assert not there & {"torch", "pandas", "matplotlib", "scipy", "jinja2"}


def test_the_plain_command_gives_the_same(here: Cli, davis: Path, tmp_path: Path) -> None:
    """As a row, and by the command that is printed for it."""
    options = ("--sequence", "tin-cars", *PREVIEW)
    plain = here("reproduce", "arxiv_table3_sam_pt", "--root", davis, *options, "-O", "plain", "--dry-run")
    assert plain.returncode == 0, plain.stderr
    program, *arguments = shlex.split(plain.stdout)
    assert program == "sampt" and not (tmp_path / "plain").exists()
    assert here(*arguments).returncode == 0
    done = here("reproduce", "arxiv_table3_sam_pt", "--root", davis, *options, "-O", "row")
    assert done.returncode == 0, done.stderr
    one, other = (json.loads((tmp_path / name / "run.json").read_text()) for name in ("plain", "row"))
    assert all(one[key] == other[key] for key in ("task", "dataset", "config", "seeds"))
    assert (tmp_path / "plain/metrics.csv").read_bytes() == (tmp_path / "row/metrics.csv").read_bytes()
    assert "this run covers only 1 of 2 sequences" in done.stderr


def test_a_row_from_start_to_end(here: Cli, davis: Path, tmp_path: Path) -> None:
    command = ("reproduce", "arxiv_table3_sam_pt", "--root", davis, "--seeds", 2, *PREVIEW)
    done = here(*command)
    assert done.returncode == 0, done.stderr
    assert "SAM-PT, Table 3, davis2017 val" in done.stdout
    cells = next(line.split() for line in done.stdout.splitlines() if line.strip().startswith("J&F-Mean"))
    published, ours, difference = float(cells[1]), float(cells[4]), float(cells[7])
    assert (published, cells[2:4], cells[5]) == (76.3, ["±", "0.6"], "±")
    assert difference == pytest.approx(ours - published, abs=0.01) and cells[8] == "no"
    assert "tracker.name is dis, not pips, segmenter.name is grabcut, not sam-vit-h" in done.stderr
    assert "a smaller copy of the dataset" in done.stderr
    folder = tmp_path / "results/arxiv_table3_sam_pt"
    assert (folder / "report.html").is_file()
    records = {file: file.stat().st_mtime_ns for file in folder.glob("records/*/*.json")}
    assert len(records) == 4 and here(*command).stdout == done.stdout
    assert {file: file.stat().st_mtime_ns for file in records} == records, "finished work was done again"


def test_a_sweep_of_the_paper(here: Cli, davis: Path, tmp_path: Path) -> None:
    arguments = ("--root", davis, "--seeds", 1, "--sequence", "tin-boat", *PREVIEW, "-O", "sweep")
    done = here("reproduce", "arxiv_table2_refinements", *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("number of refinements, Table 2, davis2017 val: prompting.refinements=") == 4
    assert done.stdout.count("not read") == 12
    assert "this run covers only tin-boat" in done.stderr
    assert (tmp_path / "sweep/settings.csv").is_file()


@pytest.mark.slow
def test_a_row_of_video_instance_segmentation(
    here: Cli, miniature: Path, weights: Path, tmp_path: Path
) -> None:
    parts = ("--segmenter", "mobile-sam", "--segmenter-checkpoint", weights, "--tracker", "dis")
    few = [word for override in FEW for word in ("-o", override)]
    done = here("reproduce", "arxiv_table6_sam_pt", "--root", miniature, *parts, *few, "-O", "run")
    assert done.returncode == 0, done.stderr
    measures = [line.split()[0] for line in done.stdout.splitlines() if "±" in line and "within" not in line]
    assert measures == ["AR100", "ARs", "ARm", "ARl", "AP"]
    assert "proposals.max_masks is 2, not 100" in done.stderr
    assert (tmp_path / "run/results.json").is_file()


def test_annotators_follow_the_papers_rules(here: Cli, davis: Path, tmp_path: Path) -> None:
    arguments = ("--root", davis, *PREVIEW, "--sequence", "tin-boat", "-O", "walks")
    done = here("reproduce", "wacv_fig5_online", *arguments)
    assert done.returncode == 0, done.stderr
    assert "tin-boat" in done.stdout
    rules = json.loads((tmp_path / "walks/run.json").read_text())["config"]["annotator"]
    assert rules == {"mode": "online", "target": 0.95, "actions": 4, "budget": 300, "tracking": True}


def test_a_stand_in_for_the_papers_tracker_is_named(here: Cli, davis: Path) -> None:
    """Weights that are not there end the run before it begins; the tracker of the row is in the list."""
    listed = " ".join(here("reproduce").stdout.split())
    row = next(row for row in rows() if row.name == "wacv_uvo")
    (config,) = row.configs()
    stands_in = f"wacv_uvo: tracks with {config.tracker.name} in place of {row.tracker}"
    assert (stands_in in listed) == (config.tracker.name != row.tracker)
