"""What every sampler promises, and what each of them is for."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from sampt.errors import ConfigError, PromptError
from sampt.methods.sam_pt.clustering import ALGORITHMS, alternating_medoids, medoids
from sampt.methods.sam_pt.samplers import (
    SAMPLERS,
    KMedoidsSampler,
    MixedSampler,
    RandomSampler,
    RingSampler,
    ShiTomasiSampler,
    create_sampler,
    select_points,
)

every_sampler = pytest.mark.parametrize("name", sorted(SAMPLERS))


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def disc(height: int, width: int, x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2


def sample(
    sampler, mask: np.ndarray, count: int, seed: int = 0, image: np.ndarray | None = None
) -> np.ndarray:
    image = noise(*mask.shape) if image is None else image
    return sampler.sample(image, mask, count, np.random.default_rng(seed))


def values_at(mask: np.ndarray, points: np.ndarray) -> np.ndarray:
    columns, rows = points.astype(int).T
    assert (points == points.astype(int)).all(), "points must be pixel centres"
    return mask[rows, columns]


def distances_to_nearest(pixels: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(pixels[:, None] - points[None], axis=2).min(axis=1)


# Every sampler


@every_sampler
@pytest.mark.parametrize("count", [0, 1, 2, 3, 8, 16, 72])
def test_as_many_points_as_asked_for_all_inside_the_mask(name, count):
    mask = disc(120, 160, 70, 50, 30)
    points = sample(create_sampler(name), mask, count)
    assert points.shape == (count, 2)
    assert points.dtype == np.float32
    assert values_at(mask, points).all()


@every_sampler
def test_a_big_mask_gives_different_points(name):
    points = sample(create_sampler(name), disc(120, 160, 70, 50, 30), 12)
    assert len(np.unique(points, axis=0)) >= 10


@every_sampler
def test_the_same_seed_gives_the_same_points(name):
    mask = disc(120, 160, 70, 50, 30)
    np.testing.assert_array_equal(
        sample(create_sampler(name), mask, 16, seed=5), sample(create_sampler(name), mask, 16, seed=5)
    )


# Shi-Tomasi draws nothing as long as there are corners enough.
@pytest.mark.parametrize("name", sorted(set(SAMPLERS) - {"shi-tomasi"}))
def test_another_seed_gives_other_points(name):
    mask = disc(120, 160, 70, 50, 30)
    assert (
        sample(create_sampler(name), mask, 16, seed=1) != sample(create_sampler(name), mask, 16, seed=2)
    ).any()


@every_sampler
def test_the_global_generator_is_left_alone(name):
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = sample(create_sampler(name), disc(120, 160, 70, 50, 30), 16)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.random.seed(4)  # noqa: NPY002
    np.testing.assert_array_equal(sample(create_sampler(name), disc(120, 160, 70, 50, 30), 16), first)


@every_sampler
def test_one_pixel_is_repeated(name):
    mask = np.zeros((20, 30), bool)
    mask[4, 7] = True
    np.testing.assert_array_equal(sample(create_sampler(name), mask, 8), np.full((8, 2), (7, 4), np.float32))


@pytest.mark.parametrize("name", ["random", "k-medoids", "ring"])
def test_too_few_pixels_are_all_used_before_any_is_used_again(name):
    mask = np.zeros((20, 30), bool)
    mask[4, 7:10] = True
    points = sample(create_sampler(name), mask, 8)
    for turn in (points[:3], points[3:6]):
        assert sorted(map(tuple, turn.tolist())) == [(7, 4), (8, 4), (9, 4)]


@every_sampler
def test_an_empty_mask_is_an_error(name):
    with pytest.raises(PromptError, match="mask"):
        sample(create_sampler(name), np.zeros((20, 30), bool), 8)


@every_sampler
def test_a_mask_of_another_size_is_an_error_that_names_both(name):
    with pytest.raises(PromptError, match=r"30×20.*40×25"):
        sample(create_sampler(name), np.ones((20, 30), bool), 8, image=noise(25, 40))


@every_sampler
@settings(max_examples=40, deadline=None)
@given(
    mask=arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24)),
    count=st.integers(0, 30),
    seed=st.integers(0, 2**32),
)
def test_any_mask_gives_points_inside_it(name, mask, count, seed):
    mask = mask.copy()
    mask[0, 0] = True
    points = sample(create_sampler(name), mask, count, seed)
    assert points.shape == (count, 2)
    assert values_at(mask, points).all()


# K-Medoids


def test_k_medoids_leave_no_pixel_as_far_from_a_point_as_random_ones_do():
    mask = disc(240, 427, 200, 120, 90)
    pixels = np.argwhere(mask)[:, ::-1]
    clustered = distances_to_nearest(pixels, sample(KMedoidsSampler(), mask, 16)).mean()
    random = [
        distances_to_nearest(pixels, sample(RandomSampler(), mask, 16, seed)).mean() for seed in range(5)
    ]
    assert clustered < 0.85 * min(random)


def test_one_medoid_of_a_disc_is_its_middle():
    (point,) = sample(KMedoidsSampler(), disc(60, 80, 33, 27, 20), 1)
    assert np.linalg.norm(point - (33, 27)) <= 2


def test_each_of_two_blobs_gets_a_medoid():
    mask = disc(60, 160, 25, 30, 12) | disc(60, 160, 130, 30, 12)
    assert sorted(sample(KMedoidsSampler(), mask, 2)[:, 0].round(-1).tolist()) in ([20, 130], [30, 130])


def test_64_medoids_take_well_below_half_a_second():
    mask = disc(480, 854, 400, 240, 150)
    sample(KMedoidsSampler(), mask, 64)
    start = time.process_time()
    sample(KMedoidsSampler(), mask, 64)
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(("size", "margin"), [((240, 427), 2), ((480, 854), 4)])
def test_erosion_keeps_medoids_off_the_rim_at_any_scale(size, margin):
    scale = size[1] / 427
    mask = disc(*size, 200 * scale, 120 * scale, 20 * scale)
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_C, 3)
    assert values_at(inside, sample(KMedoidsSampler(erosion=5), mask, 64)).min() > margin
    assert values_at(inside, sample(KMedoidsSampler(), mask, 64)).min() <= margin


def test_a_mask_is_eroded_if_just_enough_pixels_are_left():
    mask, inner = np.zeros((2, 240, 427), bool)
    mask[100:112, 50:62] = inner[102:110, 52:60] = True
    points = sample(KMedoidsSampler(erosion=5), mask, 64)
    assert sorted(map(tuple, points)) == sorted(map(tuple, np.argwhere(inner)[:, ::-1]))


def test_a_mask_too_thin_to_be_eroded_is_sampled_as_it_is():
    mask = np.zeros((240, 427), bool)
    mask[100:103, 50:150] = True
    np.testing.assert_array_equal(
        sample(KMedoidsSampler(erosion=5), mask, 8), sample(KMedoidsSampler(), mask, 8)
    )


LINES = {
    (46, 268): "277 46 20 89 3 139 60 268 42",
    (19, 120, 206): "120 188 82 92 19 14 175 288 206 284 42 136 283",
    (20, 83, 125, 276): "276 115 130 125 50 116 284 94 18 20 127 212 73 270 290 4 83",
}
"""Medoids of points on a line, recorded with scikit-learn-extra 0.3.0; no two points are equally good."""


@pytest.mark.parametrize(("found", "line"), LINES.items())
def test_alternating_medoids_are_those_of_scikit_learn_extra(found, line):
    at = np.array(line.split(), np.float32)
    distances = np.abs(np.subtract.outer(at, at))
    assert sorted(at[alternating_medoids(distances, len(found))]) == list(found)


def test_alternation_stops_after_the_given_number_of_rounds():
    at = np.array(LINES[19, 120, 206].split(), np.float32)
    distances = np.abs(np.subtract.outer(at, at))
    assert sorted(at[alternating_medoids(distances, 3, iterations=0)]) == [120, 136, 175]
    assert sorted(at[alternating_medoids(distances, 3, iterations=4)]) == [19, 120, 206]


@given(
    places=st.lists(st.integers(0, 50), min_size=3, max_size=25, unique=True),
    count=st.integers(1, 6),
)
def test_every_alternating_medoid_is_the_best_of_the_points_that_are_nearest_to_it(places, count):
    at = np.array(places, np.float32)
    count = min(count, len(at) - 1)
    distances = np.abs(np.subtract.outer(at, at))
    chosen = alternating_medoids(distances, count)
    assert len(set(chosen)) == count
    nearest = distances[chosen].argmin(0)
    for cluster, medoid in enumerate(chosen):
        own = distances[nearest == cluster][:, nearest == cluster]
        assert own.sum(0).min() == distances[medoid][nearest == cluster].sum()


def test_alternation_leaves_pixels_farther_from_their_medoids_than_fasterpam():
    mask = disc(240, 427, 200, 120, 90)
    pixels = np.argwhere(mask)[:, ::-1]
    random, alternating, fasterpam = (
        distances_to_nearest(pixels, sample(sampler, mask, 64)).mean()
        for sampler in (RandomSampler(), KMedoidsSampler(algorithm="alternating"), KMedoidsSampler())
    )
    assert 1.2 * fasterpam < alternating < 2 * fasterpam
    assert fasterpam < random


# Shi-Tomasi


def test_shi_tomasi_finds_the_corners_of_a_picture():
    image = np.full((120, 160, 3), 90, np.uint8)
    image[20:91, 50:116] = 220
    points = sample(ShiTomasiSampler(), np.ones((120, 160), bool), 4, image=image)
    corners = np.array([(50, 20), (115, 20), (50, 90), (115, 90)])
    assert distances_to_nearest(corners, points).max() <= 2


def test_shi_tomasi_prefers_the_textured_half():
    image = np.full((120, 160, 3), 128, np.uint8)
    image[:, 80:] = noise(120, 80)
    points = sample(ShiTomasiSampler(), np.ones((120, 160), bool), 8, image=image)
    assert (points[:, 0] >= 78).all()


SQUARE = np.zeros((120, 160), bool)
SQUARE[10:110, 20:120] = True  # its diameter is 140, 6 % of which is a square of 8, 4 pixels on each side


def dots(strong: list[tuple[int, int]], weak: list[tuple[int, int]]) -> np.ndarray:
    image = np.full((120, 160, 3), 100, np.uint8)
    for x, y in weak:
        image[y, x] = 120
    for x, y in strong:
        image[y, x] = 255
    return image


def test_shi_tomasi_keeps_off_the_rim_but_not_farther_than_it_must():
    image = dots(strong=[(22, 30)], weak=[(26, 80)])
    (point,) = sample(ShiTomasiSampler(), SQUARE, 1, image=image)
    assert np.abs(point - (26, 80)).max() <= 1


def test_shi_tomasi_takes_weak_corners_far_apart_rather_than_strong_ones_side_by_side():
    cluster = [(40 + dx, 40 + dy) for dx in (0, 8, 16) for dy in (0, 8, 16)]
    apart = [(95, 40), (40, 90), (95, 90)]
    points = sample(ShiTomasiSampler(), SQUARE, 4, image=dots(strong=cluster, weak=apart))
    assert distances_to_nearest(np.array(apart), points).max() <= 1.5
    assert np.count_nonzero((points < 60).all(axis=1)) == 1


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_picture_without_corners_is_shared_out_by_medoids(algorithm):
    mask = disc(120, 160, 70, 50, 20)
    flat = np.full((120, 160, 3), 128, np.uint8)
    np.testing.assert_array_equal(
        sample(ShiTomasiSampler(algorithm=algorithm), mask, 8, image=flat),
        sample(KMedoidsSampler(algorithm=algorithm), mask, 8, image=flat),
    )


def test_missing_corners_are_medoids_of_up_to_2000_pixels():
    mask = disc(120, 160, 70, 50, 30)
    flat = np.full((120, 160, 3), 128, np.uint8)
    pixels = np.argwhere(mask)[:, ::-1].astype(np.float32)
    assert len(pixels) > 2000
    expected = medoids(pixels, 8, np.random.default_rng(0), at_most=2000)
    np.testing.assert_array_equal(sample(ShiTomasiSampler(), mask, 8, image=flat), expected)
    assert (expected != medoids(pixels, 8, np.random.default_rng(0))).any()


SMALL = np.zeros((120, 160), bool)
SMALL[50:58, 70:78] = True  # its diameter is 9.9, and 6 % of that are no pixel


def test_shi_tomasi_erodes_a_small_mask_only_if_asked_to():
    image = dots(strong=[(70, 50)], weak=[(75, 55)])
    (rim,) = sample(ShiTomasiSampler(), SMALL, 1, image=image)
    (inside,) = sample(ShiTomasiSampler(zero_erosion=3), SMALL, 1, image=image)
    assert np.abs(rim - (70, 50)).max() <= 1 < np.abs(inside - (70, 50)).max()
    assert ((inside >= (71, 51)) & (inside <= (76, 56))).all()


def test_a_mask_that_would_have_fewer_than_10_pixels_left_is_not_eroded():
    mask = np.zeros((120, 160), bool)
    mask[50:55, 70:75] = True  # 3 × 3 pixels are inside
    image = dots(strong=[(70, 50)], weak=[])
    np.testing.assert_array_equal(
        sample(ShiTomasiSampler(zero_erosion=3), mask, 1, image=image),
        sample(ShiTomasiSampler(), mask, 1, image=image),
    )


def test_opencv_erodes_by_3_if_the_side_is_0():
    """This is where the reference implementation's erosion of small masks comes from."""
    by_none = cv2.erode(SMALL.astype(np.uint8), np.ones((0, 0), np.uint8))
    np.testing.assert_array_equal(by_none, cv2.erode(SMALL.astype(np.uint8), np.ones((3, 3), np.uint8)))


def test_shi_tomasi_erodes_less_where_little_would_be_left():
    mask = np.zeros((120, 160), bool)
    mask[50:53, 20:120] = True
    image = np.full((120, 160, 3), 128, np.uint8)
    image[:52, 60:] = 250  # a corner at (60, 51), on the strip but away from the middle of its height
    points = sample(ShiTomasiSampler(), mask, 1, image=image)
    assert np.abs(points[0] - (60, 51)).max() <= 1


# Mixed


@pytest.mark.parametrize(("algorithm", "zero_erosion"), [("fasterpam", 0), ("alternating", 3)])
@pytest.mark.parametrize("mask", [disc(120, 160, 70, 50, 30), SMALL], ids=["large", "small"])
def test_mixed_is_a_quarter_medoids_a_third_corners_and_the_rest_random(mask, algorithm, zero_erosion):
    image, rng = noise(120, 160), np.random.default_rng(4)
    parts = [
        KMedoidsSampler(algorithm=algorithm).sample(image, mask, 4, rng),
        ShiTomasiSampler(algorithm, zero_erosion).sample(image, mask, 6, rng),
        RandomSampler().sample(image, mask, 9, rng),
    ]
    np.testing.assert_array_equal(
        sample(MixedSampler(algorithm, zero_erosion), mask, 19, seed=4, image=image), np.concatenate(parts)
    )


# Ring


ROW = np.arange(427)[None] > 0  # off an object that is the first pixel of a row


@pytest.mark.parametrize("size", [(240, 427), (480, 854)])
def test_three_quarters_of_the_negatives_ring_the_object_and_the_rest_is_farther_out(size):
    scale = size[1] / 427
    mask = disc(*size, 200 * scale, 120 * scale, 30 * scale)
    points = sample(RingSampler(), ~mask, 64)
    distance = np.linalg.norm(points - np.array([200, 120]) * scale, axis=1) / scale - 30
    ring, beyond = distance[:48], distance[48:]
    assert ring.min() > 2.5
    assert 18 < ring.max() < 25.5
    assert beyond.min() > 24.5


def test_the_ring_is_farther_than_3_and_at_most_25_pixels_from_the_object():
    points = sample(RingSampler(share=1.0), ROW, 22)
    assert sorted(points[:, 0].tolist()) == [*range(4, 26)]
    points = sample(RingSampler(share=0.0), ROW, 401)
    assert sorted(points[:, 0].tolist()) == [*range(26, 427)]


def test_zones_of_equally_many_pixels_are_still_two():
    points = sample(RingSampler(inner=0.0, outer=213.0, share=1.0), ROW, 20)
    assert points[:, 0].max() <= 213


def test_a_ring_of_few_pixels_leaves_its_points_to_the_far_zone():
    mask = np.zeros((240, 427), bool)
    mask[0, 0] = True
    points = sample(RingSampler(inner=1.0, outer=1.5), ~mask, 16)
    assert [1, 1] in points.tolist()  # the only pixel more than 1 and at most 1.5 away
    assert len(np.unique(points, axis=0)) == 16


def test_a_small_far_zone_leaves_its_points_to_the_ring():
    mask = np.ones((240, 427), bool)
    mask[100:140, 100:300] = False  # at most 20 from the object
    points = sample(RingSampler(), ~mask, 16)
    assert len(np.unique(points, axis=0)) == 16


@pytest.mark.parametrize("size", [(24, 32), (480, 854)])
def test_without_an_object_all_is_far(size):
    points = sample(RingSampler(), np.ones(size, bool), 8)
    assert len(np.unique(points, axis=0)) == 8


def test_where_only_the_seam_is_left_it_is_used():
    mask = np.ones((240, 427), bool)
    mask[:, 5] = False
    points = sample(RingSampler(), ~mask, 8)
    assert (points[:, 0] == 5).all()


# Positives and negatives together


def test_positives_lie_on_the_object_and_negatives_off_it():
    mask = disc(120, 160, 70, 50, 30)
    on, off = select_points(
        noise(120, 160), mask, KMedoidsSampler(), 8, MixedSampler(), 5, np.random.default_rng(0)
    )
    assert (on.shape, off.shape) == ((8, 2), (5, 2))
    assert values_at(mask, on).all()
    assert not values_at(mask, off).any()


def test_an_object_that_fills_the_frame_has_no_negatives():
    mask = np.ones((20, 30), bool)
    rng = np.random.default_rng(0)
    on, off = select_points(noise(20, 30), mask, RandomSampler(), 8, MixedSampler(), 5, rng)
    assert (on.shape, off.shape, off.dtype) == ((8, 2), (0, 2), np.float32)


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_points_are_in_the_corner_if_there_is_nothing_to_sample_from_and_that_is_asked_for(name):
    sampler, empty, rng = create_sampler(name), np.zeros((20, 30), bool), np.random.default_rng(0)
    on, off = select_points(noise(20, 30), empty, sampler, 3, sampler, 5, rng, corner_if_empty=True)
    assert on.tolist() == [[0, 0]] * 3
    assert len(np.unique(off, axis=0)) == 5
    on, off = select_points(noise(20, 30), ~empty, sampler, 3, sampler, 5, rng, corner_if_empty=True)
    assert len(np.unique(on, axis=0)) == 3
    assert off.tolist() == [[0, 0]] * 5


# The registry


def test_options_reach_the_sampler():
    assert create_sampler("k-medoids", erosion=5) == KMedoidsSampler(erosion=5)


def test_a_mistyped_sampler_names_the_closest():
    with pytest.raises(ConfigError, match=r"'kmedoids'.*'k-medoids'"):
        create_sampler("kmedoids")


def test_a_name_like_no_other_lists_them_all():
    with pytest.raises(ConfigError, match="k-medoids, mixed, random, ring, shi-tomasi"):
        create_sampler("zzz")


def test_a_mistyped_option_names_the_closest():
    with pytest.raises(ConfigError, match=r"'erosoin'.*'erosion'"):
        create_sampler("k-medoids", erosoin=5)


def test_an_option_of_a_sampler_without_any_is_an_error():
    with pytest.raises(ConfigError, match="'erosion'"):
        create_sampler("random", erosion=5)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("k-medoids", {"erosion": -1}),
        ("k-medoids", {"algorithm": "pam"}),
        ("shi-tomasi", {"algorithm": "alternate"}),
        ("shi-tomasi", {"zero_erosion": -1}),
        ("mixed", {"algorithm": ""}),
        ("mixed", {"zero_erosion": -3}),
        ("ring", {"inner": 30.0}),
        ("ring", {"share": 1.5}),
    ],
)
def test_an_option_that_makes_no_sense_is_an_error(name, options):
    with pytest.raises(ConfigError, match=name):
        create_sampler(name, **options)
