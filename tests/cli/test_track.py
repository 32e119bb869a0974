"""``sampt track`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from sampt.cli import run
from sampt.output.drawing import colour
from sampt.synthetic.scene import SyntheticScene
from sampt.trackers.raft.weights import build_raft
from sampt.video.reader import Video

from .conftest import Cli


@pytest.fixture(scope="session")
def points(scene: SyntheticScene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the middle of each object's mask in frame 2, and one negative."""
    middles = [np.argwhere(mask).mean(0)[::-1].round().tolist() for mask in scene.masks(2)]
    objects = [{"id": k, "frame": 2, "positive": [xy]} for k, xy in enumerate(middles, 4)]
    objects[0]["negative"] = [[4, 4]]
    path = tmp_path_factory.mktemp("points") / "points.json"
    path.write_text(json.dumps({"version": 1, "objects": objects}))
    return path


def test_points_stay_on_their_objects(
    here: Cli, clip: Path, scene: SyntheticScene, points: Path, tmp_path: Path
) -> None:
    done = here("track", clip, "--points", points, "--tracker", "lucas-kanade", "--output", "out")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "3 points through 12 frames: out"
    saved = np.load(tmp_path / "out/trajectories.npz")
    assert saved["object_id"].reshape(12, 3).tolist() == [[4, 4, 5]] * 12
    assert saved["positive"][:3].tolist() == [True, False, True]
    xy = saved["xy"].reshape(12, 3, 2)[:, [0, 2]].round().astype(int)
    seen = saved["visibility"].reshape(12, 3)[:, [0, 2]] == 1
    assert seen[2].all() and seen.mean() > 0.5
    for t, k in np.argwhere(seen):
        assert scene.masks(int(t))[k][xy[t, k, 1], xy[t, k, 0]], (t, k)


def test_the_video_shows_each_point_in_its_colour(
    here: Cli, clip: Path, scene: SyntheticScene, points: Path, tmp_path: Path
) -> None:
    assert here("track", clip, "--points", points, "--output", "out", "--tail", 4).returncode == 0
    (x, y), *_ = json.loads(points.read_text())["objects"][0]["positive"]
    with Video(tmp_path / "out/tracks.mp4") as video:
        assert len(video) == len(scene)
        shown = video[2][int(y), int(x)].astype(int)
    assert np.abs(shown - colour(0)).max() < 60


def test_frames_can_be_chosen_and_options_given(here: Cli, clip: Path, tmp_path: Path) -> None:
    done = here(
        *("track", clip, "--point", "1:4:80,48", "--point", "1:4:70,40:-", "--tracker", "lucas-kanade"),
        *(
            "-o",
            "tracker.options.window=15",
            "-o",
            "tracker.options.max_side=null",
            "--start",
            2,
            "--stride",
            2,
            "--max-frames",
            4,
            "-O",
            "out",
        ),
    )
    assert done.returncode == 0, done.stderr
    saved = np.load(tmp_path / "out/trajectories.npz")
    assert saved["frames"].tolist() == [2, 4, 6, 8]
    assert saved["xy"].reshape(4, 2, 2)[1].tolist() == [[80, 48], [70, 40]]


@pytest.fixture
def refused(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Run ``sampt track CLIP``, expect a refusal that writes nothing, and return what it said."""

    def refuse(*arguments: object, video: object = clip) -> str:
        assert run(["track", str(video), *map(str, arguments), "--output", str(tmp_path / "out")]) == 2
        said = capsys.readouterr().err
        assert said.startswith("Error: ") and said.count("\n") == 1
        assert not (tmp_path / "out").exists()
        return said

    return refuse


POINT = ("--point", "1:0:80,48:+")


def test_a_missing_video(here: Cli, tmp_path: Path) -> None:
    done = here("track", "nowhere.mp4", *POINT, "--output", "out")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: nowhere.mp4 does not exist")
    assert not (tmp_path / "out").exists()


def test_nothing_to_track(refused) -> None:
    assert "--points or --point" in refused()


def test_two_sources_of_points(refused, points: Path) -> None:
    assert "--points or --point" in refused(*POINT, "--points", points)


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ("1:0:500,48:+", "outside"),
        ("1:99:80,48:+", "99"),
        ("1:0:80,48:-", "positive"),
        ("1:0:nan,48", "--point"),
    ],
)
def test_points_that_do_not_fit_the_video(refused, point: str, said: str) -> None:
    assert said in refused("--point", point)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tracker", "lukas-kanade"), "'lucas-kanade'"),
        (("-o", "tracker.options.patiance=3"), "'patience'"),
        (("-o", "tracker.options.patience=many"), "'patience'"),
        (("-o", "tracker.options.patience=0"), "patience must be at least 1"),
        (("-o", "patience"), "KEY=VALUE"),
        (("-o", "tracker.options.patience=[1"), "not valid YAML"),
        (("--start", "12"), "--start 12"),
    ],
)
def test_options_that_make_no_sense(refused, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(*POINT, *arguments)


def test_earlier_results_are_not_replaced_unasked(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = tmp_path / "trajectories.npz"
    earlier.write_bytes(b"somebody's")
    assert run(["track", str(clip), *POINT, "--output", str(tmp_path)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == [earlier.name]
    assert earlier.read_bytes() == b"somebody's"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RAFT (small) with random weights."""
    path = tmp_path_factory.mktemp("weights") / "raft.pth"
    torch.manual_seed(0)
    torch.save(build_raft("small").state_dict(), path)
    return path


class TestWithACheckpoint:
    def test_track(self, here: Cli, clip: Path, points: Path, weights: Path, tmp_path: Path) -> None:
        given = (
            "--tracker",
            "raft",
            "--tracker-checkpoint",
            weights,
            "-o",
            "tracker.options.iterations=1",
            "--max-frames",
            4,
        )
        done = here("track", clip, "--points", points, *given, "--output", "out")
        assert done.returncode == 0, done.stderr
        with np.load(tmp_path / "out/trajectories.npz") as tracks:
            assert len(tracks["frames"]) == 4

    def test_segment(self, here: Cli, clip: Path, mask: Path, weights: Path, tmp_path: Path) -> None:
        given = ("--tracker", "raft", "--tracker-checkpoint", weights, "--max-frames", 4)
        done = here("segment", clip, "--mask", mask, *given, "--segmenter", "grabcut", "--output", "out")
        assert done.returncode == 0, done.stderr
        assert len(list((tmp_path / "out/masks").glob("*.png"))) == 4

    def test_of_another_tracker(self, here: Cli, clip: Path, points: Path, weights: Path) -> None:
        given = ("--tracker", "pips", "--tracker-checkpoint", weights)
        done = here("track", clip, "--points", points, *given, "--output", "out")
        assert done.returncode == 2
        error = done.stderr.splitlines()[-1]
        assert error.startswith("Error: ") and "raft.pth" in error and "PIPS" in error
