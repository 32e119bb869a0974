"""TAP-Vid's files and the generated scenes, tracked and scored."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from sampt.benchmarks.tracks.array_pickle import load_arrays
from sampt.benchmarks.tracks.data import AnnotatedVideo, PickledVideos, write_tapvid_miniature
from sampt.benchmarks.tracks.evaluation import (
    CONDITIONS,
    TrackEvaluation,
    evaluate_tracks,
    rescaled,
    synthetic_videos,
)
from sampt.errors import EvaluationError
from sampt.synthetic.scene import SyntheticScene
from sampt.trackers.base import PointTracker, Trajectories, Visibility, check_queries
from sampt.trackers.registry import create_tracker

LAYOUTS = ("davis", "rgb-stacking", "kinetics")


class Knowing(PointTracker):
    """Gives the truth of one video, ``error`` px of its own frames to the right; remembers their size."""

    name = "knowing"

    def __init__(self, video: AnnotatedVideo, error: float = 0.0) -> None:
        self.video, self.error = video, error
        self.size = (0, 0)

    def track(self, frames, queries) -> Trajectories:
        checked = check_queries(queries, frames)
        self.size = frames[0].shape[:2]
        truth = rescaled(self.video.xy, self.video.size, self.size)
        starts = checked[:, 0].astype(int)
        distance = np.linalg.norm(truth[starts] - checked[:, None, 1:], axis=-1)
        found = distance.argmin(1)
        assert distance.min(1).max(initial=0) < 1e-3
        visible = self.video.visible[:, found]
        return Trajectories(
            truth[:, found] + np.float32([self.error, 0]),
            np.where(visible, Visibility.VISIBLE, Visibility.INVISIBLE).astype(np.int8),
        )


@pytest.fixture(scope="module")
def video() -> AnnotatedVideo:
    """60 frames of 128×64 in which points hide and leave."""
    scene = SyntheticScene(60, 64, 128, seed=1)
    return AnnotatedVideo.from_scene(scene, "scenes", 5, np.random.default_rng(0))


def refusal(path: Path) -> str:
    with pytest.raises(EvaluationError) as caught:
        list(PickledVideos(path))
    return str(caught.value)


def dump(path: Path, content: object) -> Path:
    path.write_bytes(pickle.dumps(content))
    return path


def entry(**changes: object) -> dict[str, object]:
    """A video of four grey frames and three points, as the pickles hold them."""
    return {
        "video": np.full((4, 20, 30, 3), 128, np.uint8),
        "points": np.full((3, 4, 2), 0.5, np.float32),
        "occluded": np.zeros((3, 4), bool),
        **changes,
    }


# Scores


@pytest.mark.parametrize("queries", ["first", "strided"])
@pytest.mark.parametrize("resolution", [256, None])
def test_the_truth_gets_full_marks(video: AnnotatedVideo, queries: str, resolution: int | None) -> None:
    means = evaluate_tracks({"t": Knowing(video)}, [video], queries, resolution).means
    assert means.to_numpy().tolist() == [[1, 1, 1]]


def test_a_tracker_gets_frames_of_256_by_256_or_the_original_ones(video: AnnotatedVideo) -> None:
    sizes = []
    for resolution in (256, None):
        tracker = Knowing(video)
        evaluate_tracks({"t": tracker}, [video], "first", resolution)
        sizes.append(tracker.size)
    assert sizes == [(256, 256), (64, 128)]


@pytest.mark.parametrize("resolution, within", [(256, 1.0), (None, 0.6)])
def test_distances_are_taken_at_256_by_256(
    video: AnnotatedVideo, resolution: int | None, within: float
) -> None:
    """0.9 px beside the truth in a frame that is 128 wide are 1.8 px in one that is 256 wide."""
    tracker = Knowing(video, error=0.9 if resolution else 1.1)
    row = evaluate_tracks({"t": tracker}, [video], "first", resolution).table.iloc[0]
    assert row["delta_avg"] == pytest.approx(within)


def test_means_count_every_video_the_same_and_leave_out_what_cannot_be_measured(
    video: AnnotatedVideo,
) -> None:
    few = AnnotatedVideo("few", "scenes", video.frames, video.size, video.xy[:, :1], video.visible[:, :1])
    none = AnnotatedVideo("none", "scenes", video.frames, video.size, video.xy, video.visible & False)
    lost = Knowing(few, error=50)
    right = evaluate_tracks({"t": Knowing(video)}, [video, none]).videos
    wrong = evaluate_tracks({"t": lost}, [few]).videos
    evaluation = TrackEvaluation(right + wrong)
    assert evaluation.means.loc[("t", "scenes"), "delta_avg"] == 0.5
    assert [row["delta_avg"] for row in evaluation.as_dict()["videos"]] == [1, None, 0]


def test_progress_counts_pairs_of_tracker_and_video(video: AnnotatedVideo) -> None:
    seen: list[int] = []
    trackers = {"a": Knowing(video), "b": Knowing(video)}
    evaluation = evaluate_tracks(trackers, [video, video], progress=seen.append)
    assert seen == [1, 2, 3, 4]
    assert [row.tracker for row in evaluation.videos] == ["a", "b", "a", "b"]


# Generated scenes


def step_lengths(video: AnnotatedVideo) -> np.ndarray:
    return np.linalg.norm(np.diff(video.xy, axis=0), axis=-1)


def turning(video: AnnotatedVideo) -> float:
    """How far the first object's points turn around their centre from frame to frame, rad."""
    z = video.xy[:, :16, 0] + 1j * video.xy[:, :16, 1]
    z -= z.mean(1, keepdims=True)
    return float(np.abs(np.angle((z[1:] * z[:-1].conj()).sum(1))).mean())


def test_every_condition_is_as_its_name_says() -> None:
    videos = synthetic_videos()
    assert [v.group for v in videos] == [name for name in CONDITIONS for _ in range(3)]
    assert len({v.name for v in videos}) == len(videos)
    by_group = {name: [v for v in videos if v.group == name] for name in CONDITIONS}
    speed = {name: np.mean([step_lengths(v).mean() for v in group]) for name, group in by_group.items()}
    hidden = {name: np.mean([1 - v.visible.mean() for v in group]) for name, group in by_group.items()}
    contrast = {name: np.mean([v.frames[0].std() for v in group]) for name, group in by_group.items()}
    assert speed["fast"] > 4 * speed["slow"]
    assert hidden["occlusion"] > 0.1
    assert hidden["slow"] < 0.01
    turned = {name: np.mean([turning(v) for v in group]) for name, group in by_group.items()}
    assert turned["rotation"] > 3 * turned["low-texture"]
    assert contrast["low-texture"] < 0.9 * contrast["slow"]


def test_a_shipped_tracker_follows_the_slow_scenes_better_than_the_fast_ones() -> None:
    videos = [synthetic_videos([name])[0] for name in ("slow", "fast")]
    means = evaluate_tracks({"lucas-kanade": create_tracker("lucas-kanade")}, videos).means["AJ"]
    slow, fast = means["lucas-kanade", "slow"], means["lucas-kanade", "fast"]
    assert slow > 0.6
    assert slow > fast + 0.1
    assert means["lucas-kanade", "all"] == pytest.approx((slow + fast) / 2)


# Pickles


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_read_as_it_was_generated(tmp_path: Path, layout: str) -> None:
    path = write_tapvid_miniature(tmp_path / "mini.pkl", layout)
    videos = PickledVideos(path)
    read = list(videos)
    assert videos.count == len(read) == 3
    for seed, video in enumerate(read):
        scene = SyntheticScene(frames=12, height=90, width=120, objects=2, seed=seed)
        truth = AnnotatedVideo.from_scene(scene, "", 4, np.random.default_rng(seed))
        assert (video.size, len(video.frames)) == ((90, 120), 12)
        np.testing.assert_allclose(video.xy, truth.xy, atol=1e-4)
        np.testing.assert_array_equal(video.visible, truth.visible)
        difference = np.abs(video.frames[7].astype(int) - scene[7])
        assert difference.mean() < (5 if layout == "kinetics" else 1e-9)


def test_videos_are_named_by_the_dict_or_numbered(tmp_path: Path) -> None:
    named = PickledVideos(write_tapvid_miniature(tmp_path / "davis.pkl", "davis"))
    listed = PickledVideos(write_tapvid_miniature(tmp_path / "stacking.pkl", "rgb-stacking"))
    assert [v.name for v in named] == ["scene-0", "scene-1", "scene-2"]
    assert [v.name for v in listed] == ["stacking-0", "stacking-1", "stacking-2"]


def test_the_number_of_videos_is_known_with_the_last_shard(tmp_path: Path) -> None:
    videos = PickledVideos(write_tapvid_miniature(tmp_path / "kinetics", "kinetics"))
    assert [videos.count for _ in videos] == [None, None, 3]


def test_positions_are_shares_of_the_frame_from_edge_to_edge(tmp_path: Path) -> None:
    points = np.array([[[0, 0], [1, 1], [0.5, 0.5], [0.25, 0.75]]], np.float32)
    path = dump(tmp_path / "a.pkl", {"a": entry(points=points, occluded=np.zeros((1, 4), bool))})
    (video,) = PickledVideos(path)
    assert video.xy[:, 0].tolist() == [[-0.5, -0.5], [29.5, 19.5], [14.5, 9.5], [7.0, 14.5]]


def test_frames_beyond_the_annotations_are_left_out(tmp_path: Path) -> None:
    (video,) = PickledVideos(dump(tmp_path / "a.pkl", [entry(video=np.zeros((6, 20, 30, 3), np.uint8))]))
    assert len(video.frames) == 4


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_come_back_from_every_protocol(tmp_path: Path, protocol: int) -> None:
    values = [
        np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
        np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        np.array([[True, False]]),
        np.array([1.5, -2], ">f8"),
        np.array([b"one", b"three"]),
        np.zeros((0, 3)),
    ]
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"k": values}, protocol))
    for ours, theirs in zip(load_arrays(tmp_path / "a.pkl")["k"], values, strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("core", [b"numpy.core", b"numpy._core"])
def test_arrays_of_numpy_1_and_2_are_read(tmp_path: Path, core: bytes) -> None:
    data = pickle.dumps(np.arange(3), 2)
    written = next(name for name in (b"numpy._core", b"numpy.core") if name in data)
    (tmp_path / "a.pkl").write_bytes(data.replace(written, core))
    assert load_arrays(tmp_path / "a.pkl").tolist() == [0, 1, 2]


class Payload:
    """Pickles into a call that makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_payload_does_not_run(tmp_path: Path, protocol: int) -> None:
    trap = tmp_path / "trap"
    data = pickle.dumps({"a": entry(video=Payload(trap))}, protocol)
    path = tmp_path / "evil.pkl"
    path.write_bytes(data)
    message = refusal(path)
    assert "evil.pkl" in message
    assert "mkdir" in message
    assert not trap.exists()
    pickle.loads(data)
    assert trap.exists(), "the payload is harmless, so this test has shown nothing"


@pytest.mark.parametrize(
    "name", [b"builtins\neval", b"numpy\nload", b"numpy.core.multiarray\nscalar", b"sampt.errors\nSamptError"]
)
def test_only_what_rebuilds_arrays_may_be_named(tmp_path: Path, name: bytes) -> None:
    (tmp_path / "a.pkl").write_bytes(b"c" + name + b"\n.")
    assert name.decode().replace("\n", ".") in refusal(tmp_path / "a.pkl")


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    assert "'O8'" in refusal(dump(tmp_path / "a.pkl", [np.array([None, 1], object)]))


@pytest.mark.parametrize("data", [b"", b"not a pickle", pickle.dumps([entry()])[:-300], b"(lp0\n0."])
def test_a_damaged_file_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "cut.pkl").write_bytes(data)
    assert "cut.pkl" in refusal(tmp_path / "cut.pkl")


@pytest.mark.parametrize(
    "content, named",
    [
        ([], "dict or list"),
        (3, "dict or list"),
        ({"dog": 3}, "'dog'.*dict"),
        ({"dog": {"video": np.zeros(3)}}, "'dog'.*occluded, points"),
        ({"dog": entry(video=np.zeros((4, 20, 30), np.uint8))}, r"'dog'.*\(T, H, W, 3\) uint8"),
        ({"dog": entry(video=[b"no jpeg"] * 4)}, "frame 0.*'dog'"),
        ({"dog": entry(video=np.zeros((3, 20, 30, 3), np.uint8))}, "'dog'.*4 frames.*3 frames"),
        ({"dog": entry(points=[1, 2])}, "'dog'.*points.*array"),
        ({"dog": entry(occluded=np.zeros((4, 3), bool))}, r"'dog'.*\(3, 4, 2\).*\(4, 3\)"),
        ({"dog": entry(points=np.full((3, 4, 2), np.nan))}, "'dog'.*visible point"),
        ({"dog": entry(points=np.full((3, 4, 2), 12.0))}, "'dog'.*divided by the width"),
    ],
)
def test_a_file_of_another_layout_is_named(tmp_path: Path, content: object, named: str) -> None:
    with pytest.raises(EvaluationError, match=named) as caught:
        list(PickledVideos(dump(tmp_path / "odd.pkl", content)))
    assert "odd.pkl" in str(caught.value)


def test_a_missing_file_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    assert "none.pkl" in refusal(tmp_path / "none.pkl")
    assert str(tmp_path) in refusal(tmp_path)
