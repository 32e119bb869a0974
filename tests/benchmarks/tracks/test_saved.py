"""The trajectories of a finished run against true ones."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sampt.benchmarks.tracks.data import AnnotatedVideo
from sampt.benchmarks.tracks.evaluation import evaluate_tracks
from sampt.benchmarks.tracks.saved import evaluate_saved, save_truth
from sampt.errors import EvaluationError
from sampt.output.writer import TrajectoryFile
from sampt.synthetic.scene import SyntheticScene
from sampt.trackers.base import Trajectories
from sampt.trackers.registry import create_tracker


@pytest.fixture(scope="module")
def video() -> AnnotatedVideo:
    """60 frames of 128×64 in which points hide and leave."""
    scene = SyntheticScene(60, 64, 128, seed=1)
    return AnnotatedVideo.from_scene(scene, "scenes", 5, np.random.default_rng(0))


def save_run(path: Path, tracks: Trajectories, frames: range) -> Path:
    """A ``trajectories.npz`` as ``sampt segment`` writes it, of one object."""
    file, owners = TrajectoryFile(), np.zeros(tracks.xy.shape[1], int)
    for t in frames:
        file.write(
            SimpleNamespace(
                points=tracks.xy[t],
                visibility=tracks.visibility[t],
                positive=owners == 0,
                object_ids=(1,),
                index=t,
                name=None,
                owners=owners,
            )
        )
    file.save(path, list(frames))
    return path


@pytest.fixture
def truth(video: AnnotatedVideo, tmp_path: Path) -> Path:
    path = tmp_path / "truth.npz"
    save_truth(path, video.xy, video.visible, video.size)
    return path


def lucas_kanade(video: AnnotatedVideo) -> Trajectories:
    queries = np.column_stack([np.zeros(video.xy.shape[1]), video.xy[0]])
    return create_tracker("lucas-kanade").track(video.frames, queries)


def test_a_saved_run_gets_the_scores_that_its_tracker_gets(
    video: AnnotatedVideo, truth: Path, tmp_path: Path
) -> None:
    tracks = save_run(tmp_path / "trajectories.npz", lucas_kanade(video), range(60))
    saved = evaluate_saved(tracks, truth).videos[0]
    (live,) = evaluate_tracks({"t": create_tracker("lucas-kanade")}, [video], "first", None).videos
    assert saved.queries == live.queries == 15
    assert saved.scores.jaccard.tolist() == live.scores.jaccard.tolist()
    assert saved.scores.occlusion_accuracy == live.scores.occlusion_accuracy


def test_a_run_over_some_frames_is_scored_in_these(
    video: AnnotatedVideo, truth: Path, tmp_path: Path
) -> None:
    tracks = Trajectories(video.xy.copy(), np.ones(video.visible.shape, np.int8))
    tracks.xy[[1, 3, 35]] += 90
    path = save_run(tmp_path / "trajectories.npz", tracks, range(0, 10, 2))
    assert evaluate_saved(path, truth).videos[0].scores.delta_average == 1


def test_only_the_frames_after_a_given_query_frame_count(video: AnnotatedVideo, tmp_path: Path) -> None:
    tracks = Trajectories(video.xy.copy(), np.ones(video.visible.shape, np.int8))
    tracks.xy[:5] += 90
    path = save_run(tmp_path / "trajectories.npz", tracks, range(60))
    save_truth(tmp_path / "truth.npz", video.xy, video.visible, video.size, np.full(video.xy.shape[1], 5))
    assert evaluate_saved(path, tmp_path / "truth.npz").videos[0].scores.delta_average == 1


def test_true_points_are_found_among_those_of_the_run(
    video: AnnotatedVideo, truth: Path, tmp_path: Path
) -> None:
    """The truth of the last three points, in another order than the run's fifteen."""
    tracks = Trajectories(video.xy.copy(), np.where(video.visible, 1, 0).astype(np.int8))
    path = save_run(tmp_path / "trajectories.npz", tracks, range(60))
    order = [14, 13, 12]
    save_truth(truth, video.xy[:, order], video.visible[:, order], video.size)
    (row,) = evaluate_saved(path, truth).videos
    assert (row.queries, row.scores.average_jaccard) == (3, 1)


def test_a_true_point_that_the_run_does_not_have_is_named(
    video: AnnotatedVideo, truth: Path, tmp_path: Path
) -> None:
    path = save_run(tmp_path / "trajectories.npz", lucas_kanade(video), range(60))
    moved = video.xy.copy()
    moved[:, 4] += 40
    save_truth(truth, moved, video.visible, video.size)
    with pytest.raises(EvaluationError, match=r"truth\.npz.*point 4 .*\b0\b"):
        evaluate_saved(path, truth)


def test_a_truth_shorter_than_the_run_is_named(video: AnnotatedVideo, truth: Path, tmp_path: Path) -> None:
    path = save_run(tmp_path / "trajectories.npz", lucas_kanade(video), range(60))
    save_truth(truth, video.xy[:50], video.visible[:50], video.size)
    with pytest.raises(EvaluationError, match=r"trajectories\.npz.*\b59\b.*truth\.npz.*\b50\b"):
        evaluate_saved(path, truth)


def test_a_run_with_other_points_on_the_way_is_refused(truth: Path, tmp_path: Path) -> None:
    path = tmp_path / "trajectories.npz"
    arrays = {"xy": np.zeros((5, 2)), "visibility": np.ones(5), "frames": [0, 1], "offsets": [0, 2, 5]}
    np.savez(path, **arrays)
    with pytest.raises(EvaluationError, match=r"trajectories\.npz.*reinitialisation"):
        evaluate_saved(path, truth)


def test_files_that_are_no_tracks_are_named(truth: Path, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"nowhere\.npz"):
        evaluate_saved(tmp_path / "nowhere.npz", truth)
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(EvaluationError, match=r"text\.npz"):
        evaluate_saved(tmp_path / "text.npz", truth)
    with pytest.raises(EvaluationError, match=r"truth\.npz.*visibility, frames, offsets"):
        evaluate_saved(truth, truth)
