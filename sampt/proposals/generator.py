"""Proposals: masks of everything in a frame, as SAM's "segment everything" (Kirillov et al., ICCV 2023).

Every point of a regular grid is an ambiguous prompt; of the resulting masks, the confident, stable and
distinct ones are kept. The result is that of ``segment_anything.SamAutomaticMaskGenerator``, for every
segmenter of the family, with only a few masks at full resolution in memory at once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from segment_anything.utils.amg import (
    build_all_layer_point_grids,
    calculate_stability_score,
    generate_crop_boxes,
    is_box_near_crop_edge,
    remove_small_regions,
    uncrop_masks,
)
from torch import Tensor
from torchvision.ops import nms

from sampt._internal.devices import choose_device
from sampt._internal.run_lengths import Rle, decode, encode_each
from sampt.errors import ConfigError, DeviceMemoryError
from sampt.segmenters.base import Embedding, PromptableSegmenter, Prompts, mask_extent
from sampt.segmenters.registry import create_segmenter
from sampt.video.frames import as_frame

from .settings import ProposalSettings, no_proposals

logger = logging.getLogger(__name__)

FULL_RESOLUTION_BYTES = 256 << 20
BYTES_PER_PIXEL = 16
"""Bytes per pixel of a candidate while it is judged: logits at two resolutions, and comparisons of them."""
SMALLEST_CANVAS = 1 << 20
"""Number of pixels, about, to which SAM enlarges even small frames."""

Box = tuple[float, float, float, float]
Crop = tuple[int, int, int, int]


@dataclass(frozen=True)
class Proposal:
    """Proposed mask.

    Attributes:
        rle: the mask, run-length encoded at the frame's size.
        area: number of pixels.
        box: x0, y0, x1, y1 of the mask's outermost pixels, inclusive.
        predicted_iou: predicted IoU before small regions were removed.
        stability: stability score before small regions were removed.
        point: x, y of the prompt that it came from.
        crop_box: x0, y0, x1, y1 of the crop that it was found in, x1 and y1 exclusive.
    """

    rle: Rle
    area: int
    box: Box
    predicted_iou: float
    stability: float
    point: tuple[float, float]
    crop_box: Crop

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The mask, (H, W) bool."""
        return decode(self.rle)


def propose(
    image: NDArray[np.uint8] | Image.Image,
    segmenter: str | PromptableSegmenter,
    settings: ProposalSettings | None = None,
    embedding: Embedding | None = None,
) -> list[Proposal]:
    """Masks of everything in an image, those with the highest predicted IoU first.

    Args:
        image: (H, W, 3) uint8 RGB, or a Pillow image.
        segmenter: one of the SAM family by name (its weights are downloaded), or one that is built already.
        settings: what to prompt with and what to keep.
        embedding: the image's, by this segmenter, if there is one; crops are encoded in any case.

    Raises:
        VideoError: ``image`` is not an image.
        ConfigError: there is no such segmenter, or see ``check_proposable``.
        CheckpointError: the segmenter's weights cannot be loaded.
        DeviceMemoryError: a GPU's memory is too small, even for smaller batches.
    """
    frame, settings = as_frame(image, 0), settings or ProposalSettings()
    if isinstance(segmenter, str):
        segmenter = create_segmenter(segmenter, device=choose_device("auto"))
    check_proposable(segmenter, (frame.shape[0], frame.shape[1]), settings)
    try:
        return _everything(segmenter, frame, settings, embedding)
    except torch.OutOfMemoryError:
        settings = replace(settings, points_per_batch=max(1, settings.points_per_batch // 8))
        logger.warning(
            "the memory of %s ran out; trying again with points_per_batch=%d",
            segmenter.device,
            settings.points_per_batch,
        )
    if segmenter.device.type == "cuda":  # here, because the error above kept tensors alive
        torch.cuda.empty_cache()
    try:
        return _everything(segmenter, frame, settings, embedding)
    except torch.OutOfMemoryError as error:
        raise DeviceMemoryError(
            f"the memory of {segmenter.device} is not enough for {segmenter.name}: close other programs "
            "that use it, choose a smaller segmenter such as mobile-sam, or use --device cpu"
        ) from error


def check_proposable(
    segmenter: PromptableSegmenter, size: tuple[int, int], settings: ProposalSettings
) -> None:
    """Check that there can be proposals in frames of ``size`` (H, W).

    Raises:
        ConfigError: the segmenter does not predict the IoU of its masks, or the frame is too small for the
            number of crops.
    """
    if segmenter.preview:
        raise ConfigError(no_proposals(segmenter.name))
    crops, _ = generate_crop_boxes(size, settings.crop_n_layers, settings.crop_overlap_ratio)
    if any(x1 <= x0 or y1 <= y0 for x0, y0, x1, y1 in crops):
        raise ConfigError(
            f"crop_n_layers={settings.crop_n_layers} is too much for a frame of {size[1]}x{size[0]}; lower it"
        )


@torch.inference_mode()
def _everything(
    segmenter: PromptableSegmenter,
    frame: NDArray[np.uint8],
    settings: ProposalSettings,
    embedding: Embedding | None,
) -> list[Proposal]:
    grids = build_all_layer_point_grids(
        settings.points_per_side, settings.crop_n_layers, settings.crop_n_points_downscale_factor
    )
    crops, layers = generate_crop_boxes(frame.shape[:2], settings.crop_n_layers, settings.crop_overlap_ratio)
    found: list[Proposal] = []
    for (x0, y0, x1, y1), layer in zip(crops, layers, strict=True):
        if embedding is None or layer > 0:  # layer 0 is the whole frame
            embedding = segmenter.encode([frame[y0:y1, x0:x1]])[0]
        inside = _in_crop(segmenter, embedding, frame.shape[:2], (x0, y0, x1, y1), grids[layer], settings)
        found += _distinct(inside, [p.predicted_iou for p in inside], settings.box_nms_thresh)
    if len(crops) > 1:
        found = _distinct(found, [1 / _pixels(p.crop_box) for p in found], settings.crop_nms_thresh)
    if settings.min_mask_region_area:
        found = _without_small_regions(found, settings)
    return sorted(found, key=lambda p: -p.predicted_iou)[: settings.max_masks]


def _in_crop(
    segmenter: PromptableSegmenter,
    embedding: Embedding,
    size: tuple[int, ...],
    crop: Crop,
    grid: NDArray[np.float64],
    settings: ProposalSettings,
) -> list[Proposal]:
    """All masks in a crop that are confident and stable enough, in the grid's order, with duplicates.

    Args:
        embedding: embedding of the crop.
        size: (H, W) of the whole frame.
        grid: (N, 2), x and y as shares of the crop's width and height.
    """
    x0, y0, x1, y1 = crop
    points = torch.from_numpy(grid * (x1 - x0, y1 - y0)).float()
    at_once = max(1, FULL_RESOLUTION_BYTES // (BYTES_PER_PIXEL * max(SMALLEST_CANVAS, size[0] * size[1])))
    found: list[Proposal] = []
    for batch in torch.split(points, settings.points_per_batch):
        labels = torch.ones(len(batch), 1, dtype=torch.int64)
        decoded = segmenter.candidates(embedding, Prompts(batch[:, None], labels))
        scores = decoded.scores.flatten()
        sure = torch.arange(len(scores), device=scores.device)
        if settings.pred_iou_thresh > 0:
            sure = sure[scores > settings.pred_iou_thresh]
        low_res = decoded.low_res.flatten(0, 1)
        prompts = batch.repeat_interleave(decoded.scores.shape[1], 0)
        for some in torch.split(sure, at_once):
            logits = segmenter.upscale(low_res[some], embedding.size)
            found += _stable(logits, scores[some].cpu(), prompts[some.cpu()], crop, size, settings)
    return found


def _stable(
    logits: Tensor,
    scores: Tensor,
    points: Tensor,
    crop: Crop,
    size: tuple[int, ...],
    settings: ProposalSettings,
) -> list[Proposal]:
    """Candidates in a crop that are stable, not empty, and not cut by the crop's border.

    Args:
        logits: (B, h, w) at the crop's size.
        scores: (B,) predicted IoU.
        points: (B, 2) in pixels of the crop.
    """
    height, width = size
    stability = calculate_stability_score(logits, 0.0, settings.stability_score_offset)
    masks = logits > 0
    boxes, areas = mask_extent(masks)
    keep = (areas > 0) & ~is_box_near_crop_edge(boxes, list(crop), [0, 0, width, height])
    if settings.stability_score_thresh > 0:
        keep &= stability >= settings.stability_score_thresh
    kept = keep.cpu()
    offset = torch.tensor(crop[:2])
    return [
        Proposal(rle, area, box, score, stable, point, crop)
        for rle, area, box, score, stable, point in zip(
            _encoded(uncrop_masks(masks[keep], crop, height, width)),
            areas[keep].tolist(),
            map(tuple, (boxes[keep].cpu() + offset.repeat(2)).tolist()),
            scores[kept].tolist(),
            stability[keep].tolist(),
            map(tuple, (points[kept] + offset).tolist()),
            strict=True,
        )
    ]


def _encoded(masks: Tensor) -> list[Rle]:
    """Run lengths of masks (B, H, W) bool."""
    # Run lengths go down the columns, as must the encoder's memory; a GPU transposes quickly.
    return encode_each(masks.permute(0, 2, 1).contiguous().cpu().numpy().transpose(0, 2, 1))


def _distinct(found: Sequence[Proposal], scores: Sequence[float], threshold: float) -> list[Proposal]:
    """Non-maximum suppression by box, in descending order of ``scores``."""
    boxes = torch.tensor([p.box for p in found]).reshape(-1, 4)
    return [found[i] for i in nms(boxes, torch.tensor(scores), threshold).tolist()]


def _without_small_regions(found: Sequence[Proposal], settings: ProposalSettings) -> list[Proposal]:
    """Fill small holes and remove small islands; of masks that become alike, unchanged ones are kept."""
    cleaned = [_cleaned(p, settings.min_mask_region_area) for p in found]
    unchanged = [float(new is old) for new, old in zip(cleaned, found, strict=True)]
    return _distinct(cleaned, unchanged, max(settings.box_nms_thresh, settings.crop_nms_thresh))


def _cleaned(proposal: Proposal, min_area: int) -> Proposal:
    mask, filled = remove_small_regions(proposal.mask, min_area, "holes")
    mask, removed = remove_small_regions(mask, min_area, "islands")
    if not filled and not removed:
        return proposal
    masks = torch.from_numpy(mask)[None]
    boxes, areas = mask_extent(masks)
    return replace(proposal, rle=_encoded(masks)[0], area=int(areas[0]), box=tuple(boxes[0].tolist()))


def _pixels(box: Crop) -> int:
    x0, y0, x1, y1 = box
    return (x1 - x0) * (y1 - y0)
