"""Synthetic scenes: the pictures, and the truth about them."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sampt.errors import OutputError
from sampt.prompts.label_maps import davis_palette
from sampt.synthetic.scene import SyntheticScene, write_frames, write_masks
from sampt.trackers.base import Visibility


@pytest.fixture(scope="module")
def scene() -> SyntheticScene:
    return SyntheticScene()


def small(seed: int = 0, **options: object) -> SyntheticScene:
    return SyntheticScene(**{"frames": 24, "height": 96, "width": 144, "seed": seed, **options})  # type: ignore[arg-type]


def colours(frame: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Colours of a frame at (N, 2) positions, (N, 3) float."""
    x, y = (np.ascontiguousarray(c, np.float32)[:, None] for c in xy.T)
    return cv2.remap(frame.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0]


def test_it_is_a_source_of_frames(scene):
    assert (len(scene), scene.size, scene.fps, scene.objects) == (60, (240, 426), 25.0, 3)
    assert scene[0].shape == (240, 426, 3)
    assert scene[0].dtype == np.uint8
    assert scene.timestamps.tolist() == [t / 25 for t in range(60)]
    assert len(list(small(frames=3))) == 3
    np.testing.assert_array_equal(scene[-1], scene[59])


def test_the_same_seed_gives_the_same_scene_and_another_seed_another():
    np.testing.assert_array_equal(small(7)[20], small(7)[20])
    assert (small(7)[20] != small(8)[20]).mean() > 0.5


def test_a_shorter_scene_is_the_beginning_of_a_longer_one():
    np.testing.assert_array_equal(small(frames=24)[23], small(frames=5000)[23])


def test_ten_thousand_frames_cost_no_more_memory_than_ten():
    def peak_and_held(frames: int) -> tuple[int, int]:
        tracemalloc.start()
        try:
            scene = SyntheticScene(frames=frames)
            for t in np.linspace(0, frames - 1, 40).astype(int):
                scene[t]
            held, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        return peak, held

    peak, held = peak_and_held(10)
    long_peak, long_held = peak_and_held(10_000)
    frame = 240 * 426 * 3
    assert long_held < held + frame / 2
    assert long_peak < peak + frame / 2


def test_the_last_of_ten_thousand_frames_is_as_quick_as_the_first():
    scene = SyntheticScene(frames=10_000)

    def quickest(t: int) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            scene[t]
            times.append(time.perf_counter() - start)
        return min(times)

    assert quickest(9_999) < 5 * quickest(0) + 0.01


def test_masks_are_the_label_map_and_never_overlap(scene):
    for t in (0, 20, 59):
        masks, labels = scene.masks(t), scene.label_map(t)
        assert masks.shape == (3, 240, 426)
        assert masks.dtype == bool
        assert labels.dtype == np.uint8
        assert masks.sum(0).max() == 1
        np.testing.assert_array_equal((masks * np.array([1, 2, 3])[:, None, None]).sum(0), labels)


def test_pixels_within_a_mask_have_the_objects_colours():
    """The same scene without objects shows what is behind: pictures differ on the masks and nowhere else."""
    scene, empty = small(3), small(3, objects=0)
    for t in (0, 12):
        changed = (scene[t] != empty[t]).any(-1)
        mask = (scene.label_map(t) > 0).astype(np.uint8)
        assert changed[cv2.erode(mask, np.ones((3, 3))) > 0].mean() > 0.99
        assert not changed[cv2.dilate(mask, np.ones((5, 5))) == 0].any()


def test_255_objects_fit_and_are_told_apart():
    labels = SyntheticScene(
        frames=1, height=480, width=854, objects=255, occlusion=False, leaving=False
    ).label_map(0)
    assert set(np.unique(labels)) == set(range(256))


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    objects=st.integers(1, 6),
    query_frame=st.integers(0, 23),
    speed=st.sampled_from([0.5, 1.0, 2.0]),
)
def test_a_visible_point_lies_on_its_object_and_a_hidden_one_behind_another(
    seed, objects, query_frame, speed
):
    scene = small(seed, objects=objects, speed=speed)
    queries, owners = scene.sample_queries(8, np.random.default_rng(seed), query_frame)
    tracks = scene.trajectories(queries)
    grid = np.ones((3, 3), np.uint8)
    for t in range(len(scene)):
        labels = scene.label_map(t)
        # Next to an edge, seen or just beyond the frame, rounding to a pixel may cross it.
        clear = cv2.erode(labels, grid) == cv2.dilate(labels, grid)
        clear[[0, -1]] = clear[:, [0, -1]] = False
        for xy, visibility, owner in zip(tracks.xy[t], tracks.visibility[t], owners, strict=True):
            x, y = np.rint(xy).astype(int)
            inside = 0 <= x < 144 and 0 <= y < 96
            assert inside == (visibility != Visibility.OUTSIDE_FRAME)
            if inside and clear[y, x]:
                if visibility == Visibility.VISIBLE:
                    assert labels[y, x] == owner + 1
                else:
                    assert labels[y, x] > owner + 1


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), query_frame=st.integers(0, 23), rotation=st.sampled_from([0.0, 1.0, 3.0]))
def test_a_visible_point_keeps_its_colour(seed, query_frame, rotation):
    scene = SyntheticScene(frames=24, height=240, width=320, seed=seed, rotation=rotation)
    rng = np.random.default_rng(seed)
    everywhere = np.stack([np.full(200, query_frame), rng.uniform(3, 316, 200), rng.uniform(3, 236, 200)], 1)
    tracks = scene.trajectories(everywhere)

    def away_from_edges(t: int) -> np.ndarray:
        labels = scene.label_map(t)
        flat = cv2.erode(labels, np.ones((5, 5))) == cv2.dilate(labels, np.ones((5, 5)))
        return colours(flat[..., None].repeat(3, 2), tracks.xy[t])[:, 0] == 1

    reference = colours(scene[query_frame], tracks.xy[query_frame])
    errors, still_errors = [], []
    for t in range(0, 24, 4):
        seen = (
            tracks.visible[t]
            & tracks.visible[query_frame]
            & away_from_edges(t)
            & away_from_edges(query_frame)
        )
        errors.append(np.abs(colours(scene[t], tracks.xy[t]) - reference)[seen])
        still_errors.append(np.abs(colours(scene[t], tracks.xy[query_frame]) - reference)[seen])
    assert np.concatenate(errors).mean() < 2.5
    assert np.quantile(np.concatenate(errors), 0.99) < 14
    if query_frame not in (0, 4):
        assert np.concatenate(still_errors).mean() > 2 * np.concatenate(errors).mean()


def test_following_a_point_from_another_of_its_frames_gives_the_same_track(scene):
    queries, _ = scene.sample_queries(20, np.random.default_rng(1))
    tracks = scene.trajectories(queries)
    again = np.nonzero(tracks.visible[40])[0]
    assert len(again) > 10
    later = np.column_stack([np.full(len(again), 40), tracks.xy[40, again]])
    np.testing.assert_allclose(scene.trajectories(later).xy, tracks.xy[:, again], atol=1e-3)


def test_a_query_is_returned_exactly_and_visible(scene):
    queries = np.array([[0, 10.123, 20.456], [31, 425.4, 0.0], [59, -0.5, 239.49]], np.float32)
    tracks = scene.trajectories(queries)
    assert tracks.xy.dtype == np.float32
    for n, (t, x, y) in enumerate(queries):
        assert tracks.xy[int(t), n].tolist() == [x, y]
        assert tracks.visibility[int(t), n] == Visibility.VISIBLE


def test_trajectories_of_some_frames_are_those_rows_of_all(scene):
    queries, _ = scene.sample_queries(5, np.random.default_rng(2), frame=10)
    all_frames, some = scene.trajectories(queries), scene.trajectories(queries, frames=range(5, 50, 3))
    np.testing.assert_array_equal(some.xy, all_frames.xy[5:50:3])
    np.testing.assert_array_equal(some.visibility, all_frames.visibility[5:50:3])


def test_the_default_scene_shows_occlusion_leaving_and_returning(scene):
    queries, owners = scene.sample_queries(40, np.random.default_rng(0))
    assert set(owners) == {0, 1, 2}
    visibility = scene.trajectories(queries).visibility
    assert ((visibility == Visibility.INVISIBLE).mean(1) > 0.15).any()
    areas = np.array([scene.masks(t).sum((1, 2)) for t in range(len(scene))])
    leaver = areas[:, 2]
    gone = int(leaver.argmin())
    assert leaver[gone] < 0.05 * leaver[0]
    assert leaver[gone:].max() > 0.6 * leaver[0]


@pytest.mark.parametrize("seed", range(6))
def test_objects_move_a_few_pixels_a_frame(seed):
    scene = SyntheticScene(seed=seed)
    queries, _ = scene.sample_queries(40, np.random.default_rng(seed))
    steps = np.linalg.norm(np.diff(scene.trajectories(queries).xy, axis=0), axis=-1)
    assert 1.5 < steps.mean() < 6
    assert steps.max() < 14


def test_objects_change_their_form(scene):
    """No affine map, let alone a rigid one, takes an object's points from one frame to another."""
    queries, owners = scene.sample_queries(60, np.random.default_rng(3))
    xy = scene.trajectories(queries[owners == 1]).xy
    a = np.c_[xy[0], np.ones(60)]
    fit, *_ = np.linalg.lstsq(a, xy[30], rcond=None)
    assert np.abs(a @ fit - xy[30]).max() > 1.0


@pytest.mark.parametrize("seed", range(4))
def test_without_occlusion_no_object_hides_another(seed):
    scene = SyntheticScene(frames=100, objects=5, seed=seed, occlusion=False)
    queries, _ = scene.sample_queries(100, np.random.default_rng(seed))
    assert not (scene.trajectories(queries).visibility == Visibility.INVISIBLE).any()


@pytest.mark.parametrize("occlusion", [True, False])
def test_without_leaving_every_object_stays_inside(occlusion):
    scene = SyntheticScene(frames=400, objects=4, leaving=False, occlusion=occlusion)
    queries, _ = scene.sample_queries(100, np.random.default_rng(0))
    assert not (scene.trajectories(queries).visibility == Visibility.OUTSIDE_FRAME).any()


def test_speed_rotation_and_texture_do_what_they_say():
    still = small(speed=0)
    np.testing.assert_array_equal(still[0], still[23])
    np.testing.assert_array_equal(small(speed=2)[5], small(speed=1)[10])
    flat = small(texture=0, objects=0)[0]
    assert len(np.unique(flat.reshape(-1, 3), axis=0)) == 1
    assert small(texture=0.3)[0].std() < small(texture=1)[0].std()
    options = {"objects": 1, "occlusion": False, "leaving": False}
    query = [[0, 70, 40], [0, 70, 50]]
    turned = [np.diff(small(**options, rotation=r).trajectories(query).xy, axis=1)[23, 0] for r in (0, 4)]
    angles = [abs(np.arctan2(x, y)) for x, y in turned]
    assert angles[0] < 0.25 < angles[1]


def test_sampled_queries_lie_on_their_objects(scene):
    queries, owners = scene.sample_queries(30, np.random.default_rng(5), frame=12)
    assert queries.shape == (90, 3)
    assert (queries[:, 0] == 12).all()
    x, y = queries[:, 1:].astype(int).T
    np.testing.assert_array_equal(scene.label_map(12)[y, x], owners + 1)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"frames": 0}, "at least 1 frame"),
        ({"height": 8}, "16×16"),
        ({"objects": 256}, "0 to 255 objects"),
        ({"seed": -1}, "seed"),
        ({"fps": 0}, "fps"),
        ({"speed": float("nan")}, "speed"),
        ({"rotation": float("inf")}, "rotation"),
        ({"texture": 1.5}, "texture"),
    ],
)
def test_a_wrong_argument_is_named(options, named):
    with pytest.raises(ValueError, match=named):
        SyntheticScene(**options)


def test_wrong_frames_and_queries_are_refused(scene):
    with pytest.raises(IndexError, match="60 frames"):
        scene[60]
    with pytest.raises(ValueError, match=r"\(1, 2\)"):
        scene.trajectories([[1, 2]])
    with pytest.raises(ValueError, match=r"queries \[1\]"):
        scene.trajectories([[0, 5, 5], [0, 425.5, 5]])
    with pytest.raises(ValueError, match="0 to 59"):
        scene.trajectories([[0, 5, 5]], frames=range(61))


def test_frames_and_masks_are_written_as_png(tmp_path: Path):
    scene = small(frames=3)
    frames, masks = write_frames(scene, tmp_path / "a" / "frames"), write_masks(scene, tmp_path / "masks")
    assert [p.name for p in frames] == ["00000.png", "00001.png", "00002.png"]
    np.testing.assert_array_equal(np.array(Image.open(frames[2])), scene[2])
    mask = Image.open(masks[2])
    assert mask.mode == "P"
    np.testing.assert_array_equal(np.array(mask), scene.label_map(2))
    assert mask.getpalette()[3:12] == [128, 0, 0, 0, 128, 0, 128, 128, 0]
    assert len(list(tmp_path.rglob("*.partial"))) == 0


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        write_frames(small(frames=1), tmp_path / "file")


def test_the_palette_is_that_of_pascal_voc():
    palette = davis_palette()
    assert palette.dtype == np.uint8
    known = {
        0: (0, 0, 0),
        5: (128, 0, 128),
        8: (64, 0, 0),
        15: (192, 128, 128),
        21: (128, 64, 128),
        255: (224, 224, 192),
    }
    assert {k: tuple(palette[k].tolist()) for k in known} == known
