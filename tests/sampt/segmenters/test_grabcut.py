"""GrabCut: plain objects, edge cases, and its rules for later frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sampt.segmenters.base import Prompts
from sampt.segmenters.grabcut import GrabCutSegmenter

from .discs import disc_box, picture


def decode_points(segmenter, frame, positives, negatives=(), box=None) -> np.ndarray:
    """The mask of an object that is learned and cut in the same frame."""
    points = torch.from_numpy(np.array([*positives, *negatives], np.float32).reshape(1, -1, 2))
    labels = torch.tensor([[1] * len(positives) + [0] * len(negatives)], dtype=torch.int64)
    prompts = Prompts(points, labels, None if box is None else torch.tensor([box], dtype=torch.float32))
    (embedding,) = segmenter.encode([frame])
    decoded = segmenter.decode(embedding, prompts, segmenter.learn(embedding, prompts))
    assert decoded.low_res.isfinite().all()
    assert 0 <= decoded.scores[0] <= 1
    return segmenter.upscale(decoded.low_res, frame.shape[:2])[0].numpy() > 0


@pytest.mark.parametrize("prompt", ["points", "box"])
def test_grabcut_finds_a_plain_object(prompt):
    size = (96, 128)
    y, x = np.mgrid[: size[0], : size[1]]
    disc = np.hypot(x - size[1] * 0.4, y - size[0] * 0.5) < min(size) * 0.3
    around = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    ring = np.stack([np.cos(around), np.sin(around)], 1) * min(size) * 0.25 + [size[1] * 0.4, size[0] * 0.5]
    box = disc_box(size)[0].tolist() if prompt == "box" else None
    mask = decode_points(
        GrabCutSegmenter(), picture(*size), ring if prompt == "points" else [], [(5, 5), (120, 90)], box
    )
    assert (mask & disc).sum() > 0.9 * disc.sum()
    assert (mask & ~disc).sum() < 0.1 * disc.sum()


class TestGrabCutEdges:
    @pytest.mark.parametrize("corner", [(0, 0), (79, 0), (0, 47), (79, 47)], ids=str)
    def test_a_point_in_a_corner(self, corner):
        mask = decode_points(GrabCutSegmenter(), picture(48, 80), [corner], [(32, 24)])
        assert mask[corner[1], corner[0]]

    def test_an_object_that_covers_the_whole_frame(self):
        frame = np.full((60, 80, 3), (90, 120, 30), np.uint8)
        frame += np.random.default_rng(0).integers(0, 20, frame.shape, dtype=np.uint8)
        y, x = np.mgrid[2:60:8, 2:80:8]
        mask = decode_points(GrabCutSegmenter(), frame, np.stack([x, y], -1).reshape(-1, 2).tolist())
        assert mask.mean() > 0.9

    @pytest.mark.parametrize("size", [(8, 8), (1, 1), (2, 3), (1, 300), (300, 1), (2, 300), (3, 5)], ids=str)
    @pytest.mark.parametrize("negatives", [[], [(0, 0)]], ids=["no negative", "a negative"])
    def test_tiny_and_thin_frames(self, size, negatives):
        middle = (size[1] // 2, size[0] // 2)
        mask = decode_points(GrabCutSegmenter(), picture(*size), [middle], negatives)
        assert mask.shape == size and mask[middle[1], middle[0]]

    def test_a_positive_wins_over_a_negative_on_the_same_pixel(self):
        mask = decode_points(GrabCutSegmenter(), picture(48, 80), [(32, 24)], [(32, 24)])
        assert mask[24, 32]

    @pytest.mark.parametrize("colour", [0, 128, 255])
    def test_a_uniform_picture(self, colour):
        mask = decode_points(
            GrabCutSegmenter(), np.full((48, 80, 3), colour, np.uint8), [(40, 24)], [(5, 5), (70, 40)]
        )
        assert mask[24, 40] and not mask[5, 5]

    @pytest.mark.parametrize("box", [(0, 0, 79, 47), (0, 0, 80, 48), (40, 20, 41, 21), (79, 47, 80, 48)])
    @pytest.mark.parametrize("negatives", [[], [(40, 20), (79, 47)]], ids=["no negative", "negatives in it"])
    def test_any_box_is_survived(self, box, negatives):
        mask = decode_points(GrabCutSegmenter(), picture(48, 80), [], negatives, box)
        y, x = np.nonzero(mask)
        assert not mask.any() or (x.max() <= box[2] and y.max() <= box[3] and x.min() >= box[0])

    @settings(max_examples=30, deadline=None)
    @given(
        st.tuples(st.integers(1, 40), st.integers(1, 40)),
        st.lists(st.tuples(st.floats(-0.5, 0.99), st.floats(-0.5, 0.99)), min_size=1, max_size=6),
        st.integers(0, 5),
        st.integers(0, 100),
    )
    def test_any_points_in_any_small_frame(self, size, where, negatives, seed):
        points = [(max(-0.5, x * size[1]), max(-0.5, y * size[0])) for x, y in where]
        frame = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
        decode_points(
            GrabCutSegmenter(), frame, points[:1] + points[1 + negatives :], points[1 : 1 + negatives]
        )


def blobs(*centres: tuple[int, int], radius: int, seed: int = 0) -> np.ndarray:
    """(96, 128, 3): red discs on blue, a little noisy."""
    y, x = np.mgrid[:96, :128]
    inside = np.any([np.hypot(x - cx, y - cy) < radius for cx, cy in centres], 0)
    noise = np.random.default_rng(seed).integers(0, 12, (96, 128, 3))
    return (np.where(inside[..., None], (200, 60, 60), (60, 60, 200)) + noise).astype(np.uint8)


def cut_later(first, positives, later, later_positives=None) -> np.ndarray:
    """The mask in one frame of an object that is learned in another; negatives are far from everything."""
    segmenter = GrabCutSegmenter()

    def prompts(xy) -> Prompts:
        points = np.array([*xy, (1, 1), (126, 94)], np.float32)[None]
        return Prompts(torch.from_numpy(points), torch.tensor([[1] * len(xy) + [0, 0]]))

    (before,), (after,) = segmenter.encode([first]), segmenter.encode([later])
    contexts = segmenter.learn(before, prompts(positives))
    decoded = segmenter.decode(after, prompts(later_positives or positives), contexts)
    return segmenter.upscale(decoded.low_res, (96, 128))[0].numpy() > 0


def grid(x: int, y: int, step: int, radius: int = 1) -> list[tuple[int, int]]:
    across = range(-radius * step, (radius + 1) * step, step)
    return [(x + dx, y + dy) for dx in across for dy in across]


class TestGrabCutLater:
    """The rules for frames after the one in which an object was learned."""

    @pytest.mark.parametrize(("behind", "kept"), [(2, False), (3, True)])
    def test_a_part_that_few_positives_lie_in_is_dropped(self, behind, kept):
        on_it = grid(40, 48, step=4, radius=2)  # 25 points
        left_behind = [(87 + 3 * k, 48) for k in range(behind)]
        mask = cut_later(
            blobs((40, 48), radius=14),
            on_it,
            blobs((40, 48), (90, 48), radius=14),
            on_it[behind:] + left_behind,
        )
        assert mask[48, 40]
        assert mask[48, 90] == kept

    def test_it_reaches_not_much_farther_from_its_positives_than_at_first(self):
        positives = grid(24, 20, step=4) + grid(104, 76, step=4)
        everything = blobs((64, 48), radius=200)
        mask = cut_later(blobs((24, 20), (104, 76), radius=9), positives, everything)
        y, x = np.nonzero(mask)
        distance = np.linalg.norm(np.stack([x, y], 1)[:, None] - np.array(positives), axis=2).min(1)
        assert mask[20, 24] and mask[76, 104]
        # Some 5 px at first, so thrice that and the margin of 6; all of the frame's red is 50 px wide.
        assert 10 < distance.max() <= 3 * 6 + 6

    def test_the_border_of_its_region_is_no_cheaper_than_any_other(self):
        """Grey that could be either: a cut around the points is the shortest, not the whole region."""
        noise = np.random.default_rng(0).normal(0, 40, (96, 128, 3))
        disc = np.hypot(*(np.mgrid[:96, :128] - np.array([48, 64])[:, None, None])) < 14
        first = np.clip(np.where(disc[..., None], 150, 90) + noise, 0, 255).astype(np.uint8)
        mask = cut_later(first, grid(64, 48, step=9), np.full((96, 128, 3), 120, np.uint8))
        assert 18 * 18 < mask.sum() < 30 * 30  # the points' own box is 18 px wide, their region 41
