from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sampt.errors import OutputError, PromptError
from sampt.methods.tracks import track
from sampt.output.tracks import TrackWriter
from sampt.prompts.object_query import ObjectQuery
from sampt.prompts.query_points import QueryPoints
from sampt.synthetic.scene import SyntheticScene
from sampt.trackers.base import OnlineTracker, Visibility
from sampt.trackers.clip import Clip
from sampt.video.reader import Video


class Drift(OnlineTracker):
    """Every point moves by (1, 2) px a frame, and is visible from its query on."""

    name = "drift"

    def stream(self, clip, queries):
        for t in range(len(clip)):
            elapsed = np.maximum(t - queries[:, :1], 0) * abs(clip.indices.step)
            seen = np.where(queries[:, 0] <= t, Visibility.VISIBLE, Visibility.INVISIBLE)
            yield queries[:, 1:] + elapsed * np.float32([1, 2]), seen.astype(np.int8)


@pytest.fixture(scope="module")
def scene() -> SyntheticScene:
    return SyntheticScene(frames=8, height=60, width=90, objects=1, seed=1)


@pytest.fixture
def queries() -> QueryPoints:
    first = ObjectQuery(3, 0, np.float32([[20, 10], [30, 12]]), np.float32([[70, 20]]), name="left")
    return QueryPoints((first, ObjectQuery(7, 4, np.float32([[40, 30]]))))


def test_points_come_object_by_object_the_positives_first(scene, queries):
    results = list(track(Clip.of(scene), queries, Drift()))
    assert [r.index for r in results] == list(range(8))
    assert results[0].object_ids == (3, 7)
    assert results[0].owners.tolist() == [0, 0, 0, 1]
    assert results[0].positive.tolist() == [True, True, False, True]
    assert results[2].points.tolist() == [[22, 14], [32, 16], [72, 24], [42, 34]]  # the last one backward
    assert results[5].points.tolist() == [[25, 20], [35, 22], [75, 30], [41, 32]]
    assert all((r.visibility == Visibility.VISIBLE).all() for r in results)


def test_there_are_no_masks(scene, queries):
    result = next(track(Clip.of(scene), queries, Drift()))
    assert result.masks.shape == result.logits.shape == (2, 60, 90)
    assert not result.masks.any() and not result.label_map().any()
    assert np.isnan(result.scores).all()


def test_query_frames_count_in_the_video(scene, queries):
    results = list(track(Clip.of(scene)[::2], queries, Drift()))
    assert [r.index for r in results] == [0, 2, 4, 6]
    assert results[2].points[3].tolist() == [40, 30]
    assert results[3].points.tolist() == [[26, 22], [36, 24], [76, 32], [42, 34]]


def test_points_at_the_border_count_as_outside_as_they_do_when_segmenting(scene):
    one = QueryPoints((ObjectQuery(1, 0, np.float32([[0, 30], [50, 30]])),))
    result = next(track(Clip.of(scene), one, Drift()))
    assert result.visibility.tolist() == [Visibility.OUTSIDE_FRAME, Visibility.VISIBLE]


def test_an_object_without_positives_is_refused_before_tracking(scene):
    boxed = QueryPoints((ObjectQuery(5, 0, box=np.float32([10, 10, 30, 30])),), "points.json")
    with pytest.raises(PromptError, match=r"points\.json: object 5 "):
        track(Clip.of(scene), boxed, Drift())


def test_a_query_outside_the_clip_is_refused_before_tracking(scene, queries):
    with pytest.raises(PromptError, match="frame 4 "):
        track(Clip.of(scene)[:3], queries, Drift())


def written(folder: Path, scene: SyntheticScene, queries: QueryPoints, frames: int = 8, **options) -> None:
    with TrackWriter(folder, queries, scene.fps, scene.size, **options) as writer:
        for result in list(track(Clip.of(scene), queries, Drift()))[:frames]:
            writer.write(scene[result.index], result)


def test_the_file_holds_every_frames_points(scene, queries, tmp_path):
    written(tmp_path / "out", scene, queries)
    saved = np.load(tmp_path / "out/trajectories.npz")
    assert saved["frames"].tolist() == list(range(8))
    assert saved["offsets"].tolist() == list(range(0, 36, 4))
    assert saved["object_id"][:4].tolist() == [3, 3, 3, 7]
    assert saved["xy"][saved["offsets"][5]].tolist() == [25, 20]


def test_the_folder_holds_the_tracks_and_nothing_else(scene, queries, tmp_path):
    written(tmp_path / "out", scene, queries)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["tracks.mp4", "trajectories.npz"]
    with Video(tmp_path / "out/tracks.mp4") as video:
        assert len(video) == 8 and video.size == scene.size


def test_what_was_finished_before_an_interruption_can_be_read(scene, queries, tmp_path):
    with (
        pytest.raises(KeyboardInterrupt),
        TrackWriter(tmp_path / "out", queries, scene.fps, scene.size) as writer,
    ):
        for result in track(Clip.of(scene), queries, Drift()):
            writer.write(scene[result.index], result)
            if result.index == 2:
                raise KeyboardInterrupt
    assert np.load(tmp_path / "out/trajectories.npz")["frames"].tolist() == [0, 1, 2]
    with Video(tmp_path / "out/tracks.mp4") as video:
        assert len(video) == 3


def test_earlier_results_are_replaced_only_on_request(scene, queries, tmp_path):
    written(tmp_path / "out", scene, queries)
    with pytest.raises(OutputError, match="--overwrite"):
        written(tmp_path / "out", scene, queries)
    written(tmp_path / "out", scene, queries, frames=5, overwrite=True)
    assert len(np.load(tmp_path / "out/trajectories.npz")["frames"]) == 5
