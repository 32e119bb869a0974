"""Segmenting everything: what SAM's own generator finds, within bounded memory."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from pycocotools import mask as coco
from segment_anything import SamAutomaticMaskGenerator
from segment_anything.modeling import Sam
from torch import Tensor, nn
from torch.nn import functional

from sampt.errors import ConfigError, DeviceMemoryError, OutputError, VideoError
from sampt.proposals.generator import FULL_RESOLUTION_BYTES, Proposal, ProposalSettings, propose
from sampt.proposals.writer import ProposalWriter, draw_labels, label_map
from sampt.segmenters.base import Decoded, Embedding, Prompts
from sampt.segmenters.grabcut import GrabCutSegmenter
from sampt.segmenters.sam import SamSegmenter
from tests.sampt.parts import GREEN, RED, ColourSegmenter, squares, tiny_sam, truth

FLAT = ProposalSettings(points_per_side=8, stability_score_offset=0.5)
"""For a segmenter whose logits are 1 and −1."""

THRESHOLDS = {"pred_iou_thresh": 0.45, "stability_score_thresh": 0.7003, "stability_score_offset": 0.5}
"""What the blobs below vary around."""


class BlobDecoder(nn.Module):
    """Three blobs of different sizes around each prompt, frayed by the image; random weights make none.

    The positional encodings of near places are alike, so a prompt's own shows where it is.
    """

    def forward(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
        multimask_output: bool,
    ) -> tuple[Tensor, Tensor]:
        near = torch.einsum("bc,chw->bhw", sparse_prompt_embeddings[:, 0], image_pe[0]) / image_pe.shape[1]
        frayed = near + 0.05 * image_embeddings[0, 0]
        levels = torch.tensor([0.05, 0.15, 0.3])[:, None, None]
        enlarged = functional.interpolate(frayed[:, None], scale_factor=4.0, mode="bilinear")
        return 20 * (enlarged - levels), 0.5 + frayed.flatten(1)[:, :3]


def blob_sam() -> Sam:
    model = tiny_sam(128)
    with torch.no_grad():
        model.prompt_encoder.point_embeddings[1].weight.zero_()
    model.mask_decoder = BlobDecoder()
    return model


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)


def generated(model: Sam, frame: np.ndarray, options: dict[str, float]) -> list[dict]:
    """What the package finds, best first. It would also give empty masks, which nobody can use."""
    made = SamAutomaticMaskGenerator(model, **options, output_mode="coco_rle").generate(frame)
    return sorted((m for m in made if m["area"]), key=lambda m: -m["predicted_iou"])


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((96, 160), {}),
        ((170, 101), {}),
        ((640, 360), {"box_nms_thresh": 0.9}),
        ((200, 300), {"crop_n_layers": 1}),
        ((120, 200), {"crop_n_layers": 2, "crop_n_points_downscale_factor": 2, "crop_nms_thresh": 0.5}),
        ((96, 160), {"min_mask_region_area": 300}),
        ((200, 300), {"crop_n_layers": 1, "crop_overlap_ratio": 0.1, "min_mask_region_area": 300}),
    ],
    ids=["landscape", "portrait", "larger", "crops", "two-layers", "small-regions", "all"],
)
def test_equals_the_packages_generator(size: tuple[int, int], options: dict[str, float]) -> None:
    options = {"points_per_side": 10, "points_per_batch": 40, **THRESHOLDS, **options}
    model, frame = blob_sam(), noise(*size)
    wanted = generated(model, frame, options)
    found = propose(frame, SamSegmenter(model), ProposalSettings(**options, max_masks=1000))
    assert len(found) == len(wanted) > 10
    for ours, theirs in zip(found, wanted, strict=True):
        # Rounding decides about pixels whose logit is all but 0.
        assert coco.iou([ours.rle], [theirs["segmentation"]], [0]).item() > 0.99
        assert ours.area == pytest.approx(theirs["area"], rel=0.01)
        assert ours.predicted_iou == pytest.approx(theirs["predicted_iou"], abs=1e-4)
        assert ours.stability == pytest.approx(theirs["stability_score"], abs=5e-3)
        assert ours.point == pytest.approx(theirs["point_coords"][0], abs=1e-3)
        assert corners(theirs["bbox"]) == pytest.approx(ours.box, abs=1)
        assert corners(theirs["crop_box"]) == pytest.approx(ours.crop_box)


def corners(xywh: list[float]) -> tuple[float, ...]:
    x, y, width, height = xywh
    return x, y, x + width, y + height


def test_small_regions_are_removed() -> None:
    options = {"points_per_side": 12, **THRESHOLDS}
    model, frame = blob_sam(), noise(96, 160)
    plain, cleaned = (
        propose(frame, SamSegmenter(model), ProposalSettings(**options, min_mask_region_area=area))
        for area in (0, 300)
    )
    assert {p.rle["counts"] for p in plain} != {p.rle["counts"] for p in cleaned}


def test_equals_the_packages_generator_with_sams_own_decoder() -> None:
    """Random weights make much the same mask for all points: compared one by one, without suppression."""
    options = {
        "points_per_side": 6,
        "pred_iou_thresh": 0,
        "stability_score_thresh": 0,
        "stability_score_offset": 0.05,
        "box_nms_thresh": 1,
    }
    model, frame = tiny_sam(seed=1), noise(48, 80)
    wanted = generated(model, frame, options)
    wanted.sort(key=lambda w: (w["point_coords"], w["predicted_iou"]))
    found = propose(frame, SamSegmenter(model), ProposalSettings(**options, max_masks=1000))
    found.sort(key=lambda p: (list(p.point), p.predicted_iou))
    assert len(found) == len(wanted) > 70
    for ours, theirs in zip(found, wanted, strict=True):
        assert coco.iou([ours.rle], [theirs["segmentation"]], [0]).item() > 0.99
        assert ours.predicted_iou == pytest.approx(theirs["predicted_iou"], abs=1e-4)
        assert ours.stability == pytest.approx(theirs["stability_score"], abs=1e-2)


def test_finds_each_thing_once() -> None:
    clip = squares()
    found = propose(clip[0], ColourSegmenter(), FLAT)  # like HQ-SAM it gives one mask a prompt
    assert len(found) == 2
    for colour in (RED, GREEN):
        assert sum(np.array_equal(p.mask, truth(clip[:1], colour)[0]) for p in found) == 1


def test_a_proposal_describes_its_mask() -> None:
    found = propose(squares()[0], ColourSegmenter(), FLAT)
    red = min(found, key=lambda p: p.box[1])
    assert red.box == (6, 6, 17, 17)
    assert red.area == 144
    x, y = map(round, red.point)
    assert red.mask[y, x]
    assert red.crop_box == (0, 0, 64, 48)


@pytest.mark.parametrize(("layers", "crops"), [(0, 0), (1, 4)])
def test_an_embedding_at_hand_gives_the_same_and_saves_an_encoding(layers: int, crops: int) -> None:
    class Counting(SamSegmenter):
        encoded = 0

        def encode(self, frames):
            self.encoded += len(frames)
            return super().encode(frames)

    frame, settings = noise(96, 160), ProposalSettings(8, crop_n_layers=layers, **THRESHOLDS)
    segmenter = Counting(blob_sam())
    (embedding,) = segmenter.encode([segmenter.prepare(frame)])
    segmenter.encoded = 0
    found = propose(frame, segmenter, settings, embedding)
    assert segmenter.encoded == crops
    assert found and found == propose(frame, segmenter, settings)


def test_keeps_the_best() -> None:
    model, frame = SamSegmenter(blob_sam()), noise(96, 160)
    everything = propose(frame, model, ProposalSettings(points_per_side=12, **THRESHOLDS))
    assert len(everything) > 5
    assert (
        propose(frame, model, ProposalSettings(points_per_side=12, **THRESHOLDS, max_masks=5))
        == (everything[:5])
    )


def test_finds_nothing_where_nothing_is_sure() -> None:
    black = np.zeros((48, 64, 3), np.uint8)
    settings = replace(FLAT, crop_n_layers=1, min_mask_region_area=10)
    assert propose(black, ColourSegmenter(), settings) == []


def test_few_masks_at_full_resolution_at_once() -> None:
    class Watched(SamSegmenter):
        most = total = 0

        def upscale(self, low_res: Tensor, size: tuple[int, int]) -> Tensor:
            logits = super().upscale(low_res, size)
            self.most, self.total = max(self.most, logits.nbytes), self.total + logits.nbytes
            return logits

    segmenter = Watched(blob_sam())
    propose(noise(1080, 1920), segmenter, ProposalSettings(points_per_side=5, pred_iou_thresh=0))
    assert segmenter.total == 75 * 1080 * 1920 * 4
    assert segmenter.most <= FULL_RESOLUTION_BYTES / 3


def test_upscales_only_what_is_sure() -> None:
    class Watched(ColourSegmenter):
        upscaled = 0

        def upscale(self, low_res: Tensor, size: tuple[int, int]) -> Tensor:
            self.upscaled += len(low_res)
            return super().upscale(low_res, size)

    frame, segmenter = squares()[0], Watched()
    propose(frame, segmenter, ProposalSettings(points_per_side=8))
    centres = [(round(y), round(x)) for y, x in itertools.product(np.arange(3, 48, 6), np.arange(4, 64, 8))]
    assert segmenter.upscaled == sum(frame[yx].any() for yx in centres)


class Cramped(ColourSegmenter):
    """Runs out of memory with more than so many prompts."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def candidates(self, embedding: Embedding, prompts: Prompts) -> Decoded:
        if len(prompts) > self.limit:
            raise torch.OutOfMemoryError("out of memory")
        return super().candidates(embedding, prompts)


def test_out_of_memory_takes_smaller_batches_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "sampt"):
        found = propose(squares()[0], Cramped(limit=8), FLAT)
    assert len(found) == 2
    assert found == propose(squares()[0], ColourSegmenter(), FLAT)
    assert len(caplog.records) == 1
    assert "points_per_batch=8" in caplog.text


def test_out_of_memory_twice_is_an_error() -> None:
    with pytest.raises(DeviceMemoryError, match="mobile-sam"):
        propose(squares()[0], Cramped(limit=0))


def test_refuses_a_segmenter_without_predicted_ious() -> None:
    with pytest.raises(ConfigError, match=r"grabcut.*sam-vit-b"):
        propose(squares()[0], GrabCutSegmenter())


def test_refuses_more_crops_than_pixels() -> None:
    with pytest.raises(ConfigError, match=r"crop_n_layers=4 .*9x7"):
        propose(np.zeros((7, 9, 3), np.uint8), ColourSegmenter(), ProposalSettings(crop_n_layers=4))


@pytest.mark.parametrize("frame", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32)])
def test_refuses_what_is_no_frame(frame: np.ndarray) -> None:
    with pytest.raises(VideoError, match="uint8"):
        propose(frame, ColourSegmenter())


@pytest.mark.parametrize(
    "wrong",
    [
        {"points_per_side": 0},
        {"points_per_batch": 0},
        {"pred_iou_thresh": 1.2},
        {"stability_score_thresh": float("nan")},
        {"stability_score_offset": -1.0},
        {"crop_n_layers": 5},
        {"max_masks": 0},
        {"min_mask_region_area": -1},
        {"crop_n_points_downscale_factor": 9, "crop_n_layers": 2},
    ],
)
def test_settings_check_themselves(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ProposalSettings(**wrong)


def test_settings_fit_into_a_configuration() -> None:
    merged = OmegaConf.merge(OmegaConf.structured(ProposalSettings), {"points_per_side": 16})
    assert OmegaConf.to_object(merged) == ProposalSettings(points_per_side=16)


def proposal(mask: np.ndarray) -> Proposal:
    rle = coco.encode(np.asfortranarray(mask, np.uint8))
    return Proposal(
        rle={"size": rle["size"], "counts": rle["counts"].decode()},
        area=int(mask.sum()),
        box=(0, 0, 0, 0),
        predicted_iou=0.9,
        stability=0.97,
        point=(1, 1),
        crop_box=(0, 0, mask.shape[1], mask.shape[0]),
    )


def rectangle(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros((12, 16), bool)
    mask[y0 : y1 + 1, x0 : x1 + 1] = True
    return mask


@st.composite
def rectangles(draw: st.DrawFn) -> np.ndarray:
    x0, y0 = draw(st.integers(0, 15)), draw(st.integers(0, 11))
    return rectangle(x0, y0, draw(st.integers(x0, 15)), draw(st.integers(y0, 11)))


@given(st.lists(rectangles(), max_size=6))
@hypothesis_settings(deadline=None, max_examples=50)
def test_the_label_map_shows_the_smallest_mask_of_each_pixel(masks: list[np.ndarray]) -> None:
    labels = label_map([proposal(m) for m in masks], (12, 16))
    for y, x in np.ndindex(labels.shape):
        areas = [m.sum() for m in masks if m[y, x]]
        assert bool(labels[y, x]) == bool(areas)
        if areas:
            shown = masks[labels[y, x] - 1]
            assert shown[y, x]
            assert shown.sum() == min(areas)


def test_the_label_map_shows_the_best_255() -> None:
    whole = proposal(rectangle(0, 0, 15, 11))
    spots = [proposal(rectangle(x, y, x, y)) for y, x in np.ndindex(12, 16)]
    labels = label_map([*[whole] * 200, *spots], (12, 16))
    assert labels[0, :3].tolist() == [201, 202, 203]
    assert labels.max() == 255
    assert labels[-1, -1] <= 200


def test_an_overlay_colours_only_what_was_found() -> None:
    frame = np.full((12, 16, 3), 100, np.uint8)
    labels = rectangle(4, 3, 11, 8).astype(np.uint8)
    drawn = draw_labels(frame, labels)
    assert (drawn[0, 0] == 100).all()
    assert drawn[5, 7].tolist() == [114, 50, 50]  # half of DAVIS's first colour, (128, 0, 0)
    assert (drawn[3, 4:12] == 255).all()


def files_of(folder: Path) -> Iterator[str]:
    return (p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*.*")))


def test_an_interrupted_writer_keeps_what_is_finished(tmp_path: Path) -> None:
    frame = np.zeros((12, 16, 3), np.uint8)

    def interrupted() -> None:
        with ProposalWriter(tmp_path / "out") as writer:
            writer.write(7, frame, [proposal(rectangle(1, 1, 3, 3))])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(files_of(tmp_path / "out")) == ["masks/00007.png", "overlays/00007.png", "proposals.json"]


def test_a_writer_that_replaces_leaves_nothing_old(tmp_path: Path) -> None:
    frame = np.zeros((12, 16, 3), np.uint8)
    for index in (0, 5):
        with ProposalWriter(tmp_path, overwrite=True) as writer:
            writer.write(index, frame, [])
    assert list(files_of(tmp_path)) == ["masks/00005.png", "overlays/00005.png", "proposals.json"]
    with pytest.raises(OutputError, match="--overwrite"):
        ProposalWriter(tmp_path)
