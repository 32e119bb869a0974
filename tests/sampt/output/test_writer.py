"""A segmentation saved in one call, whatever its frames come from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sampt
from sampt import ObjectQuery, QueryPoints, SamPt, SyntheticScene, Video
from sampt._internal.stopwatch import Stopwatch
from sampt.errors import OutputError, VideoError
from sampt.methods.results import FrameResult
from sampt.methods.runs import Segmentation
from sampt.output.review import Stretch
from sampt.synthetic.scene import write_frames
from sampt.trackers.clip import Clip
from sampt.video.frames import Frames, open_frames

FRAMES = 6
FILES = {"masks", "overlay.mp4", "points.json", "result.json", "trajectories.npz"}


@pytest.fixture(scope="module")
def scene() -> SyntheticScene:
    return SyntheticScene(frames=FRAMES, height=60, width=90, objects=2, seed=1)


@pytest.fixture(scope="module")
def method() -> SamPt:
    return SamPt.from_config("quick", overrides=["reinit.strategy=null"])


@pytest.fixture(scope="module")
def queries(scene: SyntheticScene) -> QueryPoints:
    return QueryPoints(tuple(ObjectQuery(k, 0, mask=mask) for k, mask in enumerate(scene.masks(0), start=1)))


def labels(folder: Path) -> list[np.ndarray]:
    return [np.asarray(Image.open(path)) for path in sorted(folder.glob("masks/*.png"))]


def summary(folder: Path) -> dict[str, object]:
    return json.loads((folder / "result.json").read_text())


def as_list(scene: SyntheticScene) -> list[np.ndarray]:
    return list(scene)


SOURCES = {
    "scene": lambda scene: scene,
    "array": lambda scene: np.stack(as_list(scene)),
    "list": as_list,
    "images": lambda scene: [Image.fromarray(frame) for frame in scene],
}


class Bright(Segmentation):
    """Object 1 is what is bright, in each frame by itself; so it takes frames without a length."""

    def __init__(self, method: SamPt, video: Frames) -> None:
        self.clip, _ = open_frames(video)
        self.method, self.encoder = method, method.encoder(self.clip.source)
        self.queries = QueryPoints((ObjectQuery(1, 0, [(45, 30)]),))
        self.size, self.stopwatch, self.lost = (60, 90), Stopwatch(), {}
        self._positions = self.clip.positions()

    def __next__(self) -> FrameResult:
        position = next(self._positions)
        masks = (self.clip[position] > 128).any(-1)[None]
        logits = np.where(masks, 1.0, -1.0).astype(np.float32)
        return FrameResult(self.clip.indices[position], (1,), masks, logits, np.ones(1, np.float32))

    def close(self) -> None:
        self.encoder.close()


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_source_of_frames_gives_the_same_masks(
    source, scene: SyntheticScene, method: SamPt, queries: QueryPoints, tmp_path: Path
) -> None:
    expected = [result.label_map() for result in method.stream(scene, queries)]
    saved = sampt.save(method.stream(source(scene), queries), tmp_path / "out")
    assert (saved.folder, saved.frames) == (tmp_path / "out", FRAMES)
    assert {path.name for path in saved.folder.iterdir()} == FILES
    np.testing.assert_array_equal(labels(saved.folder), expected)
    assert summary(saved.folder)["finished"] is True
    with Video(saved.folder / "overlay.mp4") as overlay:
        assert (len(overlay), overlay.size, overlay.fps) == (FRAMES, (60, 90), 25)


def test_the_overlay_keeps_the_videos_time(
    scene: SyntheticScene, method: SamPt, queries: QueryPoints, tmp_path: Path
) -> None:
    write_frames(scene, tmp_path / "clip")
    with Video(tmp_path / "clip", fps=10) as video:
        sampt.save(method.stream(Clip(video)[::2], queries), tmp_path / "out")
        sampt.save(method.stream(Clip(video)[::2], queries), tmp_path / "fast", fps=50)
    with Video(tmp_path / "out/overlay.mp4") as slow, Video(tmp_path / "fast/overlay.mp4") as fast:
        assert slow.timestamps == pytest.approx([0, 0.2, 0.4])
        assert fast.timestamps == pytest.approx([0, 0.02, 0.04])


def test_coco_is_written_and_the_overlay_left_out_on_request(
    scene: SyntheticScene, method: SamPt, queries: QueryPoints, tmp_path: Path
) -> None:
    sampt.save(method.stream(scene, queries), tmp_path / "out", overlay=False, coco=tmp_path / "coco.json")
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES - {"overlay.mp4"}
    annotations = [a for result in method.stream(scene, queries) for a in result.to_coco()]
    written = json.loads((tmp_path / "coco.json").read_text())["annotations"]
    assert [{**a, "id": 0} for a in written] == [{**a, "id": 0} for a in annotations]
    assert [a["id"] for a in written] == list(range(1, len(annotations) + 1))


def test_progress_is_told_after_each_frame(
    scene: SyntheticScene, method: SamPt, queries: QueryPoints, tmp_path: Path
) -> None:
    done: list[int] = []
    sampt.save(method.stream(scene, queries), tmp_path / "out", progress=done.append)
    assert done == [1, 2, 3, 4, 5, 6]


def test_the_stretches_are_those_of_the_file(scene: SyntheticScene, method: SamPt, tmp_path: Path) -> None:
    """A point on the border is never visible."""
    edge = QueryPoints((ObjectQuery(4, 0, [(0, 30)]),))
    unsampled = SamPt.from_config("quick", overrides=["reinit.strategy=null", "sampling.from_clicks=false"])
    saved = sampt.save(unsampled.stream(scene, edge), tmp_path / "out")
    assert saved.worth_checking == (Stretch(4, 0, FRAMES - 1, "no point visible"),)
    assert summary(saved.folder)["worth_checking"] == [vars(s) for s in saved.worth_checking]


def test_earlier_results_are_replaced_only_on_request(
    scene: SyntheticScene, method: SamPt, queries: QueryPoints, tmp_path: Path
) -> None:
    sampt.save(method.stream(scene, queries), tmp_path / "out")
    with pytest.raises(OutputError, match="--overwrite"):
        sampt.save(method.stream(scene, queries), tmp_path / "out")
    short = method.stream(Clip(scene)[:3], queries)
    assert sampt.save(short, tmp_path / "out", overwrite=True).frames == len(labels(tmp_path / "out")) == 3


@pytest.mark.parametrize("given", [list, iter])
def test_what_was_finished_before_an_error_stays_readable(
    given, scene: SyntheticScene, method: SamPt, tmp_path: Path
) -> None:
    frames = [*as_list(scene)[:4], np.zeros((9, 9, 3), np.uint8)]
    with pytest.raises(VideoError, match="frame 4 is 9x9"):
        sampt.save(Bright(method, given(frames)), tmp_path / "out")
    frames_done = summary(tmp_path / "out")["frames"]
    assert summary(tmp_path / "out")["finished"] is False
    assert 1 <= len(frames_done) == len(labels(tmp_path / "out")) <= 4
    with Video(tmp_path / "out/overlay.mp4") as overlay:
        assert len(overlay) == len(frames_done)


def test_a_stream_is_finished_when_it_ends(scene: SyntheticScene, method: SamPt, tmp_path: Path) -> None:
    streamed = Bright(method, iter(as_list(scene)))
    with pytest.raises(TypeError):
        len(streamed)
    saved = sampt.save(streamed, tmp_path / "out")
    assert saved.frames == FRAMES
    assert summary(saved.folder)["finished"] is True
    np.testing.assert_array_equal(labels(saved.folder)[5], (scene[5] > 128).any(-1))
    with Video(saved.folder / "overlay.mp4") as overlay:
        assert (len(overlay), overlay.fps) == (FRAMES, 25)


def test_each_frame_of_a_stream_is_written_before_the_next_is_read(
    scene: SyntheticScene, method: SamPt, tmp_path: Path
) -> None:
    written: list[int] = []

    def camera() -> Iterator[np.ndarray]:
        for frame in scene:
            written.append(len(list((tmp_path / "out/masks").glob("*.png"))))
            yield frame

    sampt.save(Bright(method, camera()), tmp_path / "out")
    assert written == list(range(FRAMES))


def test_overlapping_masks_are_also_written_object_by_object(
    scene: SyntheticScene, queries: QueryPoints, tmp_path: Path
) -> None:
    method = SamPt.from_config("quick", overrides=["reinit.strategy=null", "overlapping=true"])
    sampt.save(method.stream(Clip(scene)[:2], queries), tmp_path / "out")
    for result in method.stream(Clip(scene)[:2], queries):
        for id, mask in zip(result.object_ids, result.masks, strict=True):
            own = np.asarray(Image.open(tmp_path / f"out/masks/{id}/{result.index:05d}.png"))
            np.testing.assert_array_equal(own == id, mask)
