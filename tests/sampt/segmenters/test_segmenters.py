"""Every segmenter keeps the protocol's promises; SAM gives what its own package gives."""

from __future__ import annotations

import cv2
import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from segment_anything import SamPredictor

from sampt.errors import ConfigError
from sampt.segmenters.base import Decoded, PromptableSegmenter, Prompts, mask_extent
from sampt.segmenters.grabcut import GrabCutSegmenter
from sampt.segmenters.registry import SEGMENTERS, create_segmenter
from sampt.segmenters.sam import SamSegmenter
from sampt.segmenters.variants import VARIANTS
from tests.sampt.parts import ENCODER_SIDE, tiny_hq_segmenter, tiny_sam, tiny_segmenter

MAKERS = {"grabcut": GrabCutSegmenter, "sam": tiny_segmenter, "hq-sam": tiny_hq_segmenter}
"""The classes; ``mobile-sam`` is a ``SamSegmenter``, too, and has its parity test."""
SIZES = {"landscape": (48, 80), "portrait": (90, 41), "odd": (33, 47), "square": (64, 64)}


@pytest.fixture(scope="module", params=MAKERS)
def segmenter(request: pytest.FixtureRequest) -> PromptableSegmenter:
    return MAKERS[request.param]()


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A bright disc on a dark ground, both noisy."""
    y, x = np.mgrid[:height, :width]
    disc = np.hypot(x - width * 0.4, y - height * 0.5) < min(height, width) * 0.3
    noise = np.random.default_rng(seed).integers(0, 30, (height, width, 3))
    return (np.where(disc[..., None], (190, 150, 60), (20, 40, 110)) + noise).astype(np.uint8)


def on_disc(size: tuple[int, int], objects: int = 1) -> Prompts:
    """Two positives near the disc's middle and a negative in a corner, a little different for each object."""
    height, width = size
    points = [
        [[0.4 * width + k, 0.5 * height], [0.4 * width, 0.5 * height - 2 * k], [width - 3 - k, 2]]
        for k in range(objects)
    ]
    return Prompts(torch.tensor(points, dtype=torch.float32), torch.tensor([[1, 1, 0]] * objects))


def one(prompts: Prompts, k: int) -> Prompts:
    return Prompts(
        prompts.points[k : k + 1],
        prompts.labels[k : k + 1],
        None if prompts.boxes is None else prompts.boxes[k : k + 1],
        None if prompts.masks is None else prompts.masks[k : k + 1],
    )


def disc_box(size: tuple[int, int], objects: int = 1) -> torch.Tensor:
    height, width = size
    cx, cy, r = width * 0.4, height * 0.5, min(height, width) * 0.3
    return torch.tensor([[cx - r, cy - r, cx + r, cy + r]] * objects, dtype=torch.float32)


def same(a: Decoded, b: Decoded, atol: float = 1e-4) -> None:
    torch.testing.assert_close(a.low_res, b.low_res, atol=atol, rtol=1e-4)
    torch.testing.assert_close(a.scores, b.scores, atol=atol, rtol=1e-4)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
class TestConformance:
    def test_a_batch_of_frames_encodes_as_single_frames_do(self, segmenter, size):
        frames = [picture(*size, seed) for seed in range(3)]
        for together, frame in zip(segmenter.encode(frames), frames, strict=True):
            (alone,) = segmenter.encode([frame])
            assert together.size == alone.size == size
            assert together.nbytes == alone.nbytes > 0
            same(segmenter.decode(together, on_disc(size)), segmenter.decode(alone, on_disc(size)))

    def test_a_batch_of_objects_decodes_as_single_objects_do(self, segmenter, size):
        (embedding,) = segmenter.encode([picture(*size)])
        prompts = on_disc(size, 3)
        prior = segmenter.decode(embedding, prompts).low_res
        for asked in (prompts, prompts.refined(disc_box(size, 3), prior)):
            together = segmenter.decode(embedding, asked)
            for k in range(3):
                alone = segmenter.decode(embedding, one(asked, k))
                same(Decoded(together.low_res[k : k + 1], together.scores[k : k + 1]), alone)

    def test_contexts_belong_to_their_objects(self, segmenter, size):
        (first, later) = segmenter.encode([picture(*size, 0), picture(*size, 1)])
        prompts = on_disc(size, 2)
        contexts = segmenter.learn(first, prompts)
        assert (contexts is not None) == segmenter.learns
        if contexts is None:
            return
        assert len(contexts) == 2
        together = segmenter.decode(later, prompts, contexts)
        for k in range(2):
            alone = segmenter.decode(later, one(prompts, k), contexts[k : k + 1])
            same(Decoded(together.low_res[k : k + 1], together.scores[k : k + 1]), alone)

    def test_shapes_and_types(self, segmenter, size):
        (embedding,) = segmenter.encode([picture(*size)])
        decoded = segmenter.decode(embedding, on_disc(size, 2))
        assert decoded.low_res.ndim == 3 and len(decoded.low_res) == 2
        assert decoded.scores.shape == (2,)
        assert decoded.low_res.dtype == decoded.scores.dtype == torch.float32
        full = segmenter.upscale(decoded.low_res, size)
        assert full.shape == (2, *size) and full.dtype == torch.float32
        assert full.isfinite().all()

    def test_extent_is_that_of_the_upscaled_mask(self, segmenter, size):
        (embedding,) = segmenter.encode([picture(*size)])
        low_res = segmenter.decode(embedding, on_disc(size, 2)).low_res
        boxes, areas = segmenter.extent(low_res, size)
        # The encoder's pixels may be larger or smaller than the frame's: up to one of each off.
        pixel = 1 + max(size) / ENCODER_SIDE
        for mask, box, area in zip(segmenter.upscale(low_res, size) > 0, boxes, areas, strict=True):
            rows, columns = np.nonzero(mask.numpy())
            assert len(rows) > 0 and area > 0
            truth = [columns.min(), rows.min(), columns.max(), rows.max()]
            np.testing.assert_allclose(box, truth, atol=pixel)

    def test_the_extent_of_nothing_has_no_area(self, segmenter, size):
        (embedding,) = segmenter.encode([picture(*size)])
        low_res = segmenter.decode(embedding, on_disc(size, 2)).low_res
        assert segmenter.extent(torch.full_like(low_res, -1.0), size)[1].tolist() == [0, 0]

    def test_candidates(self, segmenter, size):
        (embedding,) = segmenter.encode([picture(*size)])
        several = segmenter.candidates(embedding, on_disc(size, 2))
        assert several.low_res.ndim == 4 and several.low_res.shape[:2] == several.scores.shape
        assert len(several.scores) == 2

    def test_prepared_frames_are_encoded_alike(self, segmenter, size):
        (plain,) = segmenter.encode([picture(*size)])
        (prepared,) = segmenter.encode([segmenter.prepare(picture(*size))])
        same(segmenter.decode(plain, on_disc(size)), segmenter.decode(prepared, on_disc(size)))
        assert plain.size == prepared.size == size

    def test_a_box_alone_is_a_prompt(self, segmenter, size):
        (embedding,) = segmenter.encode([picture(*size)])
        nowhere = Prompts(torch.zeros(1, 0, 2), torch.zeros(1, 0, dtype=torch.int64), boxes=disc_box(size))
        decoded = segmenter.decode(embedding, nowhere)
        assert decoded.low_res.isfinite().all() and decoded.scores.isfinite().all()

    def test_box_and_mask_can_both_be_given(self, segmenter, size):
        (embedding,) = segmenter.encode([picture(*size)])
        before = segmenter.decode(embedding, on_disc(size))
        refined = segmenter.decode(embedding, on_disc(size).refined(disc_box(size), before.low_res))
        assert refined.low_res.shape == before.low_res.shape

    def test_the_same_prompts_give_the_same_bits(self, segmenter, size):
        def run(seed: int) -> Decoded:
            cv2.setRNGSeed(seed)  # whatever else uses OpenCV's generator must not matter
            (embedding,) = segmenter.encode([picture(*size)])
            contexts = segmenter.learn(embedding, on_disc(size))
            return segmenter.decode(embedding, on_disc(size), contexts)

        first, second = run(1), run(2)
        assert torch.equal(first.low_res, second.low_res) and torch.equal(first.scores, second.scores)


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


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9)))
def test_mask_extent(masks):
    boxes, areas = mask_extent(torch.from_numpy(masks))
    assert boxes.dtype == torch.float32
    np.testing.assert_array_equal(areas, masks.sum((1, 2)))
    for box, mask in zip(boxes.tolist(), masks, strict=True):
        if mask.any():
            rows, columns = np.nonzero(mask)
            assert box == [columns.min(), rows.min(), columns.max(), rows.max()]


def test_points_and_labels_must_match():
    with pytest.raises(ValueError, match=r"\(B, P, 2\)"):
        Prompts(torch.zeros(2, 3, 2), torch.zeros(2, 4))


class TestSamAgainstItsPackage:
    """Sizes above, below and at the encoder's 64 px, so that frames, points and boxes are all resized."""

    @pytest.fixture
    def model(self):
        return tiny_sam()

    @pytest.fixture(params=[(48, 64), (64, 64), (120, 200), (200, 90), (31, 57), (24, 20)], ids=str)
    def size(self, request) -> tuple[int, int]:
        return request.param

    @pytest.fixture
    def predictor(self, model, size) -> SamPredictor:
        predictor = SamPredictor(model)
        predictor.set_image(picture(*size))
        return predictor

    @pytest.mark.parametrize("with_box", [False, True], ids=["points", "points and box"])
    @pytest.mark.parametrize("with_mask", [False, True], ids=["no mask", "mask"])
    def test_same_logits_and_scores(self, model, predictor, size, with_box, with_mask):
        segmenter = SamSegmenter(model)
        (embedding,) = segmenter.encode([picture(*size)])
        prompts = on_disc(size)
        points, labels = prompts.points[0].numpy(), prompts.labels[0].numpy()
        box, mask = None, None
        if with_mask:
            _, _, mask = predictor.predict(points, labels, multimask_output=False)
            prompts = Prompts(
                prompts.points, prompts.labels, masks=segmenter.decode(embedding, prompts).low_res
            )
        if with_box:
            box = disc_box(size)[0].numpy()
            prompts = Prompts(prompts.points, prompts.labels, disc_box(size), prompts.masks)
        full, scores, low_res = predictor.predict(
            points, labels, box, mask, multimask_output=False, return_logits=True
        )
        ours = segmenter.decode(embedding, prompts)
        assert np.ptp(low_res) > 0.1  # not a constant picture, which would agree with anything
        np.testing.assert_allclose(ours.low_res, low_res, atol=1e-4)
        np.testing.assert_allclose(ours.scores, scores, atol=1e-4)
        np.testing.assert_allclose(segmenter.upscale(ours.low_res, size), full, atol=1e-4)

    def test_box_alone(self, model, predictor, size):
        segmenter = SamSegmenter(model)
        (embedding,) = segmenter.encode([picture(*size)])
        _, scores, low_res = predictor.predict(box=disc_box(size)[0].numpy(), multimask_output=False)
        nowhere = Prompts(torch.zeros(1, 0, 2), torch.zeros(1, 0, dtype=torch.int64), boxes=disc_box(size))
        ours = segmenter.decode(embedding, nowhere)
        np.testing.assert_allclose(ours.low_res, low_res, atol=1e-4)
        np.testing.assert_allclose(ours.scores, scores, atol=1e-4)

    def test_a_box_is_scaled_into_the_encoders_frame(self, model):
        """The same box in a picture of twice the size is another prompt, and twice the box the same one."""
        segmenter = SamSegmenter(model)
        small = picture(32, 64)
        large = np.repeat(np.repeat(small, 2, 0), 2, 1)
        (a,), (b,) = segmenter.encode([small]), segmenter.encode([large])
        features = type(a)(a.features, b.size, b.nbytes)  # the same features, said to be of the large frame
        points, labels = torch.tensor([[[20.0, 10.0]]]), torch.tensor([[1]])
        box = torch.tensor([[10.0, 4.0, 40.0, 20.0]])
        first = segmenter.decode(a, Prompts(points, labels, box))
        same(first, segmenter.decode(features, Prompts(2 * points, labels, 2 * box)))
        unscaled = segmenter.decode(features, Prompts(2 * points, labels, box))
        assert (first.low_res - unscaled.low_res).abs().max() > 1e-3


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


class TestRegistry:
    def test_names(self):
        assert set(SEGMENTERS) == {"grabcut", *VARIANTS}

    def test_an_unknown_name(self):
        with pytest.raises(ConfigError, match="'grabcut'"):
            create_segmenter("grab-cut")

    def test_a_checkpoint_that_is_not_taken(self):
        with pytest.raises(ConfigError, match=r"grabcut .*checkpoint"):
            create_segmenter("grabcut", "weights.pth")

    def test_an_unknown_option(self):
        with pytest.raises(ConfigError, match=r"grabcut .*options"):
            create_segmenter("grabcut", options={"radius": 3})
